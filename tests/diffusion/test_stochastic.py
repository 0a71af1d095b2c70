"""The propagator without diagonalisation against the exact one."""

import numpy as np
import pytest
from conftest import Solved, solved

from bigbath import diffusion
from bigbath.diffusion.stochastic import Expansion, stochastic_propagator
from bigbath.hamiltonian import build
from bigbath.models import TFIM, Imbrie, disorder_stream

EPSILON, KAPPA = np.array([-0.5, 0.0, 0.6]), np.array([0.3, 0.5, 1.0, 3.0])


def test_expansion_is_the_resolvent(small: Solved) -> None:
    h = build(small.composite)
    H = small.states.vectors() * small.states.energies @ small.states.vectors().conj().T
    z = np.array([0.3 + 0.1j, -0.2 - 0.05j, 40.0 + 0j])
    x = np.random.default_rng(0).standard_normal(h.dim).astype(H.dtype)
    y = Expansion.of(h, z, 1e-11).apply(x)
    expected = np.array([np.linalg.solve(a * np.eye(h.dim) - H, x) for a in z]).T
    np.testing.assert_allclose(y, expected, atol=1e-7 * np.abs(expected).max())


def test_each_sample_conserves_probability(small: Solved) -> None:
    p = stochastic_propagator(build(small.composite), small.system, EPSILON, KAPPA, vectors=2, tolerance=1e-11)
    np.testing.assert_allclose(p.D_samples.sum(axis=2), p.nu_samples / KAPPA, rtol=1e-6)


@pytest.mark.parametrize("model", [TFIM(L=6), Imbrie(L=6)])
def test_grid_within_their_errors(model: TFIM | Imbrie) -> None:
    s = solved(model.composite(disorder_stream(6, 0)))
    exact = diffusion.direct_propagator(s.states, s.system, EPSILON, KAPPA)
    p = stochastic_propagator(build(s.composite), s.system, EPSILON, KAPPA, vectors=30)
    assert (p.A_error > 0).all() and (p.A_error < 0.2 * exact.A).all()
    assert (abs(p.A - exact.A) < 3.5 * p.A_error).all()
    nu_error = p.nu_samples.std(axis=0, ddof=1) / np.sqrt(30)
    assert (abs(p.nu - exact.nu) < 4 * nu_error + 1e-6).all()
