"""Energies in any unit, wide splittings and flat spectra: every engine is right, or says that it is not.

BIGBATH_LONG=1: 500 random examples of each kind.
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import assert_window, dense, explicit, hamiltonian_of, random_terms

from bigbath.cluster.estimate import estimate
from bigbath.cluster.run import run
from bigbath.errors import ImpossibleRequest, IncompleteWindow
from bigbath.job import parse_job
from bigbath.models import Custom
from bigbath.solvers import Auto, Dense, Density, Filter, Forecast, Interval, Levels, Nearest, ShiftInvert, Whole, solve
from bigbath.store import open_result

LONG = os.environ.get("BIGBATH_LONG") == "1"
ENGINES = {
    "dense": Dense(),
    "filter": Filter(),
    "mumps": ShiftInvert(factor="mumps"),
    "blocks": ShiftInvert(factor="blocks"),
}
EPSILON = float(np.finfo(float).eps)

random_examples = settings(
    max_examples=500 if LONG else 15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def model(stream, L=5, scale=1.0):
    """A random real model whose couplings are ``scale`` times the same numbers."""
    terms = tuple(
        (letters, tuple((scale * c[0], *c[1:]) for c in couplings))
        for letters, couplings in random_terms(stream, range(L), 4 * L)
    )
    return Custom(L=L, system=(), bath=(), interaction=terms)


def in_unit(window, s):
    """The same window of s H."""
    if window.kind == "nearest":
        return Nearest(target=window.target * s, k=window.k)
    if window.kind == "interval":
        return Interval(lower=window.lower * s, upper=window.upper * s)
    if window.kind == "levels":
        return Levels(energies=tuple(e * s for e in window.energies))
    return window


def assert_covariant(stream, engine, exponent, L):
    s, seed = 10.0**exponent, int(stream.integers(2**32))
    h, other = (hamiltonian_of(model(np.random.default_rng(seed), L, scale)) for scale in (1.0, s))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    assert np.allclose(dense(other.matrix) / s, dense(h.matrix), rtol=1e-12, atol=0)
    middle = int(stream.integers(2, energies.size - 2))
    target = float(energies[middle] + 0.3 * (energies[middle + 1] - energies[middle]))
    windows = [Nearest(target=target, k=3), Density(epsilon=0.4, k=4), Interval(lower=target - 0.3, upper=target + 0.4)]
    if engine != "filter":
        windows += [Levels(energies=(target,)), Whole()]
    window = windows[int(stream.integers(len(windows)))]
    a = solve(h, window, engine=ENGINES[engine])
    b = solve(other, in_unit(window, s), engine=ENGINES[engine])
    norm = np.abs(energies).max()
    assert a.evidence.complete == b.evidence.complete == "yes", (a.evidence.reason, b.evidence.reason)
    assert a.energies.size == b.energies.size
    assert np.abs(a.energies - b.energies / s).max(initial=0) <= 1e-11 * norm
    assert abs(b.evidence.norm / s - norm) <= 1e-11 * norm
    assert np.allclose(np.array(b.evidence.edges) / s, a.evidence.edges, rtol=0, atol=1e-10 * norm)


@pytest.mark.petsc
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(ENGINES)), st.integers(-150, 150))
@random_examples
def test_energies_scale_with_the_hamiltonian(seed, engine, exponent):
    assert_covariant(np.random.default_rng(seed), engine, exponent, 5)


@pytest.mark.parametrize("exponent", [-150, -20, 150])
def test_the_filter_itself_scales(exponent):
    """1,024 states: filtered, not LAPACK's."""
    s, seed = 10.0**exponent, 3
    h, other = (hamiltonian_of(model(np.random.default_rng(seed), 10, scale)) for scale in (1.0, s))
    window = Density(epsilon=0.5, k=10)
    a, b = (solve(x, window, engine=Filter(), symmetries=()) for x in (h, other))
    assert a.evidence.complete == b.evidence.complete == "yes"
    assert np.abs(a.energies - b.energies / s).max() <= 1e-11 * a.evidence.norm
    assert np.abs(a.energies - np.linalg.eigvalsh(dense(h.matrix))[np.searchsorted(
        np.linalg.eigvalsh(dense(h.matrix)), a.energies - 1e-8)]).max() <= 1e-10  # fmt: skip


@given(st.lists(st.floats(-300, 0), min_size=2, max_size=8))
@random_examples
def test_no_coupling_is_lost_in_a_matrix(exponents):
    """Each sigma^x of its own size, down to 1e-300 beside 1: the matrix holds every one."""
    fields = tuple((10.0**e, j) for j, e in enumerate(exponents))
    h = hamiltonian_of(Custom(L=len(fields), system=(), bath=(), interaction=(("x", fields),)))
    matrix = dense(h.matrix)
    for value, site in fields:
        assert matrix[0, 1 << (len(fields) - 1 - site)] == value


