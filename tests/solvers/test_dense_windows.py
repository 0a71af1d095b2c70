"""The dense engine against numpy, and what each kind of window means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import KINDS, assert_window, dense, expected_window, hamiltonian_of, random_model

from bigbath import Auto, Dense, Density, Interval, Levels, Nearest, Whole, solve
from bigbath.errors import ImpossibleRequest, JobError
from bigbath.models import TFIM, Custom, Imbrie, Ring
from bigbath.solvers.window import merge_intervals, nearest_count

RING = Ring(N=8, g=1.05, h=0.1)


def spectrum(h):
    return np.linalg.eigvalsh(dense(h.matrix))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_whole_spectrum(kind, seed):
    h = hamiltonian_of(random_model(np.random.default_rng(seed), kind, 8), seed=seed)
    assert_window(solve(h, Whole(), engine=Dense()), h, Whole())


@pytest.mark.parametrize("symmetries", [None, (), ("reflection",), ("momentum",)])
@pytest.mark.parametrize(
    "window",
    [
        Nearest(target=0.3, k=5), Nearest(target=-2.0, k=1), Nearest(target=0.0, k=256), Density(epsilon=0.0, k=1),
        Density(epsilon=1.0, k=3), Density(epsilon=0.37, k=12), Interval(lower=-1.0, upper=1.0),
        Interval(lower=-100.0, upper=100.0), Levels(energies=(-3.0, 2.5, 0.1)), Whole(),
    ],
    ids=str,
)  # fmt: skip
def test_windows_of_the_degenerate_ring(window, symmetries):
    """Exact +-momentum pairs come back whole, with and without symmetries."""
    h = hamiltonian_of(RING)
    assert_window(solve(h, window, engine=Dense(), symmetries=symmetries), h, window)


def test_a_multiplet_is_never_cut():
    h = hamiltonian_of(RING)
    energies = spectrum(h)
    pairs = np.flatnonzero(np.diff(energies) < 1e-10)
    assert pairs.size > 20
    for n in pairs[::6]:
        for symmetries in (None, ()):
            states = solve(h, Nearest(target=float(energies[n]) + 1e-4, k=1), engine=Dense(), symmetries=symmetries)
            assert np.allclose(states.energies, energies[n : n + 2], atol=1e-10)
            assert states.evidence.counted == 2


def test_states_at_equal_distance_are_a_tie():
    """The spectrum of sigma^x sigma^x is +-1 four times each: at target 0 everything is equally near."""
    model = Custom(L=3, system=(), bath=(), interaction=(("xx", ((1.0, 0, 1),)),))
    states = solve(hamiltonian_of(model), Nearest(target=0.0, k=1), engine=Dense())
    assert np.allclose(states.energies, [-1] * 4 + [1] * 4)


def test_density_is_the_energy_it_stands_for():
    h = hamiltonian_of(Imbrie(L=6))
    energies = spectrum(h)
    target = float(energies[0] + 0.42 * (energies[-1] - energies[0]))
    by_density = solve(h, Density(epsilon=0.42, k=7), engine=Dense())
    by_energy = solve(h, Nearest(target=target, k=7), engine=Dense())
    assert np.array_equal(by_density.energies, by_energy.energies)
    assert np.allclose(by_density.extremes, (energies[0], energies[-1]), atol=1e-10)
    assert by_density.window == Density(epsilon=0.42, k=7)


def test_levels_take_each_level_once():
    h = hamiltonian_of(Imbrie(L=6))
    e = spectrum(h)[40]
    states = solve(h, Levels(energies=(float(e), float(e) + 1e-7, float(e) - 1e-7)), engine=Dense())
    assert np.allclose(states.energies, [e], atol=1e-10)


def test_an_interval_in_a_gap_is_empty_and_complete():
    h = hamiltonian_of(Imbrie(L=6))
    energies = spectrum(h)
    n = int(np.argmax(np.diff(energies)))
    third = (energies[n + 1] - energies[n]) / 3
    window = Interval(lower=float(energies[n] + third), upper=float(energies[n + 1] - third))
    states = solve(h, window, engine=Dense())
    assert states.energies.size == 0
    assert states.evidence.complete == "yes"
    assert states.evidence.counted == 0


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (Nearest(target=50.0, k=3), "50 lies outside the spectrum"),
        (Levels(energies=(0.0, -77.0)), "-77 lies outside the spectrum"),
        (Interval(lower=60.0, upper=70.0), "outside the spectrum"),
        (Interval(lower=-70.0, upper=-60.0), "outside the spectrum"),
        (Nearest(target=0.0, k=65), "only 64"),
        (Density(epsilon=0.5, k=1000), "only 64"),
    ],
)
def test_what_cannot_be_met_is_refused(window, message):
    with pytest.raises(ImpossibleRequest, match=message):
        solve(hamiltonian_of(Ring(N=6)), window, engine=Dense())


def test_k_is_compared_with_the_sectors_asked_for():
    h = hamiltonian_of(Ring(N=6))
    odd = solve(h, Whole(), engine=Dense(), sector={"reflection": -1})
    n = odd.energies.size
    assert n < 64
    solve(h, Nearest(target=0.0, k=n), engine=Dense(), sector={"reflection": -1})
    with pytest.raises(ImpossibleRequest, match=f"only {n}"):
        solve(h, Nearest(target=0.0, k=n + 1), engine=Dense(), sector={"reflection": -1})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Density(epsilon=1.3, k=1), lambda: Density(epsilon=-0.1, k=1), lambda: Nearest(target=0.0, k=0),
        lambda: Interval(lower=1.0, upper=1.0), lambda: Interval(lower=2.0, upper=1.0), lambda: Levels(energies=()),
        lambda: Nearest(target=float("nan"), k=1), lambda: Nearest(target=float("inf"), k=1), lambda: Whole(slice=0),
    ],
)  # fmt: skip
def test_an_impossible_window_cannot_be_made(make):
    with pytest.raises(ValueError, match="is not valid"):
        make()


def test_an_unknown_symmetry_is_a_job_error():
    with pytest.raises(JobError, match="parity"):
        solve(hamiltonian_of(RING), Whole(), engine=Dense(), symmetries=("parity",))


def test_auto_takes_lapack_for_small_sectors_and_says_why():
    states = solve(hamiltonian_of(RING), Nearest(target=0.0, k=3), engine=Auto())
    assert states.evidence.engine == "dense" and states.evidence.chosen.startswith("forecast for ")


def test_a_complex_model():
    terms = random_model(np.random.default_rng(3), "custom", 7)
    model = Custom(L=terms.L, system_sites=terms.system_sites, system=terms.system, bath=terms.bath,
                   interaction=(*terms.interaction, ("xyz", ((0.8, 0, 2, 3),))))  # fmt: skip
    h = hamiltonian_of(model)
    assert h.is_complex
    for window in (Whole(), Density(epsilon=0.5, k=9), Interval(lower=-1.0, upper=0.5)):
        states = solve(h, window, engine=Auto())
        assert_window(states, h, window)
        assert states.evidence.engine.startswith("dense")


def test_too_little_memory_is_refused_before_work(monkeypatch):
    h = hamiltonian_of(TFIM(L=7))
    monkeypatch.setattr("bigbath.resources.memory_limit", lambda: 1000)
    with pytest.raises(ImpossibleRequest, match=r"LAPACK on a sector of 128 states.*shift-invert"):
        solve(h, Whole(), engine=Dense())


@given(
    st.lists(st.integers(-20, 20), min_size=1, max_size=30).map(lambda v: np.sort(np.array(v, dtype=float))),
    st.integers(-21, 21),
    st.integers(1, 30),
)
def test_nearest_count_on_degenerate_spectra(energies, target, k):
    """On integer spectra, full of multiplets and ties: the smallest whole window with at least k states."""
    k = min(k, energies.size)
    m, radius = nearest_count(energies, target, k, 1e-9)
    inside = np.abs(energies - target) <= radius
    chosen = expected_window(Nearest(target=float(target), k=k), energies, 1.0)
    assert inside.sum() == m == chosen.size
    assert np.array_equal(np.flatnonzero(inside), chosen)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 5)), min_size=1, max_size=6))
def test_merged_intervals_are_disjoint_and_cover_the_same(pieces):
    intervals = [(float(a), float(a + n)) for a, n in pieces]
    merged = merge_intervals(intervals)
    assert all(a[1] < b[0] for a, b in zip(merged[:-1], merged[1:], strict=True))
    for x in np.arange(-10, 16, 0.25):
        assert any(lo <= x <= hi for lo, hi in merged) == any(lo <= x <= hi for lo, hi in intervals)
