"""How times share recurrences: the count of products, and states by reflection against full diagonalisation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense

from bigbath.dynamics import Propagator, configuration, random_state
from bigbath.dynamics.plan import plan, spacing
from bigbath.models import XXZ, Imbrie, Ring, disorder_stream
from bigbath.operators import Hamiltonian, Scale, build
from bigbath.spaces import everything, sectors

MODELS = {
    "flips": (Imbrie(L=7), None),
    "ranked": (XXZ(L=8, W=1.0), {"magnetisation": 0}),
    "isometry": (Ring(N=7), {"reflection": 1}),
    "matrix": (Imbrie(L=3), None),
}


def exact(h, sector, state, times):
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    return np.array([V @ (np.exp(-1j * E * t) * (V.conj().T @ state)) for t in times])


@pytest.mark.parametrize("reach", [10.0, 200.0, 3e3, 1e5])
@pytest.mark.parametrize("count", [50, 200])
def test_equidistant_times_cost_at_most_twice_the_last_one(reach, count):
    """Products of a real state under a real H, and of a complex state or a complex H."""
    scale, times = Scale(centre=0.3, halfwidth=1.0), reach * np.arange(1, count + 1) / count
    for parts in ((1, 2), (2, 2), (1, 1)):
        alone = plan(scale, times[-1:], most=128, parts=parts).products
        if parts == (1, 2) or reach >= 3e3:
            assert plan(scale, times, most=128, parts=parts).products <= 2 * alone


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("backwards", [False, True])
def test_reflection(case, backwards):
    model, only = MODELS[case]
    h = build(model.composite(disorder_stream(2, 0)))
    sector = everything(h.dim) if only is None else sectors(h, only=only)[0]
    state = random_state(sector, np.random.default_rng(0)).real
    state /= np.linalg.norm(state)
    times = np.linspace(0, -40 if backwards else 40, 120)
    propagator = Propagator.of(h, sector)
    chosen = propagator.plan(times)
    assert chosen.reflected and len(chosen.groups) > 3
    found = list(propagator.evolve(state, times))
    assert [t for t, _ in found] == list(times)
    errors = np.linalg.norm(np.array([psi for _, psi in found]) - exact(h, sector, state, times), axis=1)
    assert np.all(errors <= chosen.bounds + 1e-13)  # LAPACK's own rounding
    assert errors.max() < 1e-11


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(4, 150), st.floats(0.01, 30), st.booleans(), st.sampled_from([0.0, 50.0]))
def test_the_bound_of_reflection(seed, count, step, at_zero, offset):
    """Levels at the poles of U_m too: E step a multiple of pi, where rounding grows fastest."""
    stream = np.random.default_rng(seed)
    E = stream.uniform(-4, 4, 12)
    E[:4] = np.pi / step * np.round(E[:4] * step / np.pi)
    V, _ = np.linalg.qr(stream.standard_normal((12, 12)))
    given_matrix = (V * (E + offset)) @ V.T
    h = Hamiltonian(given=(given_matrix + given_matrix.T) / 2, dims=(1, 12))
    state = V[:, 0] / np.sqrt(2) + V[:, 5] / np.sqrt(2)
    times = step * np.arange(0 if at_zero else 1, count + 1)
    propagator = Propagator.of(h)
    chosen = propagator.plan(times)
    levels, vectors = np.linalg.eigh(h.given)
    for (t, psi), bound in zip(propagator.evolve(state, times), chosen.bounds, strict=True):
        right = vectors @ (np.exp(-1j * levels * t) * (vectors.T @ state))
        assert np.linalg.norm(psi - right) < bound + 3e-15 * (4 + offset) * (1 + t)  # LAPACK's levels


def test_which_times_are_equidistant():
    assert spacing(np.linspace(0, 3, 31)) == pytest.approx(0.1)
    assert spacing(np.linspace(0.1, 3, 30)) == pytest.approx(0.1)
    for times in ([0.1, 0.2, 0.3, 0.41], [1.0, 1.1, 1.2, 1.3], [0.0, 0.0, 0.0, 0.0], [0, 0, 1, 2, 3, 4], [1.0, 2.0]):
        assert spacing(np.array(times)) is None


def test_little_memory_restarts():
    h = build(Imbrie(L=6).composite(disorder_stream(1, 0)))
    propagator, state = Propagator.of(h), configuration(everything(h.dim), "u" * 7)
    times = np.linspace(0, 10, 41)
    assert not propagator.plan(times, memory=0).reflected
    tight, roomy = (np.array([p for _, p in propagator.evolve(state, times, memory=m)]) for m in (0, 1e9))
    assert np.abs(tight - roomy).max() < 1e-12
