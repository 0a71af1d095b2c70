"""Rayleigh-Ritz in the span of tall vectors whose rows are in blocks, on one process or shared out over ranks.

Orthogonalised by QR of each block of rows and QR of the stacked triangles (TSQR: Demmel et al., SIAM J. Sci. Comput. 34,
A206), not through the Gram matrix: that squares the condition number, and residuals stop at 1e-7.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bigbath.resources import cores
from bigbath.solvers.eigenstates import Comm, total

#: Singular values of the basis below this, in units of the largest, are rounding.
RANK = 1e-13

#: Vectors are rotated in blocks of this many rows or more, and multiplied by the matrix this many entries at a time.
ROWS, ENTRIES = 4096, 2**22

Product = Callable[[np.ndarray], np.ndarray]


def product(matrix: sp.csr_array, rows: tuple[int, int], comm: Comm) -> Product:
    """x -> H x for this rank's rows (first, last) of columns x; a matrix that every rank holds."""
    if comm is None:
        return lambda x: matrix @ np.ascontiguousarray(x)
    slab = matrix[slice(*rows)]
    return lambda x: slab @ np.vstack(comm.allgather(x))


def rayleigh_ritz(basis: np.ndarray, h: Product, comm: Comm = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ritz values (r,), vectors (d, r) and residuals (r,) of the span of ``basis`` (d, m), which is overwritten."""
    vectors = _orthonormal(basis, comm)
    projected = np.hstack(_each(_slices(vectors), lambda part: vectors.T @ h(vectors[:, part]), comm))
    projected = total(projected, comm)
    energies, rotation = scipy.linalg.eigh((projected + projected.T) / 2, driver="evd", check_finite=False)
    rotation = _same(rotation, comm)
    for rows in _row_blocks(vectors):
        vectors[rows] = vectors[rows] @ rotation
    return energies, vectors, residual_norms(h, energies, vectors, comm)


def residual_norms(h: Product, energies: np.ndarray, vectors: np.ndarray, comm: Comm = None) -> np.ndarray:
    """||H v - E v|| for each column."""
    if not energies.size:
        return np.empty(0)

    def squares(part: slice) -> np.ndarray:
        return np.sum((h(vectors[:, part]) - vectors[:, part] * energies[part]) ** 2, axis=0)

    return np.sqrt(total(np.concatenate(_each(_slices(vectors), squares, comm)), comm))


def _each(parts: list[slice], function: Callable[[slice], np.ndarray], comm: Comm = None) -> list[np.ndarray]:
    """``function`` of each part, on threads of one process, in order where ranks must meet."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores() if comm is None else 1) as pool:
        return list(pool.map(function, parts))


def _orthonormal(basis: np.ndarray, comm: Comm) -> np.ndarray:
    """An orthonormal basis of the span of the columns, in the same memory."""
    blocks = _row_blocks(basis)

    def triangle(rows: slice) -> np.ndarray:
        q, r = scipy.linalg.qr(np.asfortranarray(basis[rows]), mode="economic", overwrite_a=True, check_finite=False)
        basis[rows, : q.shape[1]] = q
        return r

    own = _each(blocks, triangle)
    shares = [own] if comm is None else comm.allgather(own)
    stacked = np.vstack([r for share in shares for r in share])
    q, r = scipy.linalg.qr(stacked, mode="economic", overwrite_a=True, check_finite=False)
    u, singular, _ = scipy.linalg.svd(r, check_finite=False)
    rotation = _same(q @ u[:, singular > RANK * singular[0]], comm)
    first = sum(r.shape[0] for share in shares[: 0 if comm is None else comm.rank] for r in share)
    for rows, r in zip(blocks, own, strict=True):
        last = first + r.shape[0]
        basis[rows, : rotation.shape[1]] = basis[rows, : r.shape[0]] @ rotation[first:last]
        first = last
    return basis[:, : rotation.shape[1]]


def _same(array: np.ndarray, comm: Comm) -> np.ndarray:
    """The first rank's array: small algebra may round differently on another machine."""
    return array if comm is None else comm.bcast(array)


def _row_blocks(vectors: np.ndarray) -> list[slice]:
    size = max(ROWS, 4 * vectors.shape[1])
    return [slice(first, first + size) for first in range(0, vectors.shape[0], size)]


def _slices(vectors: np.ndarray) -> list[slice]:
    size = int(np.clip(ENTRIES // vectors.shape[0], 4, 64))
    return [slice(first, first + size) for first in range(0, vectors.shape[1], size)]
