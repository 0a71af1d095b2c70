"""The mean of the survival probability over all times against the weights of all levels, from LAPACK."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense

from bigbath.dynamics import Propagator, random_state, survival_mean
from bigbath.errors import JobError
from bigbath.models import XXZ, Imbrie, Ring, disorder_stream
from bigbath.operators import build
from bigbath.spaces import everything

MODELS = [Imbrie(L=5), Ring(N=6), XXZ(L=6, W=1.0, phi=0.4), XXZ(L=6, W=0.0)]


def of_levels(h, psi):
    """sum w^2 over the levels, whose states may be degenerate."""
    E, V = np.linalg.eigh(dense(h.matrix))
    each = np.abs(V.conj().T @ psi) ** 2
    levels = np.split(each, np.flatnonzero(np.diff(E) > 1e-9) + 1)
    return sum(level.sum() ** 2 for level in levels)


@settings(deadline=None, max_examples=12)
@given(st.sampled_from(MODELS), st.integers(0, 10**6), st.booleans(), st.floats(0.1, 10.0))
def test_it_is_that_of_all_levels(model, seed, is_random, scale):
    """Real and complex states and models, degenerate levels, states of any norm."""
    h = build(model.composite(disorder_stream(seed, 0)))
    psi = random_state(everything(h.dim), np.random.default_rng(seed)) if is_random else np.eye(h.dim)[seed % h.dim]
    found = survival_mean(Propagator.of(h), scale * psi, moments=100_000)
    exact = of_levels(h, psi)
    assert abs(found.value - exact) < 6 * found.error + 1e-3 * exact
    assert found.error < 0.1 * exact and found.renyi2 == pytest.approx(-np.log(exact), abs=0.3)
    assert found.products == 50_000 * (1 + (np.iscomplexobj(psi) and not h.is_complex))


def test_errors_cover():
    """Of 40 random states two or three may differ by more than two errors, and none by six."""
    h = build(Ring(N=7).composite(disorder_stream(1, 0)))
    propagator, deviations = Propagator.of(h), []
    for seed in range(40):
        psi = random_state(everything(h.dim), np.random.default_rng(seed)).real
        psi /= np.linalg.norm(psi)
        found = survival_mean(propagator, psi, moments=40_000)
        deviations.append((found.value - of_levels(h, psi)) / found.error)
    assert np.sum(np.abs(deviations) > 2) <= 8 and np.abs(deviations).max() < 6


def test_too_few_moments_are_refused():
    """Before the Heisenberg time the mean would be too small: 2 Tr rho of them, for D levels at least 4 D."""
    h = build(Ring(N=9).composite(disorder_stream(1, 0)))
    propagator = Propagator.of(h)
    with pytest.raises(JobError, match=r"give .* or more"):
        survival_mean(propagator, np.eye(h.dim)[0], moments=2000)
    found = survival_mean(propagator, np.eye(h.dim)[0], moments=20_000)
    theta = np.arccos(
        np.clip((np.linalg.eigvalsh(dense(h.matrix)) - propagator.scale.centre) / propagator.scale.halfwidth, -1, 1)
    )
    densest = np.histogram(theta, 16, (0, np.pi))[0].max() / (np.pi / 16)
    assert 2 * np.pi * densest * 0.8 < found.heisenberg < 2 * np.pi * densest * 2


def test_a_state_of_another_space_is_refused():
    with pytest.raises(JobError, match="shape"):
        survival_mean(Propagator.of(build(Ring(N=5).composite(disorder_stream(1, 0)))), np.ones(7), moments=1000)
