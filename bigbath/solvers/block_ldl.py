"""LDL^T in place by dense blocks of successive states, shared among ranks column by column; counts inertia.

In the product basis a block of 2^m states is a subcube of the hypercube of spin configurations. Blocks are
eliminated by minimum degree; what is left becomes dense soon, and dense products are what processors do best. The
factor is all the memory: a multifrontal method needs its fronts beside it.

Pivots are whole diagonal blocks, inverted by their eigenvectors. An eigenvalue lambda of a pivot that is nearly zero
would spoil the rest. It is moved by delta, A' = A + Q Delta Q^T, and moved back afterwards: solutions by the
Sherman-Morrison-Woodbury formula, the count by the inertia of the bordered matrix (Haynsworth, Linear Algebra Appl. 1,
73 (1968)): In(A) = In(A') + In(Delta^-1 - Q^T A'^-1 Q) - In(Delta).

Entries: a quarter of D^2 / 2 where terms flip single spins, four fifths where they flip pairs. Time: D^3 / 36 and
D^3 / 5 multiplications; a rank's share of both is 1/R.
"""

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bigbath.kernels.block_update import multiply, subtract
from bigbath.kernels.lapack import eigh
from bigbath.solvers.block_pattern import BLOCK, BlockPattern
from bigbath.solvers.eigenstates import Comm

#: Eigenvalues of pivots nearer to zero are moved, and by how much, both in units of the largest row sum of |A - x|.
SMALL, MOVED = 5e-4, 0.05
#: Right-hand sides of moved eigenvalues solved for at once.
AT_ONCE = 16
#: A matrix (Delta^-1 - Q^T A'^-1 Q) with eigenvalues nearer to zero, in units of 1 / Delta, is singular.
SINGULAR = 1e-11


