"""Chebyshev steps with a matrix: see ``kernels.sparse``."""

from functools import cached_property

import numpy as np
import scipy.sparse as sp

from bigbath.kernels.simd import aligned, aligned_empty
from bigbath.kernels.sparse import SLICE, complex_sparse_steps, slices, sparse_steps
from bigbath.operators.operator import dot_of_storages
from bigbath.operators.scale import Scale

#: Rows among which those with as many entries come together: few enough to keep neighbours close.
WINDOW = 512

#: Entries that a core takes a second, of matrices of up to ``CACHED`` entries and of larger ones.
CACHED, FAST, SLOW = 1.5e5, 4e9, 2e9

#: Bytes of a page; vectors start an odd number of cache lines beyond whole pages.
PAGE = 4096


class MatrixOperator:
    """A matrix, sparse for steps, applied to a block of ``columns`` vectors; ranks repeat its work.

    Rows are stored in an order in which few places of the slices stay empty; complex vectors as real and imaginary parts.
    """

    comm = None

    def __init__(self, matrix: sp.csr_array | np.ndarray, scale: Scale, columns: int) -> None:
        self.dim, self.rows, self.columns = matrix.shape[0], (0, matrix.shape[0]), columns
        self._matrix, self._scale, self.dtype = matrix, scale, np.result_type(matrix.dtype, np.float64)
        self._planes = 2 if self.dtype.kind == "c" else 1
        entries = matrix.size if isinstance(matrix, np.ndarray) else int(matrix.nnz)
        self.work, self.rate = columns * entries, self.rate_of(entries, is_complex=self._planes == 2)
        self._padded = -(-self.dim // SLICE) * SLICE
        counts = np.full(self.dim, self.dim) if isinstance(matrix, np.ndarray) else np.diff(matrix.indptr)
        self._order = np.lexsort((counts, np.arange(self.dim) // WINDOW))

    @staticmethod
    def rate_of(entries: int, *, is_complex: bool = False) -> float:
        """Entries that a core takes a second for one vector."""
        return (FAST if entries <= CACHED else SLOW) / (2 if is_complex else 1)

    @cached_property
    def _twice(self) -> tuple[np.ndarray, ...]:
        """Values, places and starts of the slices of 2 (H - centre) / halfwidth."""
        shifted = sp.csr_array(self._matrix) - self._scale.centre * sp.eye_array(self.dim, format="csr")
        matrix = sp.csr_array((shifted * (2 / self._scale.halfwidth))[self._order])
        position = np.empty(self.dim, np.int32)
        position[self._order] = np.arange(self.dim)
        starts, where = slices(np.diff(matrix.indptr))
        places = aligned(np.zeros(starts[-1], np.int32))
        places[where] = position[matrix.indices]
        parts = (matrix.data.real, matrix.data.imag)[: self._planes]
        values = [aligned(np.zeros(starts[-1])) for _ in parts]
        for memory, part in zip(values, parts, strict=True):
            memory[where] = part
        return (*values, places, starts)

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors (columns, planes * rows)."""
        size, page = self.columns * self._planes * self._padded, PAGE // 8
        apart = -(-size // page) * page + page * 3 // 4
        memory = aligned_empty(count * apart, np.dtype(np.float64))
        memory[:] = 0
        return memory.reshape(count, apart)[:, :size].reshape(count, self.columns, -1)

    def _inside(self, storage: np.ndarray) -> np.ndarray:
        """The rows of a storage without the padding (columns, planes, dim)."""
        return storage.reshape(self.columns, self._planes, self._padded)[:, :, : self.dim]

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns) into a storage."""
        vectors, inside = np.asarray(block).reshape(self.dim, self.columns)[self._order].T, self._inside(storage)
        if self._planes == 1:
            vectors = vectors.astype(float, casting="same_kind", copy=False)
        inside[:, 0] = vectors.real
        if self._planes == 2:
            inside[:, 1] = vectors.imag

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        result, inside = np.empty((self.dim, self.columns), self.dtype), self._inside(storage)
        result[self._order] = (inside[:, 0] if self._planes == 1 else inside[:, 0] + 1j * inside[:, 1]).T
        return result

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Re <a|b> (columns,) of the vectors of two storages."""
        return dot_of_storages(a, b, self.columns)

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        made = sparse_steps if self._planes == 1 else complex_sparse_steps
        made(*self._twice, low, high, total, np.ascontiguousarray(weights, float), count)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (D, c)."""
        return self._matrix @ np.ascontiguousarray(vectors)
