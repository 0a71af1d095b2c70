"""Cavity equation (diffusion paper, Eq. 8): on a given matrix, and as population dynamics for the Levy ensemble."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import SystemStates
from bigbath.diffusion.propagator import autocorrelation
from bigbath.diffusion.theory import interaction_strength, two_level_propagator
from bigbath.errors import ImpossibleRequest
from bigbath.kernels.cavity import cavity_sweep, levy_population_sweep
from bigbath.models import Composite, Levy, MatrixComposite
from bigbath.operators import build
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates


@dataclass(frozen=True, kw_only=True, eq=False)
class CavitySolution:
    """G_jj(z) of n states at Z arguments, (n, Z), with the evidence of each fixed point (Z,).

    ``residual``: largest relative mismatch of a cavity Green function with Eq. 8; ``converged``: bool.
    """

    G: np.ndarray
    iterations: np.ndarray
    residual: np.ndarray
    converged: np.ndarray


def cavity(
    levels: np.ndarray,
    strength: sp.csr_array | np.ndarray,
    z: Sequence[complex] | np.ndarray,
    *,
    damping: float = 0.3,
    tolerance: float = 1e-8,
    iterations: int = 2000,
    report: Report = silent,
) -> CavitySolution:
    """Fixed point of Eq. 8 over all edges of a matrix, exact when its graph is a tree.

    ``levels``: (n,) diagonal E_j; ``strength``: (n, n) |V_jk|^2, symmetric, sparse or dense, its diagonal ignored;
    ``z``: (Z,) off the real axis. Messages are mixed with the share ``damping`` of the old ones. Each argument starts
    from the solution at the one before. Cost: O(nonzeros) an iteration, 24 to 48 bytes a nonzero.
    """
    edges = sp.csr_array(strength).astype(float)
    edges.setdiag(0)
    edges.eliminate_zeros()
    edges.sort_indices()
    z = np.atleast_1d(np.asarray(z, dtype=complex))
    number = sp.csr_array((np.arange(edges.nnz, dtype=float), edges.indices, edges.indptr), shape=edges.shape)
    reverse = sp.csr_array(number.T).data.astype(np.int64)
    levels = np.ascontiguousarray(levels, dtype=float)
    G = np.empty((levels.size, z.size), dtype=complex)
    taken, residual = np.zeros(z.size, dtype=np.int64), np.full(z.size, np.inf)
    old = 1 / (z[0] - np.repeat(levels, np.diff(edges.indptr)))
    new, sites = np.empty_like(old), np.empty(levels.size, dtype=complex)
    for i, argument in enumerate(z):
        while taken[i] < iterations and residual[i] > tolerance:
            residual[i] = cavity_sweep(edges.indptr, reverse, edges.data, levels, argument, damping, old, new, sites)
            old, new = new, old
            taken[i] += 1
        G[:, i] = sites
        report("cavity equation", i + 1, z.size)
    return CavitySolution(G=G, iterations=taken, residual=residual, converged=residual <= tolerance)


def cavity_matrix(composite: Composite, bath: Eigenstates, system: SystemStates) -> tuple[np.ndarray, np.ndarray]:
    """``levels`` (n,) and ``strength`` (n, n) for ``cavity``, in the eigenbasis of H_T + H_B, n = D_S N.

    V's diagonal elements there belong to the levels.
    """
    strength = interaction_strength(composite, bath, system)
    V = sp.csr_array(build(composite, "V").matrix)
    basis = bath.vectors()
    N = bath.energies.size
    levels = (system.energies[:, None] + bath.energies).ravel()
    for a in range(system.energies.size):
        bra = sp.kron(sp.csr_array(system.vectors[:, a].conj()[None, :]), sp.eye_array(N), format="csr")
        block = bra @ V @ bra.conj().T
        levels[a * N : (a + 1) * N] += np.einsum("jk,jk->k", basis.conj(), block @ basis).real
    return levels, strength.reshape(levels.size, levels.size)


def levy_cavity_matrix(composite: MatrixComposite) -> tuple[np.ndarray, sp.csr_array]:
    """``levels`` and sparse ``strength`` of a Levy composite, whose product basis is the eigenbasis of H_T + H_B."""
    bath = composite.bath.diagonal()
    V = composite.interaction[0][1]
    levels = (np.diag(composite.system)[:, None] + bath).ravel()
    return levels, sp.block_array([[None, V**2], [V**2, None]], format="csr")


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Averages of a population at one (epsilon, kappa), with standard errors over blocks of sweeps.

    ``nu``, ``B``: (2,) nu~_a and B_a (Eqs. 13, 14); ``A``: Eq. 22 by Eq. 20; ``typical``: exp <ln Gamma_j>;
    ``Gamma``: (2 M,) level broadenings of the last sweep, a sample of their distribution.
    """

    nu: np.ndarray
    nu_error: np.ndarray
    B: np.ndarray
    B_error: np.ndarray
    A: float
    A_error: float
    typical: float
    typical_error: float
    Gamma: np.ndarray


