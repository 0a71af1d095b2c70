"""What is looked at along an evolution, against full diagonalisation and explicit partial traces; typicality's errors."""

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense, pauli_string

import bigbath as bb
from bigbath.broadening import system_states
from bigbath.dynamics import (
    ObservationalEntropy,
    PauliString,
    Propagator,
    autocorrelation,
    charge_sector,
    configuration,
    density_matrix,
    entanglement,
    evolve,
    imbalance,
    joint_state,
    local,
    loschmidt,
    random_state,
    survival,
)
from bigbath.errors import IncompleteWindow, JobError
from bigbath.models import XXZ, Imbrie, Ring, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Nearest, Whole, solve
from bigbath.spaces import everything, sectors

MODELS = {
    "flips": (Imbrie(L=7), None),
    "ranked": (XXZ(L=8, W=1.0), {"magnetisation": 0}),
    "ranked, complex": (XXZ(L=9, W=1.0, phi=0.5), {"magnetisation": 1}),
    "isometry": (Ring(N=7), {"reflection": 1}),
    "complex matrix": (XXZ(L=7, W=1.0, phi=0.5), None),
}


def drawn(case):
    model, only = MODELS[case]
    composite = model.composite(disorder_stream(3, 0))
    h = build(composite)
    return composite, h, everything(h.dim) if only is None else sectors(h, only=only)[0]


def reduced(psi, sites, kept):
    """Partial trace of a vector over all configurations, sites in any order, by numpy."""
    tensor = np.moveaxis(psi.reshape((2,) * sites), kept, range(len(kept))).reshape(2 ** len(kept), -1)
    return tensor @ tensor.conj().T


