"""The basis of a filter solve: samples, which are made orthonormal as they come, until they bring nothing new."""

import numpy as np

from bigbath.operators import Operator
from bigbath.ranks import same
from bigbath.solvers.subspace import orthonormalise, rayleigh_ritz

#: Samples bring nothing new where at most this part of them is new. What is left are states at the ends of the filtered band, where the filter
#: is this small.
NOTHING = 1e-9


class Basis:
    """Columns (d, ``size``) in memory for ``capacity`` of them: orthonormal ones, and zeros for samples that bring nothing new.

    ``new``: which part of the last samples was new.
    """

    def __init__(self, operator: Operator, capacity: int) -> None:
        self.operator, self.capacity = operator, capacity
        self._rows = operator.rows[1] - operator.rows[0]
        self._memory = np.empty(self._rows * capacity, dtype=operator.dtype)
        self._triangle = np.zeros((0, 0), dtype=operator.dtype)
        self.size, self.new = 0, 1.0

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
        end, comm = self.size + count, self.operator.comm
        triangle = np.zeros((end, end), dtype=self.operator.dtype, order="F")
        triangle[: self.size, : self.size] = self._triangle
        self.new = same(orthonormalise(self.columns(0, end), triangle, self.size, comm), comm)
        self.size, self._triangle = end, triangle

    def ritz(self, norm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ritz values, vectors and residuals; the vectors become the columns. ``norm``: ||H||."""
        operator, triangle = self.operator, self._triangle
        largest = np.abs(triangle).max()
        found = rayleigh_ritz(self.columns(0, self.size), triangle, operator.product, norm, operator.comm)
        self.size = found[0].size
        self._triangle = largest * np.eye(self.size, dtype=operator.dtype, order="F")
        return found

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
