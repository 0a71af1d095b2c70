"""Evolution in real time against full diagonalisation, in every kind of space, from every kind of state."""

import doctest
import importlib
import os
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense

import bigbath as bb
from bigbath.dynamics import Propagator, configuration, joint_state, product_state, random_state, thermal_state
from bigbath.dynamics.bessel import bessel, terms
from bigbath.errors import BigbathError, ImpossibleRequest, JobError
from bigbath.models import XXZ, Imbrie, Ring, disorder_stream
from bigbath.operators import Hamiltonian, Scale, build, operator_of
from bigbath.spaces import everything, sectors


def hamiltonian(model, seed=1):
    return build(model.composite(disorder_stream(seed, 0)))


CASES = {
    "flips": (Imbrie(L=8), None),
    "ranked": (XXZ(L=10, W=1.0), {"magnetisation": 0}),
    "ranked, complex": (XXZ(L=9, W=1.0, phi=0.5), {"magnetisation": 1}),
    "isometry": (Ring(N=9), {"reflection": 1, "momentum": 0}),
    "complex matrix": (XXZ(L=7, W=1.0, phi=0.5), None),
    "twelve spins": (XXZ(L=12, W=1.0), {"magnetisation": 0}),
    "twelve spins, complex": (XXZ(L=12, W=1.0, phi=0.5), {"magnetisation": 4}),
}


def exact(h, sector, state, times):
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    c = V.conj().T @ state
    return np.array([V @ (np.exp(-1j * E * t) * c) for t in times])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("start", ["real", "complex"])
def test_two_hundred_times(case, start):
    model, only = CASES[case]
    h = hamiltonian(model)
    sector = everything(h.dim) if only is None else sectors(h, only=only)[0]
    stream = np.random.default_rng(0)
    state = random_state(sector, stream)
    state = state.real / np.linalg.norm(state.real) if start == "real" else state
    times = np.sort(stream.uniform(0, 30, 200))
    propagator = Propagator.of(h, sector)
    found = list(propagator.evolve(state, times))
    assert [t for t, _ in found] == list(times)
    psi = np.array([p for _, p in found])
    assert np.abs(psi - exact(h, sector, state, times)).max() < 1e-11
    assert np.abs(np.linalg.norm(psi, axis=1) - 1).max() < 1e-12


@pytest.mark.parametrize("case", ["twelve spins", "twelve spins, complex"])
def test_twelve_spins_from_every_kind_of_state(case):
    """Configuration, product state, real and complex random states, a thermal one, system times bath eigenstate; 200 times in the long run."""
    model, only = CASES[case]
    composite = model.composite(disorder_stream(1, 0))
    h, stream = build(composite), np.random.default_rng(3)
    (sector,) = sectors(h, only=only)
    propagator = Propagator.of(h, sector)
    up = (12 + only["magnetisation"]) // 2
    spin = np.array([np.cos(0.4), np.exp(0.7j) * np.sin(0.4)])
    bath = bb.solve(
        build(composite, "B"), bb.Nearest(target=0.0, k=1), sector={"magnetisation": only["magnetisation"] - 1}
    )
    (block,) = bath.blocks
    starts = [
        configuration(sector, "u" * up + "d" * (12 - up)), product_state(sector, [spin] * 12),
        random_state(sector, stream).real, random_state(sector, stream), thermal_state(propagator, 0.7, stream),
        joint_state(sector, composite.dims, np.array([1.0, 0.0]), block.sector, block.vectors[:, 0]),
    ]  # fmt: skip
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    times = np.sort(stream.uniform(0, 30, 200 if os.environ.get("BIGBATH_LONG") else 12))
    for start in starts:
        state = start / np.linalg.norm(start)
        c = V.conj().T @ state
        for t, psi in propagator.evolve(state, times):
            assert np.abs(psi - V @ (np.exp(-1j * E * t) * c)).max() < 1e-10


@pytest.mark.parametrize("model", [Imbrie(L=7), XXZ(L=7, W=1.0, phi=0.5), Ring(N=9)])
def test_long_times_keep_norm_and_energy(model):
    h = hamiltonian(model)
    H = dense(h.matrix)
    propagator = Propagator.of(h)
    state = configuration(everything(h.dim), "neel")
    ((_, psi),) = propagator.evolve(state, [1000.0])
    assert abs(np.linalg.norm(psi) - 1) < 1e-12
    norm = np.linalg.norm(H, 2)
    assert abs(np.vdot(psi, H @ psi).real - state @ H @ state) < 1e-12 * norm
    assert np.linalg.norm(psi - exact(h, everything(h.dim), state, [1000.0])[0]) < propagator.error(1000.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(1e-3, 300), st.floats(1e-3, 1e3))
