"""What a recurrence needs of a Hamiltonian."""

from typing import Protocol

import numpy as np

from bigbath.operators.scale import Scale
from bigbath.ranks import Comm


class Operator(Protocol):
    """A scaled Hamiltonian that makes Chebyshev steps on ``columns`` vectors at a time, other vectors on other threads.

    ``dim``: dimension D of its sector. ``dtype``: of the vectors that it takes and gives, float64 or complex128. ``rows``: (first, last) state of this rank's part of each vector, and d
    their number. ``comm``: over which the rows are shared out, None where this process has all. ``work``: matrix
    entries times vectors of one step; ``rate``: about how many of them a core does a second.
    """

    dim: int
    dtype: np.dtype
    rows: tuple[int, int]
    comm: Comm
    columns: int
    work: int
    rate: float

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors in the operator's own layout."""

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns), in the basis of the Hamiltonian's matrix, into a storage."""

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage, in the basis of the Hamiltonian's matrix."""

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Re <a|b> (columns,) of the vectors in two storages, over this rank's rows."""

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` steps in place; see ``kernels.chebyshev.flip_steps``."""

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v, not scaled, for any number of vectors (d, c) in the basis of the Hamiltonian's matrix."""


def dot_of_storages(a: np.ndarray, b: np.ndarray, columns: int = 1) -> np.ndarray:
    """Re <a|b> (columns,) where storages hold real numbers, or real and imaginary parts, one column after the other."""
    return np.vecdot(a.reshape(columns, -1), b.reshape(columns, -1))


def product_by_steps(operator: Operator, scale: Scale, vectors: np.ndarray) -> np.ndarray:
    """H v for vectors (d, c) by an operator of one column, one after the other.

    One step from v and -2 centre/halfwidth v is 2/halfwidth H v. An operator of real vectors takes real and imaginary parts of
    complex ones one after the other.
    """
    if np.iscomplexobj(vectors) and operator.dtype.kind != "c":
        return product_by_steps(operator, scale, vectors.real) + 1j * product_by_steps(operator, scale, vectors.imag)
    low, high = operator.zeros(2)
    result = np.empty(vectors.shape, np.result_type(vectors, operator.dtype), order="F")
    for column in range(vectors.shape[1]):
        operator.put(high, vectors[:, column])
        np.multiply(high, -2 * scale.centre / scale.halfwidth, out=low)
        operator.steps(low, high, low, np.empty(0), 1)
        np.multiply(operator.get(low)[:, 0], scale.halfwidth / 2, out=result[:, column])
    return result
