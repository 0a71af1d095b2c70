"""LAPACK where SciPy's own call does not do: with the interpreter lock released, or where an algorithm fails."""

import numpy as np
import scipy.linalg

from bigbath.kernels.compiled import njit


@njit(nogil=True)
def eigh(matrix):  # type: ignore[no-untyped-def]
    """Energies (d,) and vectors (d, d) of a Hermitian float64 or complex128 matrix, by divide and conquer (``syevd``).

    SciPy keeps the interpreter lock, which rank 0 needs: it hands out tasks from a thread beside its own.
    """
    return np.linalg.eigh(matrix)


def svd(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left vectors (m, k), singular values (k,) and right vectors (k, n) of a finite matrix (m, n), k = min(m, n).

    By divide and conquer (``gesdd``), without the interpreter lock; by QR iterations where that does not converge, which has been seen
    for triangles with rows of zeros.
    """
    try:
        return np.linalg.svd(matrix, full_matrices=False)
    except np.linalg.LinAlgError:
        return scipy.linalg.svd(matrix, full_matrices=False, check_finite=False, lapack_driver="gesvd")
