"""Overlaps of product states with eigenvectors: contraction of the system, then one matrix product for the bath."""

import numpy as np
import scipy.sparse as sp
from numba import prange

from bigbath.kernels.compiled import njit


@njit(parallel=True)
def _csr_times_columns(indptr, indices, data, x, out):  # type: ignore[no-untyped-def]
    for j in prange(x.shape[1]):
        for row in range(indptr.size - 1):
            total = x[0, j] * 0
            for p in range(indptr[row], indptr[row + 1]):
                total += data[p] * x[indices[p], j]
            out[row, j] = total


def csr_times_columns(matrix: sp.csr_array, x: np.ndarray) -> np.ndarray:
    """``matrix @ x`` for a CSR (m, d) and columns x (d, k) in Fortran order; the result (m, k) too.

    A column of x stays in cache while all rows gather from it, columns run in parallel: nnz * k multiply-adds, each
    byte of x and of the result moved once.
    """
    out = np.empty((matrix.shape[0], x.shape[1]), dtype=np.result_type(matrix, x), order="F")
    _csr_times_columns(matrix.indptr, matrix.indices, matrix.data, np.asfortranarray(x), out)
    return out


def overlaps(bath_vectors: np.ndarray, bra: sp.csr_array, vectors: np.ndarray) -> np.ndarray:
    """<phi_mu| <phi_i| psi_n> as (m, k), for bath states (d_B, m), a contraction (d_B, d) and eigenvectors (d, k).

    The products are taken in the order that costs less: 2 m d_B k flops when the system is contracted first,
    2 m d k when the bath states are folded into the contraction first (d < d_B in the smaller sectors of a ring).
    """
    m, d_bath, d, k = bath_vectors.shape[1], bra.shape[0], bra.shape[1], vectors.shape[1]
    if m * d * k + m * bra.nnz < m * d_bath * k + k * bra.nnz:
        folded = csr_times_columns(sp.csr_array(bra.T), bath_vectors.conj())  # (d, m)
        return folded.T @ vectors
    return bath_vectors.conj().T @ csr_times_columns(bra, vectors)
