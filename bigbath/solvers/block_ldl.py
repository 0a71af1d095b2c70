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
from typing import Any

import numpy as np
import scipy.sparse as sp
from numba import get_num_threads
from threadpoolctl import threadpool_limits

from bigbath.errors import ImpossibleRequest
from bigbath.kernels.block_update import multiply, subtract
from bigbath.kernels.lapack import eigh
from bigbath.ranks import Comm
from bigbath.solvers.block_pattern import BLOCK, BlockPattern

#: Most blocks of rows multiplied at a time: a product of 8 x 64 rows stays in the second-level cache.
ROWS = 8
#: Eigenvalues of pivots nearer to zero are moved, and by how much, both in units of the median row sum of |A| + |x|.
SMALL, MOVED = 2e-3, 0.05
#: How many moved eigenvalues are allowed in any case, and for how many of them is solved at once.
MOST, AT_ONCE = 1024, 16
#: Largest backward error ||(A - x) y - b|| / (||y|| (||A||_1 + |x|)) for a random b.
BACKWARD = 2e-12
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
        self._state = np.full(pattern.room, -1)  # at each place; the last block may be larger than what is left for it
        self._state[pattern.place] = np.arange(pattern.dim)
        self._held = np.repeat(self._mine[pattern.column], BLOCK)
        sums = abs(matrix).sum(axis=1)
        self._norm, self._typical = float(sums.max()), float(np.median(sums))
        self._forget()

    def close(self) -> None:
        """Free the factor."""
        self._values = None
        self._forget()

    def _forget(self) -> None:
        """No eigenvalue of a pivot is moved."""
        self._q, self._z, self._inverse = sp.csc_array((self.pattern.room, 0)), np.empty((0, 0)), np.empty((0, 0))

    def factorise(self, x: float) -> int:
        """A - x = L D L^T, and the inertia of A - x; returns how many attempts this took.

        Checked by a solution: where it is not as good as it should be, more eigenvalues of pivots are moved.
        ImpossibleRequest when that does not help.
        """
        typical, largest = self._typical + abs(x), self._norm + abs(x)
        attempts = ((SMALL, typical), (8 * SMALL, typical), (SMALL, largest))
        for attempt, (small, scale) in enumerate(attempts, 1):
            self._factorise(x, small * scale, MOVED * scale or 1.0)
            if self.zero or self._backward_error(x) <= BACKWARD:
                return attempt
        raise ImpossibleRequest(f'the factorisation by blocks at {float(x)} is inaccurate: use factor = "mumps"')

    def _backward_error(self, x: float) -> float:
        """How far A - x is from what was factorised, along a random direction; the same on all ranks."""
        b = np.random.default_rng(0).standard_normal(self.pattern.dim)
        y = self.solve(b)
        wrong = self._matrix @ y - x * y - b
        return self._agreed(float(np.linalg.norm(wrong) / np.linalg.norm(y) / (self._norm + abs(x))))

    def _agreed(self, value: Any) -> Any:
        """The value of the first rank: others may be rounded otherwise, and must not decide otherwise."""
        return value if self._comm is None else self._comm.bcast(value)

    def _factorise(self, x: float, small: float, shift: float) -> None:
        """Eigenvalues of pivots up to ``small`` are moved by ``shift``."""
        p = self.pattern
        self._fill(x, padding=shift)
        self._forget()
        buffer = np.empty((2, p.sizes.max()))
        negative, moved = 0, []
        with threadpool_limits(1, user_api="blas"):  # the kernels have threads of their own
            for j, owner in enumerate(self._owner):
                if self._mine[j]:
                    pivot = self._column(j)[: p.width[j]]
                    energies, vectors = eigh(pivot)  # of its lower triangle; above are only the first block's own rows
                    near = np.flatnonzero(np.abs(energies) <= small)
                    shifts = np.copysign(shift, energies[near])
                    moved += [(j, vectors[:, i].copy(), delta) for i, delta in zip(near, shifts, strict=True)]
                    energies[near] += shifts
                    negative += int((energies < 0).sum())
                    pivot[:] = (vectors / energies) @ vectors.T
                self._eliminate(j, owner, buffer)
        self.negative, self.zero = negative, 0
        if self._comm is not None:
            self.negative = self._comm.allreduce(negative)
            moved = list(chain.from_iterable(self._comm.allgather(moved)))
        if len(moved) > max(MOST, p.dim // 16):
            raise ImpossibleRequest(f'{len(moved):,} pivots are nearly zero at {float(x)}: use factor = "mumps"')
        if moved:
            self._move_back(moved)

    def _fill(self, x: float, padding: float) -> None:
        """This rank's columns of A - x, in its memory for the factor."""
        p = self.pattern
        if self._values is None:  # an mmap, because Open MPI keeps malloc from giving memory back
            room = mmap(-1, 8 * max(1, self._start[-1]), flags=MAP_PRIVATE | MAP_ANONYMOUS)
            self._values = np.frombuffer(room, count=self._start[-1])
        self._values[:] = 0.0
        for j in map(int, np.flatnonzero(self._mine)):
            states = self._state[p.first[j] * BLOCK : p.first[j + 1] * BLOCK]
            real = np.flatnonzero(states >= 0)
            entries = sp.coo_array(self._matrix[states[real]])  # by symmetry the rows are the columns
            row, col = p.place[entries.col], real[entries.row]
            below = row // BLOCK >= p.first[j] + col // BLOCK
            row, col, data = row[below], col[below], entries.data[below]
            block = np.searchsorted(p.rows[p.pointer[j] : p.pointer[j + 1]], row // BLOCK)
            column = self._column(j)
            np.add.at(column, (block * BLOCK + row % BLOCK, col), data)
            column[np.arange(states.size), np.arange(states.size)] -= np.where(states < 0, -padding, x)

    def _column(self, j: int) -> np.ndarray:
        """This rank's column j, (rows, w): its pivot (w, w), and below it blocks of BLOCK rows."""
        return self._values[self._start[j] : self._start[j + 1]].reshape(-1, self.pattern.width[j])  # type: ignore[index]

    def _eliminate(self, j: int, owner: int, buffer: np.ndarray) -> None:
        """Subtract column j's products from the later columns of this rank; its owner sends it."""
        p = self.pattern
        w = p.width[j]
        below = p.rows[p.pointer[j] + w // BLOCK : p.pointer[j + 1]]
        if below.size == 0:
            return
        shape = (below.size, BLOCK, w)
        if self._mine[j]:
            pivot, u = self._column(j)[:w], self._column(j)[w:].reshape(shape)
        else:
            pivot, u = np.empty((w, w)), buffer[1, : below.size * BLOCK * w].reshape(shape)
        if self._comm is not None:
            self._comm.Bcast(pivot, root=owner)
            self._comm.Bcast(u, root=owner)
        times_inverse = buffer[0, : u.size].reshape(shape)
        multiply(u, pivot, times_inverse)
        targets = np.flatnonzero(self._mine[p.column[below]])
        size = max(1, min(ROWS, below.size // (2 * get_num_threads())))
        subtract(
            u, times_inverse, below, targets, p.column, p.first, self._start, p.pointer, p.rows, self._values, size
        )

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
        z, k = np.empty((self._held.sum(), shifts.size)), np.diag(1 / shifts)
        for i in range(0, shifts.size, AT_ONCE):
            solved = self._sweep(q[:, i : i + AT_ONCE].toarray())
            z[:, i : i + AT_ONCE] = solved[self._held]
            k[:, i : i + AT_ONCE] -= q.T @ solved
        energies, vectors = self._agreed(eigh((k + k.T) / 2))
        rounding = SINGULAR / np.abs(shifts).max()
        self.zero = int((np.abs(energies) < rounding).sum())
        self.negative += int((energies <= -rounding).sum()) - int((shifts < 0).sum())
        if self.zero == 0:
            self._q, self._z, self._inverse = q, z, (vectors / energies) @ vectors.T

    def solve(self, b: np.ndarray) -> np.ndarray:
        """(A - x)^-1 b for b (dim,), on every rank."""
        y = np.zeros((self.pattern.room, 1))
        y[self.pattern.place, 0] = b
        y = self._sweep(y)
        if self._q.shape[1]:
            back = np.zeros_like(y)
            back[self._held] = self._z @ (self._inverse @ (self._q.T @ y))
            y += self._added(back)
        return y[self.pattern.place, 0]

    def _sweep(self, b: np.ndarray) -> np.ndarray:
        """A'^-1 b for right-hand sides (places of states, r), forth and back through the factor."""
        y = b.reshape(-1, BLOCK, b.shape[1]).copy()
        z, sums = np.zeros_like(y), np.zeros_like(y)
        for mine, places in self._levels:
            y[places] -= self._added(sums[places])
            for j in mine:
                pivot, u, own, below = self._parts(j)
                solved = pivot @ y[own].reshape(-1, b.shape[1])
                z[own] = solved.reshape(-1, *y.shape[1:])
                sums[below] += (u @ solved).reshape(-1, *y.shape[1:])
        for mine, places in reversed(self._levels):
            for j in mine:
                pivot, u, own, below = self._parts(j)
                product = u.T @ z[below].reshape(-1, b.shape[1])
                z[own] -= (pivot @ product).reshape(-1, *y.shape[1:])
            z[places] = self._added(z[places])
        return z.reshape(b.shape)

    def _parts(self, j: int) -> tuple[np.ndarray, np.ndarray, slice, np.ndarray]:
        """This rank's column j: its pivot's inverse, what is below, and the places of the blocks of both."""
        p, column = self.pattern, self._column(j)
        own, w = slice(p.first[j], p.first[j + 1]), p.width[j]
        return column[:w], column[w:], own, p.rows[p.pointer[j] + w // BLOCK : p.pointer[j + 1]]

    def _added(self, values: np.ndarray) -> np.ndarray:
        """Sum over ranks, each of which holds zeros where another's column is."""
        if self._comm is None:
            return values
        total = np.empty_like(values)
        self._comm.Allreduce(values, total)
        return total