@pytest.mark.parametrize("case", MODELS)
def test_observed_quantities(case):
    composite, h, sector = drawn(case)
    L, system = h.sites, system_states(composite)
    psi = random_state(sector, np.random.default_rng(1))
    whole = sector.lift(psi)
    rho = reduced(whole, L, list(range(composite.system_sites)))
    assert np.abs(density_matrix(sector, h.dims)(psi) - rho).max() < 1e-13
    in_levels = system.vectors.conj().T @ rho @ system.vectors
    assert np.abs(density_matrix(sector, h.dims, system)(psi) - in_levels).max() < 1e-13
    for letter in "xyz":
        expected = [np.vdot(whole, pauli_string(letter, [j], L) @ whole).real for j in range(L)]
        assert np.abs(local(sector, L, letter)(psi) - expected).max() < 1e-13
    for cut in [(0,), (1, 2), (0, 3, 5), tuple(range(L // 2))]:
        p = np.linalg.eigvalsh(reduced(whole, L, list(cut)))
        p = p[p > 1e-15]
        assert abs(entanglement(sector, L, cut)(psi) + np.sum(p * np.log(p))) < 1e-12
    energy = np.vdot(psi, dense(h.restricted(sector)) @ psi).real
    assert abs(Propagator.of(h, sector).energy(psi) - energy) < 1e-12 * abs(h.magnitude) * h.sites
    assert abs(survival(psi)(psi) - 1) < 1e-13


@pytest.mark.parametrize("case", MODELS)
def test_observational_entropy(case):
    """Against explicit projectors on (level, shell) within the sector; never above ln d, never below zero."""
    composite, h, sector = drawn(case)
    system, bath = system_states(composite), solve(build(composite, "B"), Whole())
    width = 0.7
    observed = ObservationalEntropy.of(sector, h.dims, system, bath, width)
    E, V = np.linalg.eigh(dense(build(composite, "B").matrix))
    shell = np.floor((E - E[0] + width / 2) / width + 1e-9).astype(int)
    basis = sector.lift(np.eye(sector.dim))
    volumes, maps = [], []
    for phi in system.vectors.T:
        for s in range(shell.max() + 1):
            part = basis.conj().T @ np.kron(phi[:, None], V[:, shell == s])
            maps.append(part)
            volumes.append(np.linalg.norm(part) ** 2)
    assert np.abs(observed.volumes.ravel() - volumes).max() < 1e-9
    assert abs(observed.volumes.sum() - sector.dim) < 1e-8
    psi = random_state(sector, np.random.default_rng(2))
    p = np.array([np.linalg.norm(part.conj().T @ psi) ** 2 for part in maps])
    assert np.abs(observed.probabilities(psi).ravel() - p).max() < 1e-12
    kept = p > 1e-14
    assert abs(observed(psi) - np.sum(p[kept] * np.log(np.array(volumes)[kept] / p[kept]))) < 1e-9
    assert 0 <= observed(psi) <= np.log(sector.dim) + 1e-12


def test_a_product_of_eigenstates_has_the_entropy_of_its_shell():
    composite, h, sector = drawn("flips")
    system, bath = system_states(composite), solve(build(composite, "B"), Whole())
    observed = ObservationalEntropy.of(sector, h.dims, system, bath, 0.5)
    block = bath.blocks[0]
    k = block.energies.size // 2
    psi = joint_state(sector, h.dims, system.vectors[:, 1], block.sector, block.vectors[:, k])
    volume = observed.volumes[1, observed.shells.index(block.energies[k : k + 1])[0]]
    assert abs(observed(psi) - np.log(volume)) < 1e-10
    assert abs(density_matrix(sector, h.dims, system)(psi)[1, 1] - 1) < 1e-12
    few = solve(build(composite, "B"), Nearest(k=5))
    with pytest.raises(IncompleteWindow, match="whole"):
        ObservationalEntropy.of(sector, h.dims, system, few, 0.5)


@pytest.mark.parametrize("case", MODELS)
@pytest.mark.parametrize("start", ["real", "complex"])
def test_loschmidt_amplitudes(case, start):
    """Against full diagonalisation, at times of both signs in any order, with half of the products of an evolution."""
    _, h, sector = drawn(case)
    stream = np.random.default_rng(5)
    psi = random_state(sector, stream)
    psi = psi.real / np.linalg.norm(psi.real) if start == "real" else psi
    times = stream.uniform(-60, 60, 40)
    propagator = Propagator.of(h, sector)
    found = loschmidt(propagator, psi, times)
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    expected = np.exp(-1j * np.outer(times, E)) @ np.abs(V.conj().T @ psi) ** 2
    assert np.all(np.abs(found.amplitude - expected) < found.error)
    assert found.error.max() < 1e-9
    last = float(np.abs(times).max())
    assert found.products <= propagator.products([last], is_real=start == "real") / 2 * (1 + (start == "complex")) + 2


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(1e-3, 500), st.floats(1e-3, 1e3))
def test_the_bound_of_loschmidt_amplitudes(seed, time, scale):
    stream = np.random.default_rng(seed)
    h = build(XXZ(L=6, W=1.0, J=float(scale), phi=float(stream.choice([0.0, 0.4]))).composite(disorder_stream(seed, 0)))
    sector = sectors(h, only={"magnetisation": 0})[0]
    psi = random_state(sector, stream)
    found = loschmidt(Propagator.of(h, sector), psi, [time / scale])
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    exact = np.exp(-1j * time / scale * E) @ np.abs(V.conj().T @ psi) ** 2
    assert abs(found.amplitude[0] - exact) < found.error[0]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.data())
def test_pauli_strings(sites, data):
    where = tuple(data.draw(st.lists(st.integers(0, sites - 1), min_size=1, max_size=sites, unique=True)))
    letters = data.draw(st.text("xyz", min_size=len(where), max_size=len(where)))
    stream = np.random.default_rng(0)
    v = stream.standard_normal(2**sites) + 1j * stream.standard_normal(2**sites)
    space = everything(2**sites).space
    P, string = pauli_string(letters, where, sites), PauliString.of(letters, where, sites)
    assert np.abs(string(space, v) - P @ v).max() < 1e-13
    assert np.abs(string(space, v.real) - P @ v.real).max() < 1e-13
    assert abs(string.expectation(space, v) - np.vdot(v, P @ v).real) < 1e-12


def exact_autocorrelation(h, sector, letters, where, times):
    E, V = np.linalg.eigh(dense(h.restricted(sector)))
    states = sector.space.states()
    A = V.conj().T @ pauli_string(letters, where, h.sites)[np.ix_(states, states)] @ V
    return np.array([np.sum(np.abs(A) ** 2 * np.cos(np.subtract.outer(E, E) * t)) for t in times]) / sector.dim


@pytest.mark.parametrize(
    ("case", "letters", "where"), [("flips", "z", (2,)), ("flips", "xy", (1, 3)), ("ranked", "zz", (0, 4))]
)
def test_typicality_covers(case, letters, where):
    """The exact value lies within one and two errors as often as Gaussian errors, enlarged by Student's factor, promise."""
    _, h, sector = drawn(case)
    times = [0.5, 3.0]
    exact = exact_autocorrelation(h, sector, letters, where, times)
    inside = []
    for seed in range(40):
        found = autocorrelation(h, letters, where, times, sector=sector, vectors=4, seed=seed)
        inside.append(np.abs(found.mean - exact) / found.error)
    inside = np.array(inside)
    # R = 4: the error is t(3; 99.73 %)/3 = 3.07 usual ones; 1 and 1/3.07 of it hold 95 % and 61 %
    for fraction in (1.0, 0.3):
        scaled = fraction * found.error / (found.samples.std(axis=0, ddof=1) / 2)
        expected = float(1 - 2 * scipy.stats.t.sf(scaled[0], 3))
        share = np.mean(inside < fraction, axis=0)
        assert np.all(np.abs(share - expected) < 3.5 * np.sqrt(expected * (1 - expected) / 40) + 1 / 40)
    assert np.mean(inside < 3) > 0.95


def test_autocorrelation_begins_at_one_and_refuses():
    _, h, sector = drawn("ranked")
    assert np.abs(autocorrelation(h, "z", (1,), [0.0], sector=sector, vectors=2).samples - 1).max() < 1e-13
    with pytest.raises(JobError, match="leads out of the sector"):
        autocorrelation(h, "x", (1,), [1.0], sector=sector)
    with pytest.raises(JobError, match="at least 2"):
        autocorrelation(h, "z", (1,), [1.0], vectors=1)
    _, ring, part = drawn("isometry")
    with pytest.raises(JobError, match="symmetry sector"):
        autocorrelation(ring, "z", (1,), [1.0], sector=part)


def test_evolve_from_a_word():
    _, h, _ = drawn("ranked")
    sector = charge_sector(h, "neel")
    assert dict(sector.labels) == {"magnetisation": 0}
    times = [0.0, 1.5, 4.0]
    z = np.array([local(sector, 8)(psi) for _, psi in evolve(h, "neel", times, sector=sector)])
    assert np.allclose(z[0], [1, -1] * 4)
    start = sector.lift(configuration(sector, "neel"))
    U = scipy.linalg.expm(-4j * dense(h.matrix)) @ start
    expected = [np.vdot(U, pauli_string("z", [j], 8) @ U).real for j in range(8)]
    assert np.abs(z[2] - expected).max() < 1e-11
    assert abs(imbalance(z)[2] - np.dot(expected, [1, -1] * 4) / 8) < 1e-11
    assert next(iter(bb.evolve(h, "neel", [0.0])))[1].shape == (256,)
    with pytest.raises(ValueError, match="read-only"):
        next(iter(bb.evolve(h, "neel", [1.0])))[1][0] = 1


def test_charges_of_a_configuration():
    h = build(XXZ(L=7, W=0.5).composite(disorder_stream(1, 0)))
    assert dict(charge_sector(h, "uuuuddd").labels) == {"magnetisation": 1}
    assert charge_sector(build(Imbrie(L=5).composite(disorder_stream(1, 0))), "neel").is_everything
