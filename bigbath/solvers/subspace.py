"""Rayleigh-Ritz in the span of tall vectors whose rows are in blocks, on one process or shared out over ranks.

Orthogonalised by panels of columns: twice against those before (block Gram-Schmidt with reorthogonalisation: Stathopoulos &
Wu, SIAM J. Sci. Comput. 23, 2165), then among themselves by QR of blocks of rows and of the stacked triangles (TSQR: Demmel
et al., SIAM J. Sci. Comput. 34, A206), which the second time is the Gram matrix of a panel that is nearly orthonormal. The
first time that would square the condition number, and residuals would stop at 1e-7.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from bigbath.kernels.lapack import svd
from bigbath.ranks import Comm, same, total
from bigbath.resources import cores

#: Singular values of the basis below this, in units of the largest, are rounding.
RANK = 1e-13

#: Largest entry of V^T V - 1 that need not be made smaller.
ORTHOGONAL = 1e-13

#: Columns of a panel, rows of a block (a quarter of them where all columns are turned), columns that are multiplied by
#: the matrix at a time; of the basis at least its PART-th part, which is little memory and makes larger products.
PANEL, ROWS, PRODUCT, PART = 64, 2048, 8, 32

#: Residuals, in units of ||H||: above the first a Ritz vector is spurious, between the others such a one may be mixed into
#: it; how many spurious ones are looked at, and for how many eigenvectors at a time.
SPURIOUS, MIXED, CLEAN, NEAR, BATCH = 1e-5, 1e-7, 1e-11, 4, 4

Product = Callable[[np.ndarray], np.ndarray]

Each = Callable[..., Iterator[Any]]


def orthonormalise(basis: np.ndarray, first: int, comm: Comm = None) -> tuple[np.ndarray, float]:
    """Make the columns of ``basis`` (d, m) from ``first`` on orthonormal, in place; those before are so already.

    Columns that would be rounding alone become zero. Returns the coefficients (m, m - first) of the columns given in all columns, and the
    largest part of the last panel that no column before it holds, in units of its largest column.
    """
    new, coefficients = 0.0, np.zeros((basis.shape[1], basis.shape[1] - first), dtype=basis.dtype, order="F")
    with _threads() as each:
        for columns in _slices(basis.shape[1] - first, PANEL):
            start, stop = first + columns.start, first + columns.stop
            above, own = _factorise_panel(basis[:, start:stop], basis[:, :start], comm, each)
            coefficients[:start, columns], coefficients[start:stop, columns] = above, own
            largest = np.linalg.norm(coefficients[:, columns], axis=0).max()
            new = float(np.linalg.norm(own, 2) / largest) if largest > 0 else 0.0
    return coefficients, new


def rayleigh_ritz(
    basis: np.ndarray, coefficients: np.ndarray, h: Product, norm: float, comm: Comm = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ritz values (r,), residuals (r,) and rotation (m, r) in the span of ``basis`` @ ``coefficients``; ``norm``: ||H||.

    ``basis`` (d, m), orthonormal or zero columns, is overwritten: its first r columns become the Ritz vectors, basis @
    rotation. ``coefficients`` (m, n) are those of all samples. With ``orthonormalise`` the cost is about 7 m^2 d operations. Memory beside the basis: blocks of it.
    """
    with _threads() as each:
        projected = np.zeros((basis.shape[1],) * 2, dtype=basis.dtype, order="F")

        def project(panel: slice) -> None:
            projected[: panel.stop, panel] = basis[:, : panel.stop].conj().T @ h(basis[:, panel])

        in_order = map if comm is not None else each  # ranks meet in h
        list(in_order(project, _slices(basis.shape[1], max(PRODUCT, basis.shape[1] // PART))))
        projected = np.triu(total(projected, comm))
        projected += np.triu(projected, 1).conj().T
        left, singular, _ = svd(coefficients)
        left = left[:, : singular.size][:, singular > RANK * singular[0]]
        energies, rotation = scipy.linalg.eigh(left.conj().T @ projected @ left, driver="evd", check_finite=False)
        energies, rotation = same((energies, left @ rotation), comm)
        vectors = basis[:, : energies.size]

        def rotate(rows: slice) -> None:
            vectors[rows] = _times(basis[rows], rotation)

        list(each(rotate, _slices(basis.shape[0], ROWS // 4)))
    residuals = residual_norms(h, energies, vectors, comm)
    _unmix(energies, vectors, residuals, rotation, h, norm, comm)
    return energies, residuals, rotation


def _unmix(
    energies: np.ndarray, vectors: np.ndarray, residuals: np.ndarray, rotation: np.ndarray, h: Product, norm: float,
    comm: Comm,
) -> None:  # fmt: skip
    """Take out of eigenvectors, in place, what they share with spurious Ritz vectors.

    A basis that rounding has made too large has Ritz vectors s that are no eigenvectors. One whose Ritz value falls close to
    a level mixes into its eigenvector u. As a refined Ritz vector (Jia, Linear Algebra Appl. 259, 1) u - s theta has the
    smallest residual; the vectors s are turned so that all stay orthonormal. BATCH eigenvectors at a time, in the small
    space of them and of the spurious ones near them.
    """
    spurious = np.flatnonzero(residuals > SPURIOUS * norm)
    mixed = np.flatnonzero((residuals <= MIXED * norm) & (residuals > CLEAN * norm))
    for batch in _slices(mixed.size, BATCH) if spurious.size else ():
        us = mixed[batch]
        distance = np.abs(energies[spurious] - energies[us][:, None])
        near = spurious[np.unique(np.argsort(distance, axis=1)[:, :NEAR])]
        both = np.concatenate([us, near])
        columns = vectors[:, both]
        remainders = _remainders(h, energies[both], columns, comm)
        grams = total(remainders.conj().T @ remainders, comm), total(columns.conj().T @ remainders, comm)
        turn, energies[both] = same(_refined(energies[both], *grams, us.size), comm)
        vectors[:, both], rotation[:, both] = _times(columns, turn), rotation[:, both] @ turn
        residuals[both] = residual_norms(h, energies[both], vectors[:, both], comm)


def _refined(energies: np.ndarray, gram: np.ndarray, overlap: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """How orthonormal v_j are turned, the first ``count`` into refined Ritz vectors, and the new Rayleigh quotients.

    With r_j = H v_j - E_j v_j, ``gram`` is r^H r, and ``overlap`` v^H r: they tell the norm of (H - E) v q for any q.
    """
    turn, quotients = np.eye(energies.size, dtype=gram.dtype), energies.copy()
    products = np.block([[gram, overlap.conj().T], [overlap, np.eye(energies.size)]])
    projected = np.diag(energies) + overlap
    for u in range(count):
        both = [u, *(count + np.argsort(np.abs(quotients[count:] - quotients[u]))[:NEAR])]
        own = turn[:, both]
        shifted = np.vstack([own, (energies - quotients[u])[:, None] * own])
        small = shifted.conj().T @ products @ shifted
        theta = scipy.linalg.lstsq(small[1:, 1:], small[1:, 0])[0]
        rotation = scipy.linalg.qr(np.r_[1, -theta][:, None])[0]
        rotation[:, 0] *= np.sign(rotation[0, 0].real)
        turn[:, both] = own = own @ rotation
        quotients[both] = np.einsum("ij,ik,kj->j", own.conj(), projected, own, optimize=True).real
    return turn, quotients


def residual_norms(h: Product, energies: np.ndarray, vectors: np.ndarray, comm: Comm = None) -> np.ndarray:
    """||H v - E v|| for each column."""
    if not energies.size:
        return np.empty(0)

    def squares(panel: slice) -> np.ndarray:
        residual = _remainder(h, energies[panel], vectors[:, panel])
        return np.einsum("ij,ij->j", residual.conj(), residual).real

    return np.sqrt(total(np.concatenate(_by_panels(squares, energies.size, comm)), comm))


def _remainders(h: Product, energies: np.ndarray, vectors: np.ndarray, comm: Comm) -> np.ndarray:
    """H v - E v for each column."""

    def remainder(panel: slice) -> np.ndarray:
        return _remainder(h, energies[panel], vectors[:, panel])

    return np.concatenate(_by_panels(remainder, energies.size, comm), axis=1)


def _remainder(h: Product, energies: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    residual = h(vectors)
    for column, energy, vector in zip(residual.T, energies, vectors.T, strict=True):
        column -= energy * vector
    return residual


def _by_panels(function: Callable[[slice], Any], columns: int, comm: Comm) -> list[Any]:
    """A function of panels of columns that multiplies by the matrix; on ranks, which meet in that, one after the other."""
    with _threads() as each:
        in_order = map if comm is not None else each
        return list(in_order(function, _slices(columns, PRODUCT)))


def _factorise_panel(panel: np.ndarray, before: np.ndarray, comm: Comm, each: Each) -> tuple[np.ndarray, np.ndarray]:
    """Replace a panel (d, c) by orthonormal columns Q, orthogonal to ``before``; returns (A, R), panel = before A + Q R.

    Columns of Q that would be rounding alone are zero, and so are their rows of R.
    """
    blocks = _slices(panel.shape[0], ROWS)

    def overlaps(rows: slice) -> np.ndarray:
        return before[rows].conj().T @ panel[rows]

    def factor(rows: slice) -> np.ndarray:
        panel[rows] -= _times(before[rows], overlap)
        panel[rows], r = scipy.linalg.qr(panel[rows], mode="economic", check_finite=False)
        return r

    def gram(rows: slice) -> np.ndarray:
        if overlap.any():
            panel[rows] -= _times(before[rows], overlap)
        return panel[rows].conj().T @ panel[rows]

    def turn(rows: slice, rotation: np.ndarray) -> None:
        panel[rows] = _times(panel[rows], rotation)

    overlap = _sum(each(overlaps, blocks), comm)
    parts, r = _stacked(each(factor, blocks), comm)
    left, singular, right = same(svd(r), comm)
    above, own = overlap, singular[:, None] * right
    list(each(turn, blocks, [part @ left for part in parts]))
    overlap = same(_sum(each(overlaps, blocks), comm), comm)
    if np.abs(overlap).max(initial=0.0) <= ORTHOGONAL:
        overlap[:] = 0  # once is enough
    squares, directions = same(scipy.linalg.eigh(_sum(each(gram, blocks), comm), check_finite=False), comm)
    kept = squares > 0.25  # the others may be rounding, in the span of ``before``
    norms = np.sqrt(squares, where=kept, out=np.full(squares.size, np.inf))
    list(each(turn, blocks, [directions / norms] * len(blocks)))
    return above + overlap @ own, np.where(kept, norms, 0.0)[:, None] * (directions.conj().T @ own)


def _stacked(triangles: Iterable[np.ndarray], comm: Comm) -> tuple[list[np.ndarray], np.ndarray]:
    """QR of the stacked triangles of all blocks, then of all ranks: the part of Q of each block of this rank, and R."""
    own = list(triangles)
    q, r = scipy.linalg.qr(np.vstack(own), mode="economic", check_finite=False)
    if comm is not None:
        shares = comm.allgather(r)
        outer, r = same(scipy.linalg.qr(np.vstack(shares), mode="economic", check_finite=False), comm)
        first = sum(share.shape[0] for share in shares[: comm.rank])
        q = q @ outer[first : first + q.shape[1]]
    cuts = np.cumsum([0] + [part.shape[0] for part in own])
    return [q[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)], r


def _sum(parts: Iterable[np.ndarray], comm: Comm) -> np.ndarray:
    """The sum over the blocks of all ranks."""
    return total(reduce(np.add, parts), comm)


def _times(tall: np.ndarray, small: np.ndarray) -> np.ndarray:
    """tall @ small in Fortran order, which BLAS does three times as fast for columns in Fortran order."""
    return (small.T @ tall.T).T


@contextmanager
def _threads() -> Iterator[Each]:
    """``map`` on threads, one for each core, and BLAS on one thread inside each: blocks are too small for more."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores()) as pool:
        yield pool.map


def _slices(end: int, size: int) -> list[slice]:
    """Nearly equal slices of range(end), none longer than ``size``."""
    number = -(-end // size)
    return [slice(end * i // number, end * (i + 1) // number) for i in range(number)]
