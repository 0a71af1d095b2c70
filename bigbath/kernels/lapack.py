"""LAPACK with the interpreter lock released, which SciPy keeps: rank 0 hands out tasks from a thread beside its own."""

import numpy as np

from bigbath.kernels.compiled import njit


@njit(nogil=True)
def eigh(matrix):  # type: ignore[no-untyped-def]
    """Energies (d,) and vectors (d, d) of a Hermitian float64 or complex128 matrix, by divide and conquer (``syevd``)."""
    return np.linalg.eigh(matrix)