def test_a_bath_of_1e_15_beside_1e_14():
    s = 1e-14
    terms = (("x", ((0.1 * s, 1), (0.13 * s, 2))), ("zz", ((0.07 * s, 1, 2), (s, 0, 1))), ("z", ((s, 0),)))
    expected = np.linalg.eigvalsh(explicit(terms, 3).real / s)
    h = hamiltonian_of(Custom(L=3, system=(), bath=(), interaction=terms))
    for engine in (Dense(), Filter()):
        window = Interval(lower=-3 * s, upper=3 * s)
        assert np.abs(solve(h, window, engine=engine).energies / s - expected).max() < 1e-13


def split_model(stream, splitting, L):
    """sigma^z of the system times ``splitting``, and a bath of order 1 that it acts on: two manifolds, far apart."""
    bath = random_terms(stream, range(1, L), 3 * L)
    interaction = (("zz", tuple((float(stream.normal()), 0, j) for j in range(1, L))),)
    return Custom(L=L, system=(("z", ((splitting, 0),)),), bath=bath, interaction=interaction)


def upper_manifold(custom):
    """Levels of B + V with the system's spin up, in the bath's own scale."""
    fields = tuple(("z", tuple((c[0], c[2] - 1) for c in couplings)) for _, couplings in custom.interaction)
    bath = tuple((letters, tuple((c[0], *(j - 1 for j in c[1:])) for c in cs)) for letters, cs in custom.bath)
    return np.linalg.eigvalsh(explicit(bath + fields, custom.L - 1).real)


@pytest.mark.petsc
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(ENGINES)), st.floats(0, 9.5), st.booleans())
@random_examples
def test_an_interval_beside_a_wide_splitting(seed, engine, decades, symmetric):
    """Exactly the levels inside, as the bath alone has them: none units away, and no multiplet of all."""
    stream = np.random.default_rng(seed)
    splitting = 10.0**decades
    custom = split_model(stream, splitting, 6)
    levels = upper_manifold(custom)
    inside = Interval(lower=splitting - 1.0, upper=splitting + 1.0)
    rounding = 2000 * EPSILON * (splitting + 30)
    if np.abs(np.abs(levels) - 1.0).min() < rounding or 2 * splitting < levels[-1] - levels[0] + 40:
        return  # an edge within rounding of a level, or manifolds that overlap
    states = solve(hamiltonian_of(custom), inside, engine=ENGINES[engine], symmetries=None if symmetric else ())
    expected = levels[np.abs(levels) <= 1.0]
    assert states.evidence.complete == "yes", states.evidence.reason
    assert states.energies.size == expected.size
    assert np.abs(states.energies - splitting - expected).max(initial=0) <= rounding


@pytest.mark.petsc
@pytest.mark.parametrize("engine", ["dense", "mumps", "blocks", "filter"])
def test_nearest_beside_a_wide_splitting_is_not_everything(engine):
    custom = split_model(np.random.default_rng(5), 2.87e9, 7)
    levels = upper_manifold(custom)
    states = solve(hamiltonian_of(custom), Nearest(target=2.87e9 + 0.1, k=5), engine=ENGINES[engine], symmetries=())
    assert states.evidence.complete == "yes"
    assert 5 <= states.energies.size <= 6
    chosen = np.sort(levels[np.argsort(np.abs(levels - 0.1))[: states.energies.size]])
    assert np.abs(states.energies - 2.87e9 - chosen).max() < 1e-4


def test_an_interval_below_rounding_is_refused():
    h = hamiltonian_of(split_model(np.random.default_rng(5), 2.87e9, 5))
    with pytest.raises(ImpossibleRequest, match="double precision"):
        solve(h, Interval(lower=2.87e9, upper=2.87e9 + 1e-4), engine=Dense())
    solve(h, Interval(lower=2.87e9, upper=2.87e9 + 1e-2), engine=Dense())


def flat_model(stream, L):
    """Few integer couplings of sigma^z, and free spins: levels of high multiplicity."""
    fields = tuple((float(stream.integers(-1, 2)), j) for j in range(L))
    bonds = tuple((float(stream.integers(-1, 2)), j, j + 1) for j in range(L - 1))
    return Custom(L=L, system=(), bath=(), interaction=(("z", fields), ("xx", bonds[:2]), ("zz", bonds)))


@pytest.mark.petsc
@given(st.integers(0, 2**32 - 1), st.sampled_from([*sorted(ENGINES), "auto"]))
@random_examples
def test_flat_spectra(seed, engine):
    stream = np.random.default_rng(seed)
    h = hamiltonian_of(flat_model(stream, 6))
    energies = np.linalg.eigvalsh(dense(h.matrix))
    window = [Density(epsilon=0.5, k=3), Nearest(target=float(energies[20]), k=7), Interval(lower=-1.0, upper=1.0)][
        int(stream.integers(3))
    ]
    if energies[-1] - energies[0] < 1e-9 or (window.kind == "interval" and (energies[0] > 1 or energies[-1] < -1)):
        return
    assert_window(solve(h, window, engine={**ENGINES, "auto": Auto()}[engine], symmetries=()), h, window)