def test_the_bound_holds_and_scales(seed, time, scale):
    """A random time, a Hamiltonian in random units: the bound is not exceeded, backwards leads back."""
    stream = np.random.default_rng(seed)
    h = hamiltonian(XXZ(L=6, W=1.0, J=float(scale), phi=float(stream.choice([0.0, 0.4]))), seed)
    sector = sectors(h, only={"magnetisation": 0})[0]
    propagator = Propagator.of(h, sector)
    t = time / scale
    state = random_state(sector, stream)
    ((_, psi),) = propagator.evolve(state, [t])
    assert np.linalg.norm(psi - exact(h, sector, state, [t])[0]) < propagator.error(t) + 1e-15 * scale * t
    ((_, back),) = propagator.evolve(psi, [-t])
    assert np.linalg.norm(back - state) < 2 * propagator.error(t)


def test_few_times_need_little_memory_and_many_share():
    h = hamiltonian(Imbrie(L=8))
    propagator = Propagator.of(h)
    state = configuration(everything(h.dim), "u" * 9)
    times = np.linspace(0.1, 20, 50)
    roomy = np.array([p for _, p in propagator.evolve(state, times)])
    tight = np.array([p for _, p in propagator.evolve(state, times, memory=0)])
    assert np.abs(roomy - tight).max() < 1e-12


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.0, -3.0, 1e3, 1e5]), st.sampled_from([0.0, 1e12]))
def test_the_bound_holds_on_the_way(seed, count, offset, memory):
    """Several times with or without shared recurrences, and a spectrum far from 0."""
    stream = np.random.default_rng(seed)
    H = dense(hamiltonian(Imbrie(L=4), seed).matrix)
    H = (H if seed % 2 else H + 0.1j * (np.tri(*H.shape) - np.tri(*H.shape).T)) + offset * np.eye(H.shape[0])
    h = Hamiltonian(given=H, dims=(1, H.shape[0]))
    times = np.sort(stream.uniform(0, 40, count))
    propagator = Propagator.of(h)
    state = random_state(everything(h.dim), stream)
    E, V = np.linalg.eigh(H - offset * np.eye(h.dim))
    for k, (t, psi) in enumerate(propagator.evolve(state, times, memory=memory)):
        exact_psi = np.exp(-1j * offset * t) * (V @ (np.exp(-1j * E * t) * (V.conj().T @ state)))
        rounded = 1e-15 * abs(offset) * t  # of H itself and of its eigenvalues, where offset is large
        assert np.linalg.norm(psi - exact_psi) < propagator.error(t, restarts=k) + rounded


def test_a_flat_spectrum_turns_the_phase_alone():
    for energy in (0.0, 3.7):
        given = energy * np.eye(500)
        h = Hamiltonian(given=given, dims=(1, 500))
        state = random_state(everything(500), np.random.default_rng(0))
        ((_, psi),) = Propagator.of(h).evolve(state, [12.0])
        assert np.abs(psi - np.exp(-12j * energy) * state).max() < 1e-13


def test_times_far_apart_and_wrong_input():
    h = hamiltonian(Imbrie(L=5))
    propagator, state = Propagator.of(h), configuration(everything(h.dim), "neel")
    times = [0.1, 0.2, 0.3, 2e4]
    found = np.array([psi for _, psi in propagator.evolve(state, times)])
    assert np.abs(found - exact(h, everything(h.dim), state, times)).max() < 1e-9
    for wrong in ([0.0, np.nan], [np.inf], 3.0):
        with pytest.raises(JobError, match="finite"):
            list(propagator.evolve(state, wrong))
    with pytest.raises(JobError, match="shape"):
        list(propagator.evolve(state[:-1], [1.0]))
    with pytest.raises(JobError, match="norm"):
        list(propagator.evolve(0 * state, [1.0]))


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_times_beyond_all_products_are_refused_at_once(scale):
    h = bb.build(bb.draw(bb.XXZ(L=6, J=scale, W=scale)))
    propagator, psi = bb.Propagator.of(h), np.eye(64)[3]
    for refused in (
        lambda: next(bb.evolve(h, psi, [1e12 / scale])),
        lambda: propagator.needs([1.0 / scale, 1e12 / scale]),
        lambda: bb.loschmidt(propagator, psi, [1e12 / scale]),
    ):
        with pytest.raises(ImpossibleRequest, match="take shorter times"):
            refused()


def test_a_norm_that_is_not_kept_is_an_error():
    """The ends of the spectrum wrong by a tenth: Chebyshev polynomials grow outside, and the state is refused."""
    h = hamiltonian(Imbrie(L=6))
    right = Propagator.of(h).scale
    narrow = Scale(centre=right.centre, halfwidth=0.9 * right.halfwidth)
    propagator = Propagator(operator=operator_of(h, everything(h.dim), narrow), scale=narrow)
    with pytest.raises(BigbathError, match="norm"):
        list(propagator.evolve(configuration(everything(h.dim), "neel"), [30.0]))


