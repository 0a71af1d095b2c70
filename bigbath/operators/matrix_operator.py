"""Chebyshev steps with a matrix."""

from functools import cached_property

import numpy as np
import scipy.sparse as sp

from bigbath.kernels.chebyshev import csr_steps
from bigbath.operators.scale import Scale


class MatrixOperator:
    """A matrix, CSR for steps, applied to a block of ``columns`` vectors; ranks repeat its work."""

    comm, rate = None, 2e9

    def __init__(self, matrix: sp.csr_array | np.ndarray, scale: Scale, columns: int) -> None:
        self.dim, self.rows, self.columns = matrix.shape[0], (0, matrix.shape[0]), columns
        self._matrix, self._scale, self.dtype = matrix, scale, np.result_type(matrix.dtype, np.float64)
        self.work = columns * (matrix.size if isinstance(matrix, np.ndarray) else matrix.nnz)

    @cached_property
    def _twice(self) -> sp.csr_array:
        """2 (H - centre) / halfwidth."""
        shifted = sp.csr_array(self._matrix) - self._scale.centre * sp.eye_array(self.dim, format="csr")
        return sp.csr_array(shifted * (2 / self._scale.halfwidth))

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors."""
        return np.zeros((count, self.dim, self.columns), dtype=self.dtype)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns) into a storage."""
        storage[:] = block

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        return storage

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        csr_steps(self._twice.indptr, self._twice.indices, self._twice.data, low, high, total, weights, count)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (D, c)."""
        return self._matrix @ np.ascontiguousarray(vectors)