def uniform_central_spin(L):
    """One spin coupled alike to all others: levels of multiplicities of binomial numbers."""
    bonds = tuple((0.3, 0, j) for j in range(1, L))
    return {
        "name": "custom", "L": L, "system": [["z", [[1.0, 0]]]], "bath": [],
        "interaction": [[letters, bonds] for letters in ("xx", "yy", "zz")],
    }  # fmt: skip


def central_spin_job(engine, **more):
    window = {"kind": "density", "epsilon": 0.5, "k": 20}
    spectrum = {"window": window, "engine": engine, "symmetries": []}
    return parse_job({"model": uniform_central_spin(10), "spectrum": spectrum, **more})


@pytest.mark.petsc
def test_auto_resolves_what_the_filter_cannot(monkeypatch):
    dear = Forecast(seconds=100.0, bytes=0)
    monkeypatch.setattr(Dense, "forecast", lambda *_: dear)
    parsed = central_spin_job("auto")
    h = hamiltonian_of(parsed.model)
    states = solve(h, parsed.spectrum.window, engine=Auto(), symmetries=())
    assert_window(states, h, parsed.spectrum.window)
    assert "the filter could not resolve" in states.evidence.chosen


def test_a_window_that_is_not_certified_is_an_error_that_names_an_engine(tmp_path):
    """Nothing is measured, and still it fails; what was found is kept, marked."""
    with pytest.raises(IncompleteWindow, match=r'use engine = "shift-invert" or "dense".*The states found are in'):
        run(central_spin_job("filter"), tmp_path / "one.h5")
    assert not (tmp_path / "one.h5").exists()
    kept = open_result(tmp_path / "one.h5.parts" / "uncertified" / "realization_00000.h5")
    assert kept.evidence(0, "spectrum")["complete"] == "no"
    assert run(central_spin_job("filter", ensemble={"realizations": 2}), tmp_path / "two.h5") == "failed"


@pytest.mark.petsc
@pytest.mark.parametrize("factor", ["mumps", "blocks"])
def test_a_target_in_the_middle_of_a_symmetric_spectrum(factor):
    """XY chain: levels come in pairs +-E, the shift is on none or on many, and the diagonal is zero."""
    bonds = {letters: tuple((c, j, j + 1) for j in range(9)) for letters, c in (("xx", 1.0), ("yy", 0.6))}
    h = hamiltonian_of(Custom(L=10, system=(), bath=(), interaction=tuple(bonds.items())))
    window = Nearest(target=0.0, k=5)
    assert_window(solve(h, window, engine=ShiftInvert(factor=factor), symmetries=()), h, window)


def test_the_estimate_is_of_the_largest_point_and_of_all_tasks():
    data = {"model": {"name": "imbrie", "L": 5}, "spectrum": {"window": "whole"}, "ensemble": {"realizations": 3}}
    single = estimate(parse_job({**data, "model": {"name": "imbrie", "L": 8}}))
    swept = estimate(parse_job({**data, "sweep": {"model.L": [5, 8, 6]}}))
    assert (swept.point, swept.points, swept.tasks) == (1, 3, 9)
    assert swept.bytes == single.bytes
    assert swept.seconds > single.seconds == 3 * estimate(parse_job({**data, "model": {"name": "imbrie", "L": 8},
                                                                    "ensemble": {}})).seconds  # fmt: skip


def test_the_estimate_charges_shells_and_no_matrix_that_is_not_built():
    engine = {"kind": "filter", "memory": 3.0}
    spectrum = {"window": {"kind": "density", "epsilon": 0.5, "k": 10}, "engine": engine}
    large = estimate(parse_job({"model": {"name": "imbrie", "L": 22}, "spectrum": spectrum}))
    assert large.bytes < 60 * 8 * 2**23  # the matrix has 23 entries a row of 12 bytes, twice while it is built
    hertz = {
        "name": "custom", "L": 4, "system": [["z", [[1.0e9, 0]]]], "bath": [["x", [[1e5, 1], [1e5, 2], [1e5, 3]]]],
        "interaction": [["zz", [[2e5, 0, 1]]]],
    }  # fmt: skip
    job = {
        "model": hertz,
        "spectrum": {"window": "whole"},
        "bath": {"window": "whole"},
        "measure": {"distribution": {}},
    }
    with pytest.raises(ImpossibleRequest, match=r"measure\.distribution.*4,001,\d+,\d+ shells"):
        estimate(parse_job(job))
    job["measure"]["distribution"]["shell_width"] = 2500.0
    assert estimate(parse_job(job)).grids > 8 * 4 * 8e5
