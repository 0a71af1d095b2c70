"""Exact identities of the diffusion paper on small systems, to 1e-10."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import Solved, random_composite, solved

from bigbath import diffusion
from bigbath.diffusion.green import green_matrix, state_propagator
from bigbath.errors import ImpossibleRequest
from bigbath.models import TFIM, Imbrie, Ring, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Dense, Interval, Whole, solve

EPSILON, KAPPA = np.array([-0.4, 0.0, 0.7]), np.array([0.05, 0.3, 2.0])
EXACT = {"rtol": 1e-10, "atol": 1e-10}


def dense(composite: object, part: str) -> np.ndarray:
    matrix = build(composite, part).matrix
    return matrix.toarray() if sp.issparse(matrix) else matrix


def product_basis(s: Solved) -> np.ndarray:
    """Eigenvectors of H_T + H_B as columns, thermometer level first."""
    return np.kron(s.system.vectors, s.bath.vectors())


def test_direct_propagator_is_the_trace_of_two_green_functions(small: Solved) -> None:
    d = diffusion.direct_propagator(small.states, small.system, EPSILON, KAPPA)
    H, levels = dense(small.composite, "H"), small.system.energies.size
    N = H.shape[0] // levels
    P = [np.kron(np.outer(v, v.conj()), np.eye(N)) for v in small.system.vectors.T]
    for e, epsilon in enumerate(EPSILON):
        for k, kappa in enumerate(KAPPA):
            G = np.linalg.inv((epsilon + 0.5j * kappa) * np.eye(H.shape[0]) - H)
            expected = [[np.trace(p @ G @ q @ G.conj().T) / N for q in P] for p in P]
            np.testing.assert_allclose(d.D[..., e, k], np.real(expected), **EXACT)
            np.testing.assert_allclose(np.imag(expected), 0, atol=1e-10)
            nu = [np.trace(p @ (1j * (G - G.conj().T))).real / N for p in P]
            np.testing.assert_allclose(d.nu[:, e, k], nu, **EXACT)


def test_propagator_conserves_probability_and_is_symmetric(small: Solved) -> None:
    d = diffusion.direct_propagator(small.states, small.system, EPSILON, KAPPA)
    np.testing.assert_allclose(d.D.sum(axis=1), d.nu / KAPPA, **EXACT)
    np.testing.assert_allclose(d.D, d.D.swapaxes(0, 1), **EXACT)
    assert (d.nu > 0).all()


def test_grid_is_analytic_in_kappa(small: Solved) -> None:
    """On the real axis the complex route gives the real one; D(kappa*) = D(kappa)*."""
    real = diffusion.direct_propagator(small.states, small.system, EPSILON, KAPPA)
    as_complex = diffusion.direct_propagator(small.states, small.system, EPSILON, KAPPA + 0j)
    np.testing.assert_allclose(as_complex.D, real.D, **EXACT)
    off_axis = diffusion.direct_propagator(small.states, small.system, EPSILON, [0.3 + 0.2j, 0.3 - 0.2j])
    np.testing.assert_allclose(off_axis.D[..., 0], off_axis.D[..., 1].conj(), **EXACT)
    np.testing.assert_allclose(off_axis.D.sum(axis=1), off_axis.nu / np.array([0.3 + 0.2j, 0.3 - 0.2j]), **EXACT)


def test_local_green_functions_and_eq_12(small: Solved) -> None:
    local = diffusion.level_broadening(small.states, small.bath, small.system, EPSILON, KAPPA)
    U = product_basis(small)
    H = U.conj().T @ dense(small.composite, "H") @ U
    E0 = np.diag(U.conj().T @ dense(small.composite, "H0") @ U).real
    V = H - np.diag(E0)
    size, shape = H.shape[0], local.nu.shape[:2]
    for e, k in ((0, 0), (2, 1)):
        z = EPSILON[e] + 0.5j * KAPPA[k]
        G = np.linalg.inv(z * np.eye(size) - H)
        # Gamma_j from the self-energy itself: Schur complement of row j, H with row and column j removed
        Gamma = np.empty(size)
        for j in range(size):
            rest = np.arange(size) != j
            cavity = np.linalg.inv(z * np.eye(size - 1) - H[np.ix_(rest, rest)])
            Gamma[j] = -2 * (V[j, rest] @ cavity @ V[rest, j]).imag
        np.testing.assert_allclose(local.Gamma[..., e, k].ravel(), Gamma, rtol=1e-9, atol=1e-10)
        B = np.abs(np.diag(G)).reshape(shape) ** 2
        np.testing.assert_allclose(local.B[..., e, k], B, **EXACT)
        np.testing.assert_allclose(local.nu[..., e, k] / (KAPPA[k] + Gamma.reshape(shape)), B, rtol=1e-9)


def test_propagator_between_states_sums_to_the_one_between_levels(small: Solved) -> None:
    """Eq. 6 from the inverse matrix in the product basis; summed over bath states it is Eq. 7."""
    U, levels = product_basis(small), small.system.energies.size
    H = U.conj().T @ dense(small.composite, "H") @ U
    G = np.linalg.inv((0.7 + 0.15j) * np.eye(len(H)) - H)
    D = state_propagator(small.states, small.bath, small.system, 0.7, 0.3)
    np.testing.assert_allclose(D, (G * G.conj()).real, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(green_matrix(small.states, small.bath, small.system, 0.7 + 0.15j), G, atol=1e-9)
    N = len(H) // levels
    direct = diffusion.direct_propagator(small.states, small.system, [0.7], [0.3]).D[..., 0, 0]
    np.testing.assert_allclose(D.reshape(levels, N, levels, N).sum(axis=(1, 3)) / N, direct, **EXACT)


def test_mean_local_density_is_that_of_the_propagator(small: Solved) -> None:
    local = diffusion.level_broadening(small.states, small.bath, small.system, EPSILON, KAPPA)
    direct = diffusion.direct_propagator(small.states, small.system, EPSILON, KAPPA)
    np.testing.assert_allclose(local.mean_nu, direct.nu, **EXACT)


def test_theory_conserves_probability(small: Solved) -> None:
    local = diffusion.level_broadening(small.states, small.bath, small.system, EPSILON, KAPPA)
    t = diffusion.diffusion_theory(local, small.composite, small.bath, small.system, EPSILON)
    np.testing.assert_allclose(t.D.sum(axis=1), t.nu / KAPPA, **EXACT)
    np.testing.assert_allclose(np.einsum("ab...,b...->a...", t.Pi, t.nu), t.nu - KAPPA * t.B, **EXACT)


@pytest.mark.parametrize("model", [TFIM(L=6), Imbrie(L=6)])
def test_two_levels_closed_form_general_form_and_channel_form_agree(model: TFIM | Imbrie) -> None:
    s = solved(model.composite(disorder_stream(3, 0)))
    local = diffusion.level_broadening(s.states, s.bath, s.system, EPSILON, KAPPA)
    nu, B = local.mean_nu, local.mean_B
    strength = diffusion.interaction_strength(s.composite, s.bath, s.system)
    general = diffusion.transition_matrix(local, diffusion.rates(local, strength))
    closed = diffusion.two_level_transition(nu, B, KAPPA)
    np.testing.assert_allclose(general, closed, **EXACT)
    D = diffusion.two_level_propagator(nu, B, KAPPA)
    np.testing.assert_allclose(diffusion.diffusion_propagator(closed, B), D, **EXACT)
    np.testing.assert_allclose(diffusion.diffusion_theory(local, s.composite, s.bath, s.system, EPSILON).D, D, **EXACT)


def test_A_from_its_definition_is_A_from_D() -> None:
    s = solved(Imbrie(L=5).composite(disorder_stream(5, 0)))
    H = dense(s.composite, "H")
    tau = np.kron(np.diag([1.0, -1.0]), np.eye(32))
    A = diffusion.autocorrelation(diffusion.direct_propagator(s.states, s.system, EPSILON, KAPPA).D)
    for e, k in ((0, 0), (1, 2), (2, 1)):
        G = np.linalg.inv((EPSILON[e] + 0.5j * KAPPA[k]) * np.eye(64) - H)
        np.testing.assert_allclose(A[e, k], np.trace(tau @ G @ tau @ G.conj().T).real / 32, **EXACT)


@pytest.mark.parametrize("model", [TFIM(L=6), Ring(N=7)])
def test_sectors_and_chunks_do_not_matter(model: TFIM | Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    composite = model.composite(disorder_stream(2, 0))
    with_sectors, without = solved(composite), solved(composite, symmetries=())
    assert len(with_sectors.states.blocks) > 1
    reference = diffusion.direct_propagator(without.states, without.system, EPSILON, KAPPA)
    monkeypatch.setattr("bigbath.diffusion.propagator.CHUNK", 4000)
    monkeypatch.setattr("bigbath.diffusion.theory.CHUNK", 4000)
    d = diffusion.direct_propagator(with_sectors.states, with_sectors.system, EPSILON, KAPPA)
    np.testing.assert_allclose(d.D, reference.D, **EXACT)
    a, b = (diffusion.level_broadening(s.states, s.bath, s.system, EPSILON, KAPPA) for s in (with_sectors, without))
    np.testing.assert_allclose(a.mean_B, b.mean_B, **EXACT)


def test_uncoupled_thermometer_stays_where_it_is() -> None:
    s = solved(Imbrie(L=4, g=0.0).composite(disorder_stream(1, 0)))
    d = diffusion.direct_propagator(s.states, s.system, EPSILON, KAPPA)
    np.testing.assert_allclose(d.D[0, 1], 0, atol=1e-12)
    np.testing.assert_allclose(d.D[0, 0], d.nu[0] / KAPPA, **EXACT)
    local = diffusion.level_broadening(s.states, s.bath, s.system, EPSILON, KAPPA)
    np.testing.assert_allclose(local.Gamma, 0, atol=1e-8)


def test_incomplete_spectrum_is_refused() -> None:
    composite = random_composite(2, 8, 0)
    s = solved(composite)
    part = solve(build(composite, "H"), Interval(lower=-0.1, upper=0.1), engine=Dense())
    with pytest.raises(ImpossibleRequest, match="all 16 states"):
        diffusion.direct_propagator(part, s.system, EPSILON, KAPPA)
    assert solve(build(composite, "H"), Whole(), engine=Dense()).energies.size == 16