def levy_population(
    model: Levy,
    epsilon: float,
    kappa: float,
    *,
    members: int = 100_000,
    sweeps: int = 60,
    warm_up: int = 40,
    terms: int = 100,
    bath_states: float = np.inf,
    seed: int = 1,
    report: Report = silent,
) -> Population:
    """Cavity equation of the Levy model for ``bath_states`` -> infinity, as a population of ``members`` a level.

    Only the couplings matter, a Poisson process of rate mu g^mu |v|^(-1-mu): the ``terms`` largest are drawn, the sum
    over all the others is replaced by its mean, whose relative error falls as terms^-3/2. A finite ``bath_states`` N
    keeps the cut-off |v| > g N^(-1/mu). Memory 32 bytes a member and level; O(members x terms) a sweep.
    ImpossibleRequest for mu >= 2.
    """
    if model.mu >= 2:
        raise ImpossibleRequest(f"mu = {model.mu:g}: the couplings have a finite variance, use the golden rule")
    z, exponent = epsilon + 0.5j * kappa, 2 / model.mu
    shifts = np.array([-model.Delta / 2, model.Delta / 2])
    rest = model.g**2 * (terms ** (1 - exponent) - bath_states ** (1 - exponent)) / (exponent - 1)
    old = np.full((2, members), -2j / max(kappa, 1.0))
    new = np.empty_like(old)
    streams = np.random.SeedSequence(seed).spawn(warm_up + sweeps)
    samples = []
    for sweep, stream in enumerate(streams):
        seeds = np.random.Generator(np.random.PCG64(stream)).integers(0, 2**64, 2 * members, dtype=np.uint64)
        levy_population_sweep(old, new, seeds, z, shifts, model.g, model.mu, terms, rest * old.mean(axis=1))
        old, new = new, old
        if sweep >= warm_up:
            Gamma = 2 * (1 / old).imag - kappa  # Eq. 11 with Sigma = z - E - 1/G
            typical = np.log(np.maximum(Gamma, np.finfo(float).tiny)).mean()
            samples.append([*(-2 * old.imag).mean(axis=1), *(np.abs(old) ** 2).mean(axis=1), typical])
        report("population dynamics", sweep + 1, len(streams))
    nu0, nu1, B0, B1, typical = _blocks(np.array(samples)).T
    nu, B = np.array([nu0, nu1]), np.array([B0, B1])
    A = autocorrelation(two_level_propagator(nu, B, np.asarray(kappa)))

    def error(values: np.ndarray) -> np.ndarray:
        return values.std(axis=-1, ddof=1) / np.sqrt(values.shape[-1])

    mean_nu, mean_B = nu.mean(axis=1), B.mean(axis=1)
    return Population(
        nu=mean_nu, nu_error=error(nu), B=mean_B, B_error=error(B),
        A=float(autocorrelation(two_level_propagator(mean_nu, mean_B, np.asarray(kappa)))), A_error=float(error(A)),
        typical=float(np.exp(typical.mean())), typical_error=float(np.exp(typical.mean()) * error(typical)),
        Gamma=Gamma.ravel(),
    )  # fmt: skip


def _blocks(samples: np.ndarray, count: int = 10) -> np.ndarray:
    """Means of ``count`` consecutive blocks of samples (S, q): correlations between sweeps stay inside the blocks."""
    return np.array([block.mean(axis=0) for block in np.array_split(samples, min(count, len(samples)))])


def golden_rule(strength: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """Gamma_j = sum_k |V_jk|^2 nu~_k (n,) for couplings of finite variance and given nu~_k (n,); Eqs. 11, 30."""
    return strength @ nu