@pytest.mark.parametrize("case", ["flips", "ranked", "ranked, complex"])
def test_one_final_time_takes_four_vectors(case):
    """Memory at its peak, beside the state at the beginning."""
    model, only = {
        "flips": (Imbrie(L=15), None),
        "ranked": (XXZ(L=20, W=1.0), {"magnetisation": 0}),
        "ranked, complex": (XXZ(L=20, W=1.0, phi=0.5), {"magnetisation": 0}),
    }[case]
    h = hamiltonian(model)
    sector = everything(h.dim) if only is None else sectors(h, only=only)[0]
    propagator = Propagator.of(h, sector)
    state = random_state(sector, np.random.default_rng(0))
    list(propagator.evolve(state, [0.01]))  # whatever is made once
    tracemalloc.start()
    try:
        for _ in propagator.evolve(state, [0.5]):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    vector = max(state.nbytes, propagator.operator.zeros(1 + (propagator.operator.dtype.kind != "c")).nbytes)
    assert peak < 4 * vector + 2**20, f"{peak / state.nbytes:.2f} vectors"


def test_thermal_states():
    """exp(-beta H/2)|r>: the energy of a random vector against the trace, within its own scatter."""
    h = hamiltonian(Imbrie(L=9))
    E = np.linalg.eigvalsh(dense(h.matrix))
    propagator = Propagator.of(h)
    for beta in (-0.3, 0.0, 0.2, 1.0):
        energies = []
        for seed in range(6):
            v = thermal_state(propagator, beta, np.random.default_rng(seed))
            energies.append(np.vdot(v, propagator.operator.product(v[:, None])[:, 0]).real)
        w = np.exp(-beta * (E - E.mean()))
        assert abs(np.mean(energies) - E @ w / w.sum()) < 5 * np.std(energies, ddof=1) / np.sqrt(6) + 0.02 * np.ptp(E)


def test_a_thermal_state_is_the_exponential():
    h = hamiltonian(XXZ(L=8, W=1.0))
    sector = sectors(h, only={"magnetisation": 0})[0]
    propagator = Propagator.of(h, sector)
    start = np.random.default_rng(4).standard_normal(sector.dim)
    expected = scipy.linalg.expm(-0.7 / 2 * dense(h.restricted(sector))) @ start
    found = thermal_state(propagator, 0.7, np.random.default_rng(4))
    assert np.abs(found - expected / np.linalg.norm(expected)).max() < 1e-12


def test_states_outside_and_wrong_words_are_refused():
    h = hamiltonian(XXZ(L=6, W=1.0))
    sector = sectors(h, only={"magnetisation": 0})[0]
    assert configuration(sector, "neel").sum() == 1
    with pytest.raises(JobError, match="not in the sector"):
        configuration(sector, "uuuudd")
    with pytest.raises(JobError, match="configuration of 6 spins"):
        configuration(sector, "up")
    up, plus = np.array([1.0, 0.0]), np.array([1.0, 1.0]) / np.sqrt(2)
    assert np.allclose(np.abs(product_state(sector, [plus] * 6)), 1 / np.sqrt(20))
    with pytest.raises(JobError, match="no part"):
        product_state(sector, [up] * 6)
    with pytest.raises(JobError, match="ascending"):
        list(Propagator.of(h, sector).evolve(configuration(sector, "neel"), [2.0, 1.0]))


def test_bessel_functions():
    x = np.array([0.0, 1e-20, 1e-3, 0.7, 12.0, -12.0, 300.0])
    found = bessel(x, terms(300.0))
    assert np.abs(found - scipy.special.jv(np.arange(found.shape[1]), x[:, None])).max() < 1e-13


def test_the_example_of_the_page_runs():
    page = (Path(__file__).parents[2] / "docs" / "dynamics.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    exec(code, names)
    survival = names["survival"]
    assert survival[0] == pytest.approx(1) and max(survival[10:]) < 0.2


def test_evolve_takes_one_sector_and_says_so():
    assert doctest.testmod(importlib.import_module("bigbath.dynamics.evolve")).failed == 0
    h = hamiltonian(XXZ(L=6, W=1.0))
    with pytest.raises(JobError, match="has 20 states"):
        bb.evolve(h, np.ones(64), [1.0], sector={"magnetisation": 0})
    ring = hamiltonian(Ring(N=5))
    with pytest.raises(JobError, match="selects 3 sectors"):
        bb.evolve(ring, np.ones(20), [1.0], sector={"reflection": 1})
