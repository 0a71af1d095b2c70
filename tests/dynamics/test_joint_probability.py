"""p_ab(t) from random vectors against traces by LAPACK, with the coverage of its errors; tables of the Laplace grid."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense

import bigbath as bb
from bigbath.broadening import system_states
from bigbath.cluster.realize import realize
from bigbath.diffusion import direct_propagator, level_broadening, two_level_propagator
from bigbath.diffusion.laplace_table import DirectTable, TheoryTable
from bigbath.diffusion.time_domain import EnergyFilter, ThermalWeight, laplace_grid
from bigbath.dynamics import joint_probability
from bigbath.errors import JobError
from bigbath.job import parse_job
from bigbath.models import TFIM, XXZ, Imbrie, Levy, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Whole, solve

TIMES = np.array([0.0, 0.4, 1.5, 6.0])
MODELS = [TFIM(L=5), Imbrie(L=5), Levy(L=4), XXZ(L=6, W=1.0, phi=0.5)]


def traces(h, system, f, times):
    """Re Tr[P_a(t) P_b f(H)]/Tr f(H) written out."""
    H = dense(h.matrix)
    E, V = np.linalg.eigh(H)
    rho = (V * f(E)) @ V.conj().T / f(E).sum()
    P = [np.kron(np.outer(v, v.conj()), np.eye(h.dims[1])) for v in system.vectors.T]
    found = np.empty((len(P), len(P), times.size))
    for k, t in enumerate(times):
        U = scipy.linalg.expm(-1j * H * t)
        found[..., k] = [[np.trace(U.conj().T @ p @ U @ q @ rho).real for q in P] for p in P]
    return found


@settings(deadline=None, max_examples=6)
@given(st.sampled_from(MODELS), st.integers(0, 10**6), st.booleans())
def test_the_mean_over_vectors_is_the_trace(model, seed, thermal):
    """Within five errors at every time, for real and complex models; probability is kept by every vector."""
    composite = model.composite(disorder_stream(seed, 0))
    h, system = build(composite), system_states(composite)
    initial = ThermalWeight(beta=0.3) if thermal else EnergyFilter(centre=0.3, width=1.5)
    found = joint_probability(h, system, initial, TIMES, vectors=12, seed=seed)
    off = np.abs(found.p - traces(h, system, initial.unnormalised, TIMES))
    assert np.all(off <= 5 * found.error + 1e-10)
    kept = found.samples.sum(axis=(1, 2)) / found.norms[:, None]
    assert np.abs(kept - 1).max() < 1e-10


def test_the_errors_cover():
    """The share of estimates within one error is that of a Gaussian, and three errors hold nearly all."""
    composite = Imbrie(L=5).composite(disorder_stream(2, 0))
    h, system = build(composite), system_states(composite)
    initial = EnergyFilter(centre=0.0, width=2.0)
    exact = traces(h, system, initial.unnormalised, TIMES[1:])
    exact = exact[0, 0] - exact[0, 1] - exact[1, 0] + exact[1, 1]
    found = [joint_probability(h, system, initial, TIMES[1:], vectors=16, seed=s) for s in range(40)]
    off = np.array([np.abs(one.autocorrelation - exact) / one.autocorrelation_error for one in found])
    assert 0.55 < np.mean(off < 1) < 0.85 and np.mean(off < 3) > 0.97


def test_tables_are_the_propagators():
    """At points of a Laplace grid against the functions that compute every argument by itself."""
    composite = TFIM(L=5).composite(disorder_stream(3, 0))
    states, bath = solve(build(composite), Whole()), solve(build(composite, "B"), Whole())
    system, initial = system_states(composite), EnergyFilter(centre=0.2, width=1.5)
    times = np.array([2.0, 4.0])
    grid = laplace_grid(states, system, initial, times, 1e-4, 9.0)
    epsilon, kappa = grid.epsilon[[0, 5, -1]], grid.line[[0, 7, -1]]
    exact = direct_propagator(states, system, epsilon, kappa).D
    assert np.abs(DirectTable.of(grid, states, system)(epsilon, kappa) - exact).max() < 1e-10 * np.abs(exact).max()
    local = level_broadening(states, bath, system, epsilon, kappa)
    theory = two_level_propagator(local.mean_nu, local.mean_B, kappa)
    assert (
        np.abs(TheoryTable.of(grid, states, bath, system)(epsilon, kappa) - theory).max() < 1e-9 * np.abs(theory).max()
    )


def test_the_measurement_needs_no_eigenstates():
    """window = "none" with vectors; all three ways agree where there are eigenstates. One vector and no vectors are refused."""
    section = {"times": [4.0, 1.0], "width": 2.0, "vectors": 6, "tolerance": 1e-4}
    data = {"model": {"name": "tfim", "L": 5}, "spectrum": {"window": "none"}, "measure": {"evolution": section}}
    alone = realize(parse_job(data), 3)
    whole = {"window": "whole"}
    data = data | {"spectrum": whole, "bath": whole, "measure": {"evolution": section | {"direct": True}}}
    both = realize(parse_job(data), 3)
    assert "p_time" not in alone and np.array_equal(alone.p_time_evolved, both.p_time_evolved)
    assert np.all(np.abs(both.p_time_evolved - both.p_time) <= 5 * both.p_time_evolved_error)
    assert np.all(np.abs(both.p_time_direct - both.p_time) <= both.p_time_direct_error)
    assert np.all(np.isfinite(both.autocorrelation_theory))
    with pytest.raises(JobError, match=r"measure\.evolution is made of eigenstates"):
        parse_job(
            data
            | {"bath": None, "spectrum": {"window": "none"}, "measure": {"evolution": {"times": [1.0], "width": 2.0}}}
        )
    with pytest.raises(JobError, match="at least 2"):
        model = bb.draw(TFIM(L=3))
        joint_probability(build(model), system_states(model), EnergyFilter(centre=0, width=1), [1.0], vectors=1)
