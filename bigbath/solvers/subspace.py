"""Rayleigh-Ritz in the span of tall vectors whose rows are in blocks, on one process or shared out over ranks.

Orthogonalised by panels of columns, against those before (block Gram-Schmidt with reorthogonalisation) and among themselves by
Gram matrices (Stathopoulos & Wu, SIAM J. Sci. Comput. 23, 2165), which are all products of matrices. A Gram matrix squares the
condition number, and one alone would stop residuals at 1e-7: so each takes only the directions that it tells well, and the
next one has the shorter rest.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_limits

from bigbath.kernels.lapack import svd
from bigbath.ranks import Comm, same, total
from bigbath.resources import cores

#: Singular values of the basis below this, in units of the largest, are rounding.
RANK = 1e-13

#: Largest overlap with columns before that need not be made smaller.
ORTHOGONAL = 1e-14

#: One Gram matrix tells directions of a panel down to LEVEL of the longest. Shorter than NOISE of the panel as it was given, a
#: direction is rounding.
LEVEL, NOISE = 1e-4, 1e-15

#: Columns of a panel; rows of a block, of one whose result is small, of one in which all columns are turned.
PANEL, ROWS, LONG, SHORT = 128, 2048, 8192, 512

#: Columns that a core multiplies by the matrix at a time, at least; all cores together take a PART-th of the basis.
PRODUCT, PART = 8, 10

#: Residuals, in units of ||H||: above the first a Ritz vector is spurious, between the others such a one may be mixed into
#: it; how many spurious ones are looked at, and for how many eigenvectors at a time.
SPURIOUS, MIXED, CLEAN, NEAR, BATCH = 1e-5, 1e-7, 1e-11, 4, 4

#: Seconds of one core that m columns of length d take from samples to eigenvectors, over m^2 d, m d and m^3.
SQUARE, LINEAR, CUBE = 1e-10, 8e-8, 1.3e-9

Number = TypeVar("Number", float, np.ndarray)

Product = Callable[[np.ndarray], np.ndarray]

Each = Callable[..., Iterator[Any]]


def algebra_seconds(columns: Number, dim: float, *, is_complex: bool) -> Number:
    """About how long one core takes to make eigenvectors of samples (``dim``, ``columns``), for each number of columns."""
    seconds = columns * dim * (SQUARE * columns + LINEAR) + CUBE * columns**3
    return 4 * seconds if is_complex else seconds


def orthonormalise(basis: np.ndarray, first: int, comm: Comm = None) -> tuple[np.ndarray, float]:
    """Make the columns of ``basis`` (d, m) from ``first`` on orthonormal, in place; those before are so already.

    Columns that would be rounding alone become zero. Returns the coefficients (m, m - first) of the columns given in all columns, and the
    largest part of the last panel that no column before it holds, in units of its largest column.
    """
    new, coefficients = 0.0, np.zeros((basis.shape[1], basis.shape[1] - first), dtype=basis.dtype, order="F")
    with _threads() as each:
        rows = _Rows(number=basis.shape[0], comm=comm, each=each)
        for columns in _slices(basis.shape[1] - first, PANEL):
            start, stop = first + columns.start, first + columns.stop
            above, own = _factorise_panel(basis[:, start:stop], basis[:, :start], rows)
            coefficients[:start, columns], coefficients[start:stop, columns] = above, own
            largest = np.linalg.norm(coefficients[:, columns], axis=0).max()
            new = float(np.linalg.norm(own, 2) / largest) if largest > 0 else 0.0
    return coefficients, new


def rayleigh_ritz(
    basis: np.ndarray, coefficients: np.ndarray, h: Product, norm: float, within: tuple[float, float], comm: Comm = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ritz values (r,), residuals (r,) and rotation (m, r) in the span of ``basis`` @ ``coefficients``; ``norm``: ||H||.

    ``within``: energies that matter; only there eigenvectors are made as good as they can be.
    ``basis`` (d, m), orthonormal or zero columns, is overwritten: its first r columns become the Ritz vectors, basis @
    rotation. ``coefficients`` (m, n) are those of all samples. Cost: see ``algebra_seconds``. Memory beside the basis: blocks of it.
    """
    with _threads() as each:
        projected = np.zeros((basis.shape[1],) * 2, dtype=basis.dtype, order="F")

        def project(panel: slice) -> None:
            projected[: panel.stop, panel] = _inner(basis[:, : panel.stop], h(basis[:, panel]))

        decomposed = each(svd, [coefficients])
        in_order = map if comm is not None else each  # ranks meet in h
        list(in_order(project, _slices(basis.shape[1], max(PRODUCT, basis.shape[1] // (PART * cores())))))
        projected = np.triu(total(projected, comm))
        projected += np.triu(projected, 1).conj().T
        left, singular, _ = next(decomposed)
        left = left[:, singular > RANK * singular[0]]
        energies, rotation = scipy.linalg.eigh(left.conj().T @ projected @ left, driver="evd", check_finite=False)
        energies, rotation = same((energies, left @ rotation), comm)
        vectors = basis[:, : energies.size]

        def rotate(rows: slice) -> None:
            vectors[rows] = _times(basis[rows], rotation)

        list(each(rotate, _slices(basis.shape[0], SHORT)))
    residuals = residual_norms(h, energies, vectors, comm)
    _unmix(energies, vectors, residuals, rotation, h, norm, within, comm)
    return energies, residuals, rotation


def _unmix(
    energies: np.ndarray, vectors: np.ndarray, residuals: np.ndarray, rotation: np.ndarray, h: Product, norm: float,
    within: tuple[float, float], comm: Comm,
) -> None:  # fmt: skip
    """Take out of eigenvectors in ``within``, in place, what they share with spurious Ritz vectors.

    A basis that rounding has made too large has Ritz vectors s that are no eigenvectors. One whose Ritz value falls close to
    a level mixes into its eigenvector u. As a refined Ritz vector (Jia, Linear Algebra Appl. 259, 1) u - s theta has the
    smallest residual; the vectors s are turned so that all stay orthonormal. BATCH eigenvectors at a time, in the small
    space of them and of the spurious ones near them.
    """
    inside = (energies >= within[0]) & (energies <= within[1])
    spurious = np.flatnonzero(residuals > SPURIOUS * norm)
    mixed = np.flatnonzero(inside & (residuals <= MIXED * norm) & (residuals > CLEAN * norm))
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


def residual_directions(
    h: Product, energies: np.ndarray, vectors: np.ndarray, which: np.ndarray, allowed: float, room: np.ndarray,
    comm: Comm = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Singular values (r,) of the residuals H v - E v of columns ``which`` (n,), and their right singular vectors (n, n), largest first.

    ``energies`` (n,): of these columns. Without the r directions no residual is above ``allowed``. ``room`` (d, n) is overwritten.
    """

    def remainder(panel: slice) -> None:
        room[:, panel] = _remainder(h, energies[panel], vectors[:, which[panel]])

    _by_panels(remainder, which.size, comm)
    squares, rotation = scipy.linalg.eigh(total(_inner(room, room), comm), driver="evd", check_finite=False)
    squares, rotation = np.maximum(squares[::-1], 0), rotation[:, ::-1]
    parts = np.abs(rotation) ** 2 * squares
    left = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1].max(axis=0)
    return same((np.sqrt(squares[left > allowed**2]), rotation), comm)


def rotate_columns(vectors: np.ndarray, which: np.ndarray, rotation: np.ndarray) -> None:
    """Turn the columns ``which`` by ``rotation``, in place."""
    for rows in _slices(vectors.shape[0], ROWS):
        vectors[rows, which] = _times(vectors[rows][:, which], rotation)


def reorder_columns(vectors: np.ndarray, order: np.ndarray) -> None:
    """Put columns into another order, in place."""
    for rows in _slices(vectors.shape[0], ROWS):
        vectors[rows] = vectors[rows][:, order]


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


def _factorise_panel(panel: np.ndarray, before: np.ndarray, rows: "_Rows") -> tuple[np.ndarray, np.ndarray]:
    """Replace a panel (d, c) by orthonormal columns Q, orthogonal to ``before``; returns (A, R), panel = before A + Q R.

    Columns of Q that would be rounding alone are zero, and so are their rows of R. Directions that were mostly in the span of
    ``before`` are made orthogonal to it a second time.
    """
    length = rows.longest(panel)
    above = rows.inner(before, panel)
    rows.subtract(panel, before, above)
    own = _by_levels(panel, length, rows)
    overlap = rows.inner(before, panel)
    loose = np.abs(overlap).max(axis=0, initial=0.0) > ORTHOGONAL
    again = slice(int(np.argmax(loose)) if loose.any() else loose.size, None)
    rows.subtract(panel[:, again], before, overlap[:, again])
    above += overlap[:, again] @ own[again]
    squares, directions = rows.directions(panel)
    kept = squares > 0.25  # the others may be rounding, in the span of ``before``
    norms = np.sqrt(squares, where=kept, out=np.full(squares.size, np.inf))
    rows.turn(panel, directions / norms)
    return above, np.where(kept, norms, 0.0)[:, None] * (directions.conj().T @ own)


def _by_levels(panel: np.ndarray, length: float, rows: "_Rows") -> np.ndarray:
    """Make a panel (d, c) nearly orthonormal, in place, the longest directions first; returns R (c, c), panel = Q R.

    A Gram matrix tells directions of a panel down to LEVEL of the longest; those below are turned out and go on by themselves,
    orthogonal to the others. ``length``: of the longest column before others were subtracted from it.
    """
    own, first = np.eye(panel.shape[1], dtype=panel.dtype), 0
    while first < panel.shape[1]:
        done, rest = panel[:, :first], panel[:, first:]
        overlap = rows.inner(done, rest)
        rows.subtract(rest, done, overlap)
        own[:first] += overlap @ own[first:]
        squares, directions = rows.directions(rest)
        if squares[0] <= (NOISE * length) ** 2:
            rest[:], own[first:] = 0, 0
            break
        level = max(1, int(np.sum(squares > LEVEL**2 * squares[0])))
        scales = np.r_[np.sqrt(squares[:level]), np.ones(squares.size - level)]
        rows.turn(rest, directions / scales)
        own[first:] = scales[:, None] * (directions.conj().T @ own[first:])
        first += level
    return own


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Products of tall matrices, by blocks of rows on threads; those of a matrix small on both sides, over all ranks."""

    number: int
    comm: Comm
    each: Each

    def inner(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """a^H b."""
        parts = self._blocks(lambda rows: _inner(a[rows], b[rows]), LONG)
        return total(reduce(np.add, parts), self.comm)

    def directions(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of a^H a, the largest first, and its eigenvectors, the same ones on every rank."""
        squares, directions = scipy.linalg.eigh(self.inner(a, a), driver="evd", check_finite=False)
        return same((squares[::-1], directions[:, ::-1]), self.comm)

    def longest(self, a: np.ndarray) -> float:
        """Length of the longest column."""
        parts = self._blocks(lambda rows: np.sum(np.abs(a[rows]) ** 2, axis=0))
        return float(np.sqrt(same(total(reduce(np.add, parts), self.comm), self.comm).max(initial=0.0)))

    def subtract(self, a: np.ndarray, b: np.ndarray, overlap: np.ndarray) -> None:
        """a - b overlap, in place."""

        def block(rows: slice) -> None:
            a[rows] -= _times(b[rows], overlap)

        if overlap.size:
            self._blocks(block)

    def turn(self, a: np.ndarray, rotation: np.ndarray) -> None:
        """a rotation, in place."""

        def block(rows: slice) -> None:
            a[rows] = _times(a[rows], rotation)

        self._blocks(block)

    def _blocks(self, function: Callable[[slice], Any], size: int = ROWS) -> list[Any]:
        return list(self.each(function, _slices(self.number, size)))


def _inner(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a^H b, without a conjugate copy of ``a``, the larger one."""
    return (a.T @ b.conj()).conj()


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
