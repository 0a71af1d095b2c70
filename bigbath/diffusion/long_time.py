"""Long times: stationary and thermal probabilities, zero mode, global balance (diffusion paper, Eqs. 26-31)."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.special

from bigbath.broadening import SystemStates
from bigbath.diffusion.time_domain import EnergyFilter
from bigbath.solvers import Eigenstates
from bigbath.solvers.window import TIE
from bigbath.spaces import contraction


def infinite_time_average(states: Eigenstates, system: SystemStates, initial: EnergyFilter) -> np.ndarray:
    """Time average of Tr[P_a(t) P_b f(H)] over all times (D_S, D_S), exact; degenerate levels are joined."""
    vectors, energies = states.vectors(), states.energies
    levels = system.energies.size
    dims = (levels, energies.size // levels)
    bras = [contraction(system.vectors[:, a], None, None, dims) @ vectors for a in range(levels)]
    f = initial.unnormalised(energies) / initial.trace(states)
    tie = TIE * max(abs(states.extremes[0]), abs(states.extremes[1]))
    starts = np.concatenate([[0], np.flatnonzero(np.diff(energies) > tie) + 1, [energies.size]])
    weights = np.array([np.einsum("jn,jn->n", bra.conj(), bra).real for bra in bras])
    total = np.einsum("an,bn,n->ab", weights, weights, f)
    for start, stop in pairwise(starts):
        if stop - start > 1:
            O = [bra[:, start:stop].conj().T @ bra[:, start:stop] for bra in bras]  # noqa: E741
            for o in O:
                np.fill_diagonal(o, 0)
            total += f[start:stop].mean() * np.array([[np.trace(x @ y).real for y in O] for x in O])
    return total


@dataclass(frozen=True, kw_only=True, eq=False)
class BathDensity:
    """Normalised bath density of states nu_B, levels ``energies`` (N,) smoothed by a Gaussian of width ``width``."""

    energies: np.ndarray
    width: float

    def log(self, energy: np.ndarray | float) -> np.ndarray:
        """ln nu_B at ``energy`` (...)."""
        x = (np.asarray(energy)[..., None] - self.energies) / self.width
        logs = scipy.special.logsumexp(-0.5 * x**2, axis=-1)
        return logs - np.log(self.energies.size * self.width * np.sqrt(2 * np.pi))

    def beta(self, energy: np.ndarray | float) -> np.ndarray:
        """Inverse temperature beta(E) = d ln nu_B / dE, Eq. 27."""
        x = (np.asarray(energy)[..., None] - self.energies) / self.width
        return np.sum(scipy.special.softmax(-0.5 * x**2, axis=-1) * -x / self.width, axis=-1)

    def thermal(self, energy: float, levels: np.ndarray) -> np.ndarray:
        """p_a = nu_B(E - xi_a) / sum (D_S,) for thermometer ``levels`` xi (D_S,), Eq. 28 (first form)."""
        return scipy.special.softmax(self.log(energy - levels))

    def canonical(self, energy: float, levels: np.ndarray) -> np.ndarray:
        """p_a = exp(-beta(E) xi_a) / sum (D_S,), Eq. 28 (second form)."""
        return scipy.special.softmax(-self.beta(energy) * levels)


def left_zero_mode(Pi: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s_b (D_S, ...), the left eigenvector of 1 - Pi (D_S, D_S, ...) nearest zero, with sum_b s_b B_b = 1.

    Also the eigenvalue of 1 - Pi (...), of the order kappa times the relaxation time.
    """
    matrices = np.moveaxis(Pi, (0, 1), (-1, -2))  # transposed: right eigenvectors are Pi's left ones
    values, vectors = np.linalg.eig(matrices)
    nearest = np.abs(values - 1).argmin(axis=-1)
    s = np.take_along_axis(vectors, nearest[..., None, None], axis=-1)[..., 0].real
    s = np.moveaxis(s, -1, 0)
    return s / (s * B).sum(axis=0), 1 - np.take_along_axis(values, nearest[..., None], axis=-1)[..., 0].real


def stationary(nu: np.ndarray, B: np.ndarray, s: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """p_ab = sum over energies of weights nu_a/nu s_b B_b (D_S, D_S), Eq. 26.

    ``nu``, ``B``, ``s``: (D_S, E) at small kappa; ``weights``: (E,) quadrature weights times P(epsilon), summing to 1.
    """
    return np.einsum("ae,be,e->ab", nu / nu.sum(axis=0), s * B, weights)


def balanced_mode(nu: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The zero mode s_b = nu~_b/B_b / sum_c nu~_c that makes the stationary state thermal (D_S, ...), Eq. 29."""
    return nu / B / nu.sum(axis=0)


def effective_rates(channel_rates: np.ndarray) -> np.ndarray:
    """Gamma_{a->b} (D_S, D_S, ...): the rates Gamma_j,b (D_S, N, D_S, ...) averaged over bath states, Eq. 30."""
    return channel_rates.mean(axis=1)


def imbalance(rates: np.ndarray, nu: np.ndarray) -> np.ndarray:
    """sum_a (Gamma_{b->a} nu~_b - nu~_a Gamma_{a->b}) relative to sum_a Gamma_{b->a} nu~_b (D_S, ...), Eq. 31."""
    flow = rates * nu[:, None]  # flow[b, a]: from b to a
    return (flow.sum(axis=1) - flow.sum(axis=0)) / flow.sum(axis=1)
