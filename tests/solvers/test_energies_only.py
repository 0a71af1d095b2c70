"""Energies alone: slices of a window lose and repeat no level, and are certified; windows that share one matrix."""

import os

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from support import expected_window

from bigbath.errors import ImpossibleRequest
from bigbath.models import XXZ, draw
from bigbath.operators import Hamiltonian, build
from bigbath.solvers import Auto, Dense, Density, Filter, Interval, Nearest, ShiftInvert, Solver, Whole, prepare, solve
from bigbath.solvers.filter import sampled_forecast
from bigbath.solvers.slices import in_slices, joined

#: Bytes for a basis of some 100 vectors of 924 or 1024 states.
LITTLE = 100 * 1000 * 8


def ring(L, W=1.0, phi=0.0):
    return build(draw(XXZ(L=L, W=W, phi=phi), seed=4))


def levels_of(h, sector):
    return solve(h, Interval(lower=-1e3, upper=1e3), engine=Dense(), sector=sector).energies


multiplets = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(1, 4)), min_size=1, max_size=15, unique_by=lambda m: m[0]
)


@settings(max_examples=300 if os.environ.get("BIGBATH_LONG") else 12, deadline=None)
@given(multiplets, st.lists(st.integers(-90, 90), min_size=1, max_size=5, unique=True), st.booleans())
def test_slices_lose_and_repeat_no_level_wherever_they_are_cut(levels, inner, halves):
    energies = np.repeat([float(e) for e, _ in levels], [n for _, n in levels])
    h = Hamiltonian(given=sp.csr_array(sp.diags_array([*energies, -100.0, 100.0])), dims=(1, energies.size + 2))
    cuts = sorted({-50.0, 50.0, *(c / 2 if halves else float(c // 2) for c in inner)})
    slices = in_slices(cuts, lambda window: solve(h, window, engine=Dense()))
    lower, upper = float(min(inner)) - 0.5, float(max(inner)) + 0.5
    for lo, hi in [(-50.0, 50.0), (lower, upper)]:
        states = joined(slices, lo, hi)
        inside = np.sort(energies[(energies >= lo) & (energies <= hi)])
        assert states.evidence.complete == "yes", states.evidence.reason
        assert states.evidence.counted == states.evidence.found == inside.size
        np.testing.assert_allclose(states.energies, inside, atol=1e-12)


def test_a_level_that_one_of_two_slices_misses_is_noticed():
    h = Hamiltonian(given=sp.csr_array(sp.diags_array(np.arange(40.0))), dims=(1, 40))

    def forgetful(window):
        states = solve(h, window, engine=Dense())
        if window.lower < 5:
            return states
        (block,) = states.without_vectors().blocks
        return solve(
            Hamiltonian(
                given=sp.csr_array(sp.diags_array([-1.0, 40.0, *block.energies[1:]])), dims=(1, block.energies.size + 1)
            ),
            window,
            engine=Dense(),
        )

    states = joined(in_slices([-0.5, 20.5, 39.5], forgetful), -0.5, 39.5)
    assert states.evidence.complete == "no"
    assert "different levels" in states.evidence.reason


@pytest.mark.parametrize("kind", ["density", "interval"])
@pytest.mark.parametrize("case", ["sector", "complex", "localised"])
def test_slices_of_the_filter_are_lapack_s(case, kind):
    h, width = {"sector": (ring(12), 0.25), "complex": (ring(12, phi=0.4), 0.25), "localised": (ring(12, W=8.0), 1.5)}[
        case
    ]
    window = Density(epsilon=0.45, k=60) if kind == "density" else Interval(lower=-0.2 - width, upper=-0.2)
    sector = {"magnetisation": 0}
    memory = LITTLE * h.dtype.itemsize / 8 / 2**30
    states = solve(h, window, engine=Filter(memory=memory), sector=sector, vectors=False)
    assert "slices" in states.evidence.engine
    levels = levels_of(h, sector)
    expected = levels[expected_window(window, levels, np.abs(levels).max())]
    e = states.evidence
    assert e.complete == "yes", e.reason
    assert e.counted == e.found == expected.size
    np.testing.assert_allclose(states.energies, expected, atol=1e-11)
    assert states.residuals.max() == e.residual < 1e-10 * e.norm


@pytest.mark.parametrize("engine", [Auto(), Dense(), Filter(), ShiftInvert()], ids=lambda e: e.kind)
def test_every_engine_can_leave_its_vectors_out(engine):
    h, window = ring(12), Density(k=20)
    full, alone = (solve(h, window, engine=engine, sector={"magnetisation": 0}, vectors=v) for v in (True, False))
    np.testing.assert_array_equal(full.energies, alone.energies)
    np.testing.assert_array_equal(full.residuals, alone.residuals)
    assert alone.evidence.complete == "yes"
    for use in (alone.vectors, lambda: alone.blocks[0].vectors):
        with pytest.raises(ImpossibleRequest, match="vectors = true"):
            use()


def test_slices_of_several_sectors():
    h = ring(8)
    every = solve(h, Interval(lower=-4.0, upper=4.0), engine=Dense())
    solver = Solver(h)
    slices = in_slices([-4.0, -1.0, 0.1, 0.5, 4.0], lambda window: solver.solve(window, engine=Dense()))
    states = joined(slices, -4.0, 4.0)
    np.testing.assert_allclose(states.energies, every.energies, atol=1e-12)
    assert [b.sector.labels for b in states.blocks] != []
    assert {b.sector.labels: b.energies.size for b in states.blocks} == {
        b.sector.labels: b.energies.size for b in every.blocks
    }


def test_the_forecast_of_slices_is_what_they_take():
    problem = prepare(ring(14), Density(k=400), sector={"magnetisation": 0})
    needed = sampled_forecast(problem, Filter()).bytes
    little = Filter(memory=needed / 2**30 / 6)
    with pytest.raises(ImpossibleRequest, match=r"engine\.memory"):
        solve(ring(14), Density(k=400), engine=little, sector={"magnetisation": 0})
    states = solve(ring(14), Density(k=400), engine=little, sector={"magnetisation": 0}, vectors=False)
    assert states.evidence.complete == "yes"
    object.__setattr__(problem, "vectors", False)
    forecast = sampled_forecast(problem, little)
    assert forecast.bytes <= needed / 6
    assert abs(states.evidence.iterations / forecast.products - 1) < 0.3


def test_windows_of_one_matrix_are_those_of_single_solves():
    h, sector = ring(12, W=2.0), {"magnetisation": 0}
    solver = Solver(h, sector=sector)
    for window in (Density(epsilon=0.3, k=20), Interval(lower=0.0, upper=0.03), Nearest(target=-0.3, k=30)):
        for vectors in (True, False):
            together = solver.solve(window, engine=Filter(), vectors=vectors)
            alone = solve(h, window, engine=Filter(), sector=sector, vectors=vectors)
            np.testing.assert_array_equal(together.energies, alone.energies)
            np.testing.assert_array_equal(together.residuals, alone.residuals)
            assert together.window == window
            assert together.extremes == alone.extremes
            assert together.evidence.edges == alone.evidence.edges


@pytest.mark.parametrize("epsilon", [0.02, 0.1, 0.9, 0.98])
def test_windows_near_the_ends_of_the_spectrum_need_no_second_attempt(epsilon):
    """The density of states grows by a multiple inside such a window: samples for its mean would not resolve all of it."""
    said, h, sector, window = [], ring(14), {"magnetisation": 0}, Density(epsilon=epsilon, k=60)
    states = solve(h, window, engine=Filter(), sector=sector, report=lambda *a: said.append(a[0]))
    assert states.evidence.complete == "yes"
    assert not any("again" in label for label in said)
    levels = levels_of(h, sector)
    expected = levels[expected_window(window, levels, np.abs(levels).max())]
    np.testing.assert_allclose(states.energies, expected, atol=1e-10)


def test_a_single_state_has_an_energy_without_a_vector():
    states = solve(build(draw(XXZ(L=3))), Whole(), vectors=False)
    assert [state.energy for state in states] == list(states.energies) and len(states[2:5]) == 3
    with pytest.raises(ImpossibleRequest, match="vectors = true"):
        states[0].vector()