class BlockLDL:
    """Factorisations of A - x, one after the other in the same memory, on ``comm`` (None: this process alone).

    ``negative``, ``zero``: how many eigenvalues of A - x are below zero, and how many zero; then nothing can be solved.
    ``norm``: largest row sum of |A|.
    """

    def __init__(self, pattern: BlockPattern, matrix: sp.csr_array, comm: Comm) -> None:
        self.pattern = pattern
        self.negative = self.zero = 0
        self._comm = comm
        ranks, rank = (1, 0) if comm is None else (comm.size, comm.rank)
        self._owner = pattern.owners(ranks)
        self._mine = self._owner == rank
        sizes = np.where(self._mine, pattern.sizes, 0)
        self._start = np.concatenate([[0], np.cumsum(sizes)])
        self._values: np.ndarray | None = None
        self._levels = [
            (level[self._mine[level]], np.flatnonzero(np.isin(pattern.column, level))) for level in pattern.levels()
        ]
        self.norm = float(abs(matrix).sum(axis=1).max())
        states = (pattern.order[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        self._states = np.flatnonzero(states < pattern.dim)  # the last block may be larger than what is left for it
        self._number = states[self._states]
        place = np.empty(pattern.dim, dtype=int)
        place[self._number] = self._states
        entries = sp.coo_array(matrix)
        entries.sum_duplicates()
        row, col = place[entries.row], place[entries.col]
        keep = (row // BLOCK >= col // BLOCK) & self._mine[pattern.column[col // BLOCK]]
        self._at, self._entries = self._address(row[keep], col[keep]), entries.data[keep]
        diagonal = np.flatnonzero(self._mine[np.repeat(pattern.column, BLOCK)])
        self._diagonal = self._address(diagonal, diagonal)
        self._missing = ~np.isin(diagonal, self._states)

    def _address(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        """Where in this rank's values the entries at these places of states are."""
        p = self.pattern
        j, n = p.column[col // BLOCK], p.order.size
        key = np.repeat(np.arange(p.sizes.size), np.diff(p.pointer)) * n + p.rows
        block = np.searchsorted(key, j * n + row // BLOCK) - p.pointer[j]
        return self._start[j] + (block * BLOCK + row % BLOCK) * p.width[j] + col - p.first[j] * BLOCK

    def close(self) -> None:
        """Free the factor."""
        self._values = None

    def factorise(self, x: float, small: float = SMALL) -> None:
        """A - x = L D L^T, and the inertia of A - x."""
        p = self.pattern
        if self._values is None:
            self._values = np.empty(self._start[-1])
        self._values[:] = 0.0
        self._values[self._at] = self._entries
        self._values[self._diagonal] -= x
        self._values[self._diagonal[self._missing]] = 1.0
        scale = self.norm + abs(x)
        buffer = np.empty((2, p.sizes.max()))
        self._q = sp.csc_array((p.order.size * BLOCK, 0))
        negative, moved = 0, []
        with threadpool_limits(1, user_api="blas"):  # the kernels have threads of their own
            for j, owner in enumerate(self._owner):
                if self._mine[j]:
                    pivot = self._column(j)[0]
                    energies, vectors = eigh(pivot)
                    near = np.flatnonzero(np.abs(energies) < small * scale)
                    shifts = np.copysign(MOVED * scale, energies[near])
                    moved += [(j, vectors[:, i], delta) for i, delta in zip(near, shifts, strict=True)]
                    energies[near] += shifts
                    negative += int((energies < 0).sum())
                    pivot[:] = (vectors / energies) @ vectors.T
                self._eliminate(j, owner, buffer)
        self.negative, self.zero = self._sum(negative), 0
        self._move_back(moved if self._comm is None else sum(self._comm.allgather(moved), []), 1 / (MOVED * scale))

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
        subtract(
            u, times_inverse, below, targets, p.column, p.first, self._start, p.pointer, p.rows, self._values
        )

    def _sum(self, number: int) -> int:
        return number if self._comm is None else self._comm.allreduce(number)

    def _move_back(self, moved: list[tuple[int, np.ndarray, float]], unit: float) -> None:
        """Account for the eigenvalues of pivots that were moved: (column, vector, by how much)."""
        if not moved:
            return
        begin = np.array([self.pattern.first[j] * BLOCK for j, *_ in moved])
        lengths = np.array([vector.size for _, vector, _ in moved])
        shifts = np.array([delta for *_, delta in moved])
        q = sp.csc_array(
            (
                np.concatenate([vector for _, vector, _ in moved]),
                np.concatenate([np.arange(a, a + n) for a, n in zip(begin, lengths, strict=True)]),
                np.concatenate([[0], np.cumsum(lengths)]),
            ),
            shape=(self.pattern.order.size * BLOCK, shifts.size),
        )
        z = np.empty(q.shape)
        for i in range(0, shifts.size, AT_ONCE):
            z[:, i : i + AT_ONCE] = self._sweep(q[:, i : i + AT_ONCE].toarray())
        small = np.diag(1 / shifts) - q.T @ z
        energies, vectors = eigh((small + small.T) / 2)
        self.zero = int((np.abs(energies) < SINGULAR * unit).sum())
        self.negative += int((energies < 0).sum()) - int((shifts < 0).sum())
        if self.zero == 0:
            self._q, self._z, self._inverse = q, z, (vectors / energies) @ vectors.T

    def solve(self, b: np.ndarray) -> np.ndarray:
        """(A - x)^-1 b for b (dim,), on every rank."""
        y = np.zeros((self.pattern.order.size * BLOCK, 1))
        y[self._states, 0] = b[self._number]
        y = self._sweep(y)
        if self._q.shape[1]:
            y += self._z @ (self._inverse @ (self._q.T @ y))
        x = np.empty(self.pattern.dim)
        x[self._number] = y[self._states, 0]
        return x

    def _sweep(self, b: np.ndarray) -> np.ndarray:
        """A'^-1 b for right-hand sides (places of states, r), forth and back through the factor."""
        p = self.pattern
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
