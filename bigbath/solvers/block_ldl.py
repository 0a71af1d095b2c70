"""LDL^T in place by dense blocks of successive states, shared among ranks column by column; counts inertia.

In the product basis a block of 2^m states is a subcube of the hypercube of spin configurations. Blocks are
eliminated by minimum degree; what is left becomes dense soon, and dense products are what processors do best. The
factor is all the memory: a multifrontal method needs its fronts beside it.

Pivots are whole diagonal blocks, inverted by their eigenvectors. An eigenvalue lambda of a pivot that is nearly zero
would spoil the rest. It is moved by delta, A' = A + Q Delta Q^T, and moved back afterwards: solutions by the
Sherman-Morrison-Woodbury formula, the count by the inertia of the bordered matrix (Haynsworth, Linear Algebra Appl. 1,
73 (1968)): In(A) = In(A') + In(Delta^-1 - Q^T A'^-1 Q) - In(Delta).

Entries: 0.2 to 0.3 D^2 / 2 where terms flip single spins, 0.8 D^2 / 2 where they flip pairs. Time: D^3 / 75 and D^3 / 9
multiplications. A rank's share of both is 1/R.
"""

from itertools import chain
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bigbath.errors import ImpossibleRequest
from bigbath.kernels.block_update import multiply, subtract
from bigbath.kernels.lapack import eigh
from bigbath.solvers.block_pattern import BLOCK, BlockPattern
from bigbath.solvers.eigenstates import Comm

#: Eigenvalues of pivots nearer to zero are moved, and by how much, both in units of the median row sum of |A| + |x|.
SMALL, MOVED = 5e-4, 0.05
#: Moved eigenvalues that are allowed in any case; they are solved for AT_ONCE.
MOST, AT_ONCE = 1024, 16
#: Largest backward error.
BACKWARD = 1e-11
#: A matrix (Delta^-1 - Q^T A'^-1 Q) with eigenvalues nearer to zero, in units of 1 / Delta, is singular.
SINGULAR = 1e-11


