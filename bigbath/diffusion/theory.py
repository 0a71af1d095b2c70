"""Diffusion theory: level broadenings, transition matrix, propagator (diffusion paper, Eqs. 11-17, 19, 20).

Everything follows from the diagonal Green functions G_jj(epsilon +- i kappa/2) in the eigenbasis j = (a, k) of
H_T + H_B. Arrays over those states have the shape (D_S, N, ...), thermometer levels first, bath levels ascending.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.diffusion.coupling import always_flips
from bigbath.diffusion.ladder import ladder_propagator
from bigbath.diffusion.propagator import CHUNK, grid, real_times_complex, require_whole, resolvent
from bigbath.kernels import overlaps
from bigbath.models import Composite
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates
from bigbath.spaces import contraction


@dataclass(frozen=True, kw_only=True, eq=False)
class Broadening:
    """Local quantities of each state j of H_T + H_B on a grid, arrays (D_S, N, E, K), real for real kappa.

    ``nu``: nu~_j, 2 pi times the local density of states; ``Gamma``: level broadening Gamma_j (Eq. 11);
    ``B``: G_jj(epsilon + i kappa/2) G_jj(epsilon - i kappa/2) (Eq. 10), which equals nu~_j/(kappa + Gamma_j) (Eq. 12).
    ``kappa``: (K,).
    """

    kappa: np.ndarray
    nu: np.ndarray
    Gamma: np.ndarray
    B: np.ndarray

    @property
    def mean_nu(self) -> np.ndarray:
        """nu~_a (D_S, E, K), Eq. 14."""
        return self.nu.mean(axis=1)

    @property
    def mean_B(self) -> np.ndarray:
        """B_a (D_S, E, K), Eq. 13."""
        return self.B.mean(axis=1)

    @property
    def typical(self) -> np.ndarray:
        """Gamma_typ = exp <ln Gamma_j> over all states (E, K), for real kappa; 1/Gamma_typ is the relaxation time."""
        return np.exp(np.log(np.maximum(self.Gamma, np.finfo(float).tiny)).mean(axis=(0, 1)))

    def quantiles(self, q: Sequence[float]) -> np.ndarray:
        """Quantiles of the distribution of Gamma_j over all states, (Q, E, K)."""
        return np.quantile(self.Gamma, q, axis=(0, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class Theory:
    """Diffusion propagator: ``Pi``, ``D`` (D_S, D_S, E, K), ``nu``, ``B`` (D_S, E, K); Eqs. 13-17.

    ``source``: "Eq. 20" or "ladder"; of the latter Pi = 1 - diag(B) D^-1, and D is NaN where it did not converge.
    """

    nu: np.ndarray
    B: np.ndarray
    Pi: np.ndarray
    D: np.ndarray
    source: str


def diagonal_green(
    states: Eigenstates, bath: Eigenstates, system: SystemStates, z: np.ndarray, report: Report = silent
) -> np.ndarray:
    """G_jj(z) = sum_n |<j|n>|^2 / (z - E_n) as (D_S, N, Z) for complex arguments z (Z,).

    All states of H and of H_B must be there. Cost: 2 D_S N^2 k flops for the overlaps and 4 D_S N k Z for the sums.
    """
    require_whole(states)
    require_whole(bath)
    dims = (system.energies.size, bath.energies.size)
    G = np.zeros((*dims, z.size), dtype=complex)
    rank = np.empty(dims[1], dtype=np.int64)
    rank[bath.order] = np.arange(dims[1])
    ends = np.cumsum([b.energies.size for b in bath.blocks])
    done = 0
    for s in states.blocks:
        R = resolvent(s.energies, z)
        step = max(1, CHUNK // (8 * s.energies.size))
        for b, end in zip(bath.blocks, ends, strict=True):
            rows = rank[end - b.energies.size : end]
            for a in range(dims[0]):
                bra = contraction(system.vectors[:, a], b.sector, s.sector, dims)
                for start in range(0, rows.size if bra.nnz else 0, step):
                    part = slice(start, start + step)
                    p = np.abs(overlaps(b.vectors[:, part], bra, s.vectors)) ** 2
                    G[a, rows[part]] += real_times_complex(p, R)
        done += s.energies.size
        report("Green functions", done, dims[0] * dims[1])
    return G


def broadening_of(upper: np.ndarray, lower: np.ndarray, kappa: np.ndarray) -> Broadening:
    """nu~_j, Gamma_j and B_j of given G_jj at epsilon + i kappa/2 and - i kappa/2, each (D_S, N, E, K); Eqs. 8, 10, 11.

    Sigma_j = z - E_j - 1/G_jj, so that Gamma_j = i [Sigma_j(+) - Sigma_j(-)] = -kappa + i [1/G_jj(-) - 1/G_jj(+)].
    """
    nu, B = 1j * (upper - lower), upper * lower
    Gamma = -kappa + 1j * (1 / lower - 1 / upper)
    if np.isrealobj(kappa):
        nu, B, Gamma = nu.real, B.real, Gamma.real
    return Broadening(kappa=kappa, nu=nu, Gamma=Gamma, B=B)


def level_broadening(
    states: Eigenstates,
    bath: Eigenstates,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Broadening:
    """Level broadenings of a grid of ``epsilon`` (E,) and ``kappa`` (K,) from exact eigenstates, Eq. 11."""
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    upper, lower = grid(epsilon, kappa)
    G = diagonal_green(states, bath, system, upper, report)
    other = G.conj() if np.isrealobj(kappa) else diagonal_green(states, bath, system, lower, report)
    shape = (*G.shape[:2], epsilon.size, kappa.size)
    return broadening_of(G.reshape(shape), other.reshape(shape), kappa)


def rates(local: Broadening, strength: np.ndarray) -> np.ndarray:
    """Rates Gamma_j,b of state j = (a, k) into thermometer level b, sum_b Gamma_j,b = Gamma_j: (D_S, N, D_S, E, K).

    Eq. 11 shares the broadening out in proportion to sum_k |V_jk|^2 nu~_k; with the exact Gamma_j, which that sum
    equals only within the cavity approximation, probability is conserved exactly.
    """
    shape = local.nu.shape
    shares = np.einsum("ajbk,bkg->ajbg", strength, local.nu.reshape(*shape[:2], -1), optimize=True)
    shares = shares / shares.sum(axis=2, keepdims=True)
    return shares.reshape(*shape[:2], shape[0], *shape[2:]) * local.Gamma[:, :, None]


def transition_matrix(local: Broadening, channel_rates: np.ndarray) -> np.ndarray:
    """Pi_ab = sum_j B_(a,j) Gamma_(a,j),b / (N nu~_b), (D_S, D_S, E, K), any number of levels; Eq. 16.

    For independent elements of V only. For V = S (x) O and more than two levels D = (1 - Pi)^-1 B is not symmetric and
    off by 10 to 100 per cent and more: use ``ladder_propagator``.
    """
    return np.einsum("aj...,ajb...->ab...", local.B, channel_rates) / local.B.shape[1] / local.mean_nu[None]


def two_level_transition(nu: np.ndarray, B: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """Pi (2, 2, ...) of a two-level thermometer that V always flips, from nu~, B (2, ...); Eq. 19."""
    Pi = np.zeros((2, *nu.shape), dtype=nu.dtype)
    Pi[0, 1] = (nu[0] - kappa * B[0]) / nu[1]
    Pi[1, 0] = (nu[1] - kappa * B[1]) / nu[0]
    return Pi


def diffusion_propagator(Pi: np.ndarray, B: np.ndarray) -> np.ndarray:
    """D = (1 - Pi)^-1 diag(B) as (D_S, D_S, ...) for Pi (D_S, D_S, ...) and B (D_S, ...); Eq. 17."""
    matrices = np.moveaxis(Pi, (0, 1), (-2, -1))
    D = np.linalg.solve(np.eye(B.shape[0]) - matrices, np.moveaxis(B, 0, -1)[..., None] * np.eye(B.shape[0]))
    return np.moveaxis(D, (-2, -1), (0, 1))


def two_level_propagator(nu: np.ndarray, B: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """D (2, 2, ...) of a two-level thermometer in closed form from nu~, B (2, ...); Eq. 20."""
    scale = nu[0] * nu[1] / (kappa * (nu[1] * B[0] + nu[0] * B[1] - B[0] * B[1] * kappa))
    D = np.array([[B[0], B[1] / nu[1] * (nu[0] - B[0] * kappa)], [B[0] / nu[0] * (nu[1] - B[1] * kappa), B[1]]])
    return scale * D


def diffusion_theory(
    local: Broadening,
    composite: Composite,
    bath: Eigenstates,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    report: Report = silent,
) -> Theory:
    """The propagator between populations of a thermometer of any size, for the energies of ``local``, ``epsilon`` (E,).

    Two levels that V always flips: Eqs. 19, 20, from nu~ and B alone. Everything else: ``ladder_propagator``, because Eqs. 16, 17
    (``transition_matrix``) hold only for independent elements of V and are wrong by up to a factor for V = S (x) O.
    """
    nu, B = local.mean_nu, local.mean_B
    if nu.shape[0] == 2 and always_flips(composite, system):
        Pi = two_level_transition(nu, B, local.kappa)
        return Theory(nu=nu, B=B, Pi=Pi, D=diffusion_propagator(Pi, B), source="Eq. 20")
    found = ladder_propagator(composite, bath, system, epsilon, local.kappa, report)
    D = found.populations
    backward = np.linalg.inv(np.moveaxis(D, (0, 1), (-2, -1)))
    Pi = np.eye(nu.shape[0])[..., None, None] - B[:, None] * np.moveaxis(backward, (-2, -1), (0, 1))
    return Theory(nu=found.nu, B=B, Pi=Pi, D=D, source="ladder")
