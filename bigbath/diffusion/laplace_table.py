"""Propagators on the grid of an inverse Laplace transform, from tables over one line of arguments.

The grid of Eq. 5 has energies epsilon_m = epsilon_0 + m h and kappa_n = sigma + 2 i n h with one step h, so that the arguments
of both Green functions, epsilon + i kappa/2 = x + i sigma/2 and epsilon - i kappa/2 = x' - i sigma/2, lie at x = epsilon_0 +
(m - n) h and x' = epsilon_0 + (m + n) h: E + 2 K numbers instead of 2 E K. G(x' - i sigma/2) is the adjoint of G(x' + i sigma/2).
"""

from dataclasses import dataclass

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.diffusion.propagator import operator_elements, projectors, real_times_complex, resolvent
from bigbath.diffusion.theory import diagonal_green, two_level_propagator
from bigbath.progress import Report, silent
from bigbath.resources import require_memory
from bigbath.solvers import Eigenstates


@dataclass(frozen=True, kw_only=True, eq=False)
class LaplaceGrid:
    """Energies ``epsilon`` (E,) and the ``line`` kappa_n (K,) of an inverse Laplace transform, both from one ``step`` h."""

    epsilon: np.ndarray
    line: np.ndarray
    step: float

    @property
    def arguments(self) -> np.ndarray:
        """x + i sigma/2 (E + 2 K - 2,), ascending."""
        before = self.line.size - 1
        x = self.epsilon[0] + self.step * np.arange(-before, self.epsilon.size + before)
        return x + 0.5j * self.line[0].real

    def places(self, epsilon: np.ndarray, kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (E, K) of the arguments x and x' of points of the grid."""
        first = self.arguments[0].real
        shift = kappa.imag / 2
        lower, upper = ((epsilon[:, None] + sign * shift - first) / self.step for sign in (-1, 1))
        return np.rint(lower).astype(int), np.rint(upper).astype(int)


@dataclass(frozen=True, kw_only=True, eq=False)
class DirectTable:
    """``elements`` (D_S, D_S, X, X): (1/N) Tr[P_a G(x + i sigma/2) P_b G(x' - i sigma/2)] for all x and x' of a ``grid``, Eq. 7."""

    grid: LaplaceGrid
    elements: np.ndarray

    @classmethod
    def of(cls, grid: LaplaceGrid, states: Eigenstates, system: SystemStates, report: Report = silent) -> "DirectTable":
        """From all eigenstates (k,) of H. Cost 4 k^2 X D_S (D_S + 1) flops."""
        z, levels = grid.arguments, system.energies.size
        _require(levels**2, z.size)
        elements = np.zeros((levels, levels, z.size, z.size), dtype=complex)
        for E_m, E_n, O in operator_elements(states, system, projectors(system), report):  # noqa: E741 - the paper's letter
            left, right = resolvent(E_m, z), resolvent(E_n, z).conj()
            for a in range(levels):
                for b in range(levels):
                    elements[a, b] += left.T @ real_times_complex(O[a].conj() * O[b], right)
        return cls(grid=grid, elements=elements / (states.energies.size // levels))

    def __call__(self, epsilon: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        """D_ab (D_S, D_S, E, K) at points of the grid."""
        lower, upper = self.grid.places(epsilon, kappa)
        return self.elements[:, :, lower, upper]


@dataclass(frozen=True, kw_only=True, eq=False)
class TheoryTable:
    """Means over the states j = (a, k) of each level a of the thermometer, for all x, x' of a ``grid``; two levels.

    ``green`` (2, X): of G_jj(x + i sigma/2); ``products`` (2, X, X): of G_jj(x + i sigma/2) G_jj(x' - i sigma/2), Eq. 10.
    """

    grid: LaplaceGrid
    green: np.ndarray
    products: np.ndarray

    @classmethod
    def of(
        cls, grid: LaplaceGrid, states: Eigenstates, bath: Eigenstates, system: SystemStates, report: Report = silent
    ) -> "TheoryTable":
        """From all eigenstates of H and of H_B."""
        _require(system.energies.size, grid.arguments.size)
        G = diagonal_green(states, bath, system, grid.arguments, report)
        products = np.array([g.T @ g.conj() for g in G]) / G.shape[1]
        return cls(grid=grid, green=G.mean(axis=1), products=products)

    def __call__(self, epsilon: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        """D_ab (2, 2, E, K) by Eq. 20 at points of the grid."""
        lower, upper = self.grid.places(epsilon, kappa)
        nu = 1j * (self.green[:, lower] - self.green[:, upper].conj())
        return two_level_propagator(nu, self.products[:, lower, upper], kappa)


def _require(tables: int, size: int) -> None:
    """ImpossibleRequest where the tables do not fit into memory."""
    require_memory(
        16 * tables * size**2, f"{tables} tables of {size:,} x {size:,} Green functions", "Take earlier times."
    )