class BlockLDL:
    """Factorisations of A - x, one after the other in the same memory, on ``comm`` (None: this process alone).

    ``negative``, ``zero``: how many eigenvalues of A - x are below zero, and how many zero; then nothing can be solved.
    """

    def __init__(self, pattern: BlockPattern, matrix: sp.csr_array, comm: Comm) -> None:
        self.pattern = pattern
        self.negative = self.zero = 0
        self._matrix, self._comm = matrix, comm
        ranks, rank = (1, 0) if comm is None else (comm.size, comm.rank)
        self._owner = pattern.owners(ranks)
        self._mine = self._owner == rank
        sizes = np.where(self._mine, pattern.sizes, 0)
        self._start = np.concatenate([[0], np.cumsum(sizes)])
        self._values: np.ndarray | None = None
        self._levels = [
            (level[self._mine[level]], np.flatnonzero(np.isin(pattern.column, level))) for level in pattern.levels()
        ]
        sums = abs(matrix).sum(axis=1)
        self._norm, self._scale = float(sums.max()), float(np.median(sums) or sums.max())

    def _address(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        """Where in this rank's values the entries at these places of states are."""
        p = self.pattern
        j, n = p.column[col // BLOCK], p.column.size
        key = np.repeat(np.arange(p.sizes.size), np.diff(p.pointer)) * n + p.rows
        block = np.searchsorted(key, j * n + row // BLOCK) - p.pointer[j]
        return self._start[j] + (block * BLOCK + row % BLOCK) * p.width[j] + col - p.first[j] * BLOCK

    def close(self) -> None:
        """Free the factor."""
        self._values = None

    def factorise(self, x: float) -> None:
        """A - x = L D L^T, and the inertia of A - x.

        Checked by a solution: where it is not as good as it should be, more eigenvalues of pivots are moved.
        ImpossibleRequest when that does not help.
        """
        scale = self._scale + abs(x) or 1.0
        for small in (SMALL, 4 * SMALL, 16 * SMALL):
            self._factorise(x, small * scale, MOVED * scale)
            if self.zero or self._backward_error(x) <= BACKWARD:
                return
        raise ImpossibleRequest(f'the factorisation by blocks at {x!r} is inaccurate: use factor = "mumps"')

    def _backward_error(self, x: float) -> float:
        """||(A - x) y - b|| / (||y|| ||A - x||_1) for a random b: so far is A - x from what was factorised."""
        b = np.random.default_rng(0).standard_normal(self.pattern.dim)
        y = self.solve(b)
        wrong = self._matrix @ y - x * y - b
        return float(np.linalg.norm(wrong) / np.linalg.norm(y) / (self._norm + abs(x)))

    def _factorise(self, x: float, small: float, shift: float) -> None:
        """Eigenvalues of pivots below ``small`` are moved by ``shift``."""
        p = self.pattern
        self._fill(x)
        buffer = np.empty((2, p.sizes.max()))
        negative, moved = 0, []
        with threadpool_limits(1, user_api="blas"):  # the kernels have threads of their own
            for j, owner in enumerate(self._owner):
                if self._mine[j]:
                    pivot = self._column(j)[0]
                    energies, vectors = eigh(pivot)
                    near = np.flatnonzero(np.abs(energies) < small)
                    shifts = np.copysign(shift, energies[near])
                    moved += [(j, vectors[:, i], delta) for i, delta in zip(near, shifts, strict=True)]
                    energies[near] += shifts
                    negative += int((energies < 0).sum())
                    pivot[:] = (vectors / energies) @ vectors.T
                self._eliminate(j, owner, buffer)
        self.negative, self.zero = negative, 0
        if self._comm is not None:
            self.negative = self._comm.allreduce(negative)
            moved = list(chain.from_iterable(self._comm.allgather(moved)))
        self._q = sp.csc_array((p.room, 0))
        if len(moved) > max(MOST, p.dim // 16):
            raise ImpossibleRequest(f'{len(moved):,} pivots are nearly zero at {x!r}: use factor = "mumps"')
        if moved:
            self._move_back(moved)

    def _fill(self, x: float) -> None:
        """This rank's columns of A - x, in its memory for the factor."""
        if self._values is None:  # an mmap, because Open MPI keeps malloc from giving memory back
            room = mmap(-1, 8 * max(1, self._start[-1]), flags=MAP_PRIVATE | MAP_ANONYMOUS)
            self._values = np.frombuffer(room, count=self._start[-1])
        self._values[:] = 0.0
        entries = sp.coo_array(self._matrix)
        entries.sum_duplicates()
        row, col = self.pattern.place[entries.row], self.pattern.place[entries.col]
        keep = (row // BLOCK >= col // BLOCK) & self._holds(col)
        self._values[self._address(row[keep], col[keep])] = entries.data[keep]
        diagonal = self.pattern.place[self._holds(self.pattern.place)]
        self._values[self._address(diagonal, diagonal)] -= x
        padding = np.setdiff1d(np.arange(self.pattern.room), self.pattern.place)
        padding = padding[self._holds(padding)]
        self._values[self._address(padding, padding)] = 1.0

    def _holds(self, col: np.ndarray) -> np.ndarray:
        return self._mine[self.pattern.column[col // BLOCK]]

    def _column(self, j: int) -> tuple[np.ndarray, np.ndarray]:
        """This rank's column j: its pivot (w, w), and its other blocks (m, BLOCK, w)."""
        w = self.pattern.width[j]
        values = self._values[self._start[j] : self._start[j + 1]]  # type: ignore[index]
        return values[: w * w].reshape(w, w), values[w * w :].reshape(-1, BLOCK, w)

    def _eliminate(self, j: int, owner: int, buffer: np.ndarray) -> None:
        """Subtract column j's products from the later columns of this rank; its owner sends it."""
        p = self.pattern
        w = p.width[j]
        below = p.rows[p.pointer[j] + w // BLOCK : p.pointer[j + 1]]
        if below.size == 0:
            return
        shape = (below.size, BLOCK, w)
        if self._mine[j]:
            pivot, u = self._column(j)
        else:
            pivot, u = np.empty((w, w)), buffer[1, : below.size * BLOCK * w].reshape(shape)
        if self._comm is not None:
            self._comm.Bcast(pivot, root=owner)
            self._comm.Bcast(u, root=owner)
        times_inverse = buffer[0, : u.size].reshape(shape)
        multiply(u, pivot, times_inverse)
        targets = np.flatnonzero(self._mine[p.column[below]])
        subtract(u, times_inverse, below, targets, p.column, p.first, self._start, p.pointer, p.rows, self._values)

    def _move_back(self, moved: list[tuple[int, np.ndarray, float]]) -> None:
        """Account for the eigenvalues of pivots that were moved: (column, vector, by how much)."""
        begin = np.array([self.pattern.first[j] * BLOCK for j, *_ in moved])
        lengths = np.array([vector.size for _, vector, _ in moved])
        shifts = np.array([delta for *_, delta in moved])
        q = sp.csc_array(
            (
                np.concatenate([vector for _, vector, _ in moved]),
                np.concatenate([np.arange(a, a + n) for a, n in zip(begin, lengths, strict=True)]),
                np.concatenate([[0], np.cumsum(lengths)]),
            ),
            shape=(self.pattern.room, shifts.size),
        )
        z = np.empty(q.shape)
        for i in range(0, shifts.size, AT_ONCE):
            z[:, i : i + AT_ONCE] = self._sweep(q[:, i : i + AT_ONCE].toarray())
        small = np.diag(1 / shifts) - q.T @ z
        energies, vectors = eigh((small + small.T) / 2)
        self.zero = int((np.abs(energies) * np.abs(shifts).max() < SINGULAR).sum())
        self.negative += int((energies < 0).sum()) - int((shifts < 0).sum())
        if self.zero == 0:
            self._q, self._z, self._inverse = q, z, (vectors / energies) @ vectors.T

    def solve(self, b: np.ndarray) -> np.ndarray:
        """(A - x)^-1 b for b (dim,), on every rank."""
        y = np.zeros((self.pattern.room, 1))
        y[self.pattern.place, 0] = b
        y = self._sweep(y)
        if self._q.shape[1]:
            y += self._z @ (self._inverse @ (self._q.T @ y))
        return y[self.pattern.place, 0]

    def _sweep(self, b: np.ndarray) -> np.ndarray:
        """A'^-1 b for right-hand sides (places of states, r), forth and back through the factor."""
        y = b.reshape(-1, BLOCK, b.shape[1]).copy()
        z, sums = np.zeros_like(y), np.zeros_like(y)
        for mine, places in self._levels:
            y[places] -= self._added(sums[places])
            for j in mine:
                pivot, u = self._column(j)
                own, below = self._rows(j)
                solved = pivot @ y[own].reshape(-1, b.shape[1])
                z[own] = solved.reshape(-1, *y.shape[1:])
                sums[below] += (u.reshape(-1, pivot.shape[0]) @ solved).reshape(-1, *y.shape[1:])
        for mine, places in reversed(self._levels):
            for j in mine:
                pivot, u = self._column(j)
                own, below = self._rows(j)
                product = u.reshape(-1, pivot.shape[0]).T @ z[below].reshape(-1, b.shape[1])
                z[own] -= (pivot @ product).reshape(-1, *y.shape[1:])
            z[places] = self._added(z[places])
        return z.reshape(b.shape)

    def _rows(self, j: int) -> tuple[slice, np.ndarray]:
        """Places of column j's own blocks, and of those below."""
        p = self.pattern
        return slice(p.first[j], p.first[j + 1]), p.rows[p.pointer[j] + p.first[j + 1] - p.first[j] : p.pointer[j + 1]]

    def _added(self, values: np.ndarray) -> np.ndarray:
        """Sum over ranks, each of which holds zeros where another's column is."""
        if self._comm is None:
            return values
        total = np.empty_like(values)
        self._comm.Allreduce(values, total)
        return total
