"""Energy distributions from measured Loschmidt amplitudes against full diagonalisation, and the coverage of their errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from support import dense

from bigbath.dynamics import Propagator, energy_shots, random_state
from bigbath.dynamics.shots import shell_volumes
from bigbath.errors import JobError
from bigbath.models import XXZ, Imbrie, Ring, disorder_stream
from bigbath.operators import build
from bigbath.spaces import everything

MODELS = [Imbrie(L=5), Ring(N=6), XXZ(L=6, W=1.0, phi=0.4)]


def solved(model, seed):
    h = build(model.composite(disorder_stream(seed, 0)))
    return h, *np.linalg.eigh(dense(h.matrix))


def product(h, stream):
    """A product state, far from typical."""
    psi = np.ones(1)
    for _ in range(h.sites):
        spin = stream.standard_normal(2)
        psi = np.kron(psi, spin / np.linalg.norm(spin))
    return psi


@settings(deadline=None, max_examples=12)
@given(st.sampled_from(MODELS), st.integers(0, 10**6), st.floats(0.2, 3.0), st.booleans())
def test_without_noise_it_is_exact(model, seed, sigma, is_random):
    """P_sigma(E), shells with smeared edges and their sum, to rounding, for any resolution."""
    h, E, V = solved(model, seed)
    stream = np.random.default_rng(seed)
    psi = random_state(everything(h.dim), stream) if is_random else product(h, stream)
    weights = np.abs(V.conj().T @ psi) ** 2
    found = energy_shots(Propagator.of(h), psi, sigma=sigma)
    at = np.linspace(E[0] - 3 * sigma, E[-1] + 3 * sigma, 40)
    P, error = found.density(at)
    assert np.abs(P - norm.pdf(at[:, None], E, sigma) @ weights).max() < 1e-11 / sigma and not error.any()
    edges = found.edges(0.7)
    p, _ = found.shells(edges)
    assert np.abs(p - np.diff(norm.cdf(edges[:, None], E, sigma), axis=0) @ weights).max() < 1e-11
    assert abs(p.sum() - 1) < 1e-12


def test_errors_of_shots_cover():
    """Mean and scatter of 400 repetitions are those that are stated, for the density, the shells and the entropy."""
    h, E, V = solved(Imbrie(L=6), 3)
    psi, propagator = product(h, np.random.default_rng(4)), Propagator.of(h)
    weights = np.abs(V.T @ psi) ** 2
    sigma, at = 1.0, np.linspace(-4, 4, 9)
    repeated = [energy_shots(propagator, psi, sigma=sigma, shots=4000, seed=s) for s in range(400)]
    edges = repeated[0].edges(2.0)
    cumulative = norm.cdf(edges[:, None], E, sigma)
    cumulative[0], cumulative[-1] = 0, 1
    inside = np.diff(cumulative, axis=0)
    volumes, exact_p = inside.sum(axis=1), inside @ weights
    density = np.array([one.density(at) for one in repeated])
    off = (density[:, 0] - norm.pdf(at[:, None], E, sigma) @ weights) / density[:, 1]
    shells = [one.shells(edges) for one in repeated]
    off_shells = np.array([(p - exact_p) / np.sqrt(c.diagonal()) for p, c in shells])
    alone = exact_p > 0.02

    def off_entropy(alone):
        found = [one.entropy(edges, volumes, alone) for one in repeated]
        expected = [
            np.sum((one.joined @ exact_p) * np.log((one.joined @ volumes) / (one.joined @ exact_p))) for one in found
        ]
        return np.array([[(one.value - S) / one.error] for one, S in zip(found, expected, strict=True)])

    assert 2 < alone.sum() < alone.size
    for values, bias in ((off, 0.2), (off_shells, 0.2), (off_entropy(alone), 0.2), (off_entropy(None), 0.6)):
        share = np.mean(np.abs(values) < 1, axis=0)
        assert np.all(np.abs(share - 0.683) < 0.09), share  # 400 repetitions: 0.023
        assert np.all(np.abs(values.mean(axis=0)) < bias) and np.mean(np.abs(values) > 4) < 0.003


def test_entropy_without_noise_and_joined_shells():
    h, E, V = solved(Ring(N=7), 0)
    psi = product(h, np.random.default_rng(1))
    found = energy_shots(Propagator.of(h), psi, sigma=0.5)
    edges = found.edges(1.0)
    cumulative = norm.cdf(edges[:, None], E, 0.5)
    cumulative[0], cumulative[-1] = 0, 1
    inside = np.diff(cumulative, axis=0)
    volumes, p = inside.sum(axis=1), inside @ np.abs(V.T @ psi) ** 2
    entropy = found.entropy(edges, volumes)
    assert entropy.value == pytest.approx(np.sum(p * np.log(volumes / p)), abs=1e-9) and entropy.error == 0
    few = energy_shots(Propagator.of(h), psi, sigma=0.5, shots=50).entropy(edges, volumes)
    assert few.joined.shape[0] < volumes.size and (few.joined @ volumes).sum() <= h.dim * (1 + 1e-9)
    estimated, errors = shell_volumes(Propagator.of(h), edges, 0.5, vectors=16)
    assert np.all(np.abs(estimated - volumes) < 5 * errors + 1e-9) and estimated.sum() == pytest.approx(h.dim)


def test_what_cannot_be_measured_is_refused():
    h, *_ = solved(Imbrie(L=3), 1)
    for wrong in ({"sigma": 0.0}, {"sigma": 1.0, "shots": 1}):
        with pytest.raises(JobError, match="sigma must be positive"):
            energy_shots(Propagator.of(h), np.eye(16)[0], **wrong)
