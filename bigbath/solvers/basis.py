"""The basis of a filter solve: samples, which are made orthonormal as they come, until they bring nothing new."""

import numpy as np

from bigbath.operators import Operator
from bigbath.ranks import same
from bigbath.solvers.subspace import orthonormalise, rayleigh_ritz, reorder_columns, rotate_columns

#: Samples bring nothing new where at most NOTHING of them is new, or at most LITTLE, and not less than FALL times below those
#: before: that is rounding.
NOTHING, LITTLE, FALL = 1e-11, 1e-9, 2


class Basis:
    """Columns (d, ``size``) in memory for ``capacity`` of them: orthonormal ones, and zeros for samples that bring nothing new.

    ``new``: which part of the last samples was new; ``complete``: whether that is nothing.
    """

    def __init__(self, operator: Operator, capacity: int) -> None:
        self.operator, self.capacity = operator, capacity
        self._rows = operator.rows[1] - operator.rows[0]
        self._memory = np.empty(self._rows * capacity, dtype=operator.dtype)
        self._coefficients = np.zeros((0, 0), dtype=operator.dtype)
        self.size, self.new, self.complete = 0, 1.0, False

    @classmethod
    def of(cls, operator: Operator, vectors: np.ndarray) -> "Basis":
        """This rank's rows of orthonormal vectors (D, n)."""
        basis = cls(operator, vectors.shape[1])
        basis.columns(0, basis.capacity)[:] = vectors[slice(*operator.rows)]
        basis.size = basis.capacity
        return basis

    def columns(self, first: int, last: int) -> np.ndarray:
        """Some of the columns, or room for them."""
        return self._memory[self._rows * first : self._rows * last].reshape((self._rows, last - first), order="F")

    def extend(self, count: int) -> None:
        """Take ``count`` samples that have been written behind the columns."""
        columns = self.columns(0, self.size + count)
        own, new = same(orthonormalise(columns, self.size, self.operator.comm), self.operator.comm)
        self.complete = new <= NOTHING or (new <= LITTLE and new > self.new / FALL)
        known = np.pad(self._coefficients, ((0, count), (0, 0)))
        self._coefficients = np.asfortranarray(np.hstack([known, own]))
        self.size, self.new = self.size + count, new

    def ritz(self, norm: float, within: tuple[float, float], first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Ritz values and residuals in the span of the columns from ``first`` on, which become the Ritz vectors.

        ``norm``: ||H||; ``within``: energies that matter. The coefficients of the samples are kept: together with more samples
        they tell what is rounding in these columns.
        """
        columns, known, operator = self.columns(first, self.size), self._coefficients[first:], self.operator
        energies, residuals, rotation = rayleigh_ritz(columns, known, operator.product, norm, within, operator.comm)
        self._coefficients = np.vstack([self._coefficients[:first], rotation.conj().T @ known])
        self.size = first + energies.size
        return energies, residuals

    def turn(self, which: np.ndarray, rotation: np.ndarray) -> None:
        """Turn the columns ``which``."""
        rotate_columns(self.columns(0, self.size), which, rotation)
        self._coefficients[which] = rotation.conj().T @ self._coefficients[which]

    def reorder(self, order: np.ndarray) -> None:
        """Put the columns into another order."""
        reorder_columns(self.columns(0, self.size), order)
        self._coefficients = self._coefficients[order]

    def drop(self, count: int) -> np.ndarray:
        """Take out the last ``count`` columns (d, count), which stay where they are."""
        self.size -= count
        self._coefficients = self._coefficients[: self.size]
        return self.columns(self.size, self.size + count)

    def keep(self, which: np.ndarray, rows: tuple[int, int]) -> np.ndarray:
        """The columns ``which`` (ascending) of these rows, moved to the front of the memory, whose rest is freed."""
        kept = self.columns(0, which.size)
        for target, source in enumerate(map(int, which)):
            kept[:, target] = self.columns(source, source + 1)[:, 0]
        first = self.operator.rows[0]
        if rows != self.operator.rows:
            self._memory = kept[rows[0] - first : rows[1] - first].flatten(order="F")
        del kept
        self._rows, self.size = rows[1] - rows[0], which.size
        self._memory.resize(self._rows * self.size, refcheck=False)
        return self.columns(0, self.size)
