"""Hamiltonians in a sector of a magnetisation, reflections and spin flips, matrix-free: see ``orbits`` and ``kernels.ranked``."""

import numpy as np

from bigbath.errors import BigbathError
from bigbath.kernels.ranked import STRIP, ranked_steps
from bigbath.kernels.simd import LINE, aligned_empty
from bigbath.operators.bonds import Bonds
from bigbath.operators.exchange import Exchange
from bigbath.operators.halves import Halves
from bigbath.operators.operator import dot_of_storages, product_by_steps
from bigbath.operators.orbits import Arrangement, Copies, arranged, keeps_rows
from bigbath.operators.ranked import CHECKED, PAGE, RankedOperator
from bigbath.operators.ranked_tables import Tables
from bigbath.operators.scale import Scale
from bigbath.spaces import Sector

#: Matrix entries that a core takes a second, and the number of states at which it is half as many.
RATE, FEW = 7e9, 2500

_NONE = np.empty(0)


class OrbitOperator:
    """Matrix-free Chebyshev steps in a sector of symmetries at fixed magnetisation, one real vector a call.

    ``dtype``: of the steps, float64 or float32. Vectors (d, columns) that are taken and given are in the sector's basis and in double
    precision. Every rank has all rows.
    """

    columns, comm, dtype = 1, None, np.dtype(np.float64)

    def __init__(self, h: Exchange, sector: Sector, scale: Scale, dtype: type = np.float64) -> None:
        self._real, self._h, self._scale, self._sector = np.dtype(dtype), h, scale, sector
        self.dim, self.rows, self.rate = sector.dim, (0, sector.dim), self.rate_of(sector.dim)
        lanes, ones = LINE // self._real.itemsize, h.sites - h.up
        best = arranged(h, sector.elements, lanes)
        found, actions = Bonds(best.bonds(h), best.split.right, best.split.pattern), best.actions(sector.elements)
        self._halves = Halves(
            h.sites, ones, found, best.split.packed, lanes, 1, kept=best.rows(h, sector.elements).kept
        )
        fields = best.exchange(h).fields
        tables = Tables(self._halves, fields, found, scale.centre, 2 / scale.halfwidth, self._real)
        copies = Copies(self._halves, actions, self._real)
        self._arguments, self._tile, self._zeros = tables.arguments, tables.tile, tables.zero_row
        self._equal, self._copies, self.work = tables.equal, copies.arguments, tables.entries
        self._place(best, len(actions), copies.repeats)
        self._verify()

    @staticmethod
    def takes(h: Exchange, sector: Sector, dtype: type = np.float64) -> bool:
        """Whether the kernel can take such a sector."""
        return (
            h.is_real
            and np.dtype(dtype).kind == "f"
            and RankedOperator.takes(h.sites, h.up, dtype)
            and keeps_rows(sector.elements, h.sites)
        )

    @staticmethod
    def rate_of(dim: int) -> float:
        """Matrix entries that a core takes a second: many in large sectors, whose rows fill the registers."""
        return RATE * dim / (dim + FEW)

    def _place(self, best: Arrangement, order: int, repeats: np.ndarray) -> None:
        """Where each state of the rows is in a storage, its number in the sector and its amplitude there.

        A storage has the amplitudes of states times the root of the group's ``order``: where no state of a row is an image of
        another, these are the numbers of the vector, but for signs. ``repeats``: how often a row holds its states.
        """
        halves = self._halves
        places, states, weights = [], [], []
        for block in halves.blocks:
            starts = block.row_starts()[: block.rows.size]
            places.append((starts[:, None] + block.places).ravel())
            states.append((block.rows[:, None] << halves.right | block.columns).ravel())
            times = repeats[np.searchsorted(halves.rows_of(0), block.rows)]
            weights.append(np.repeat(1 / times, block.columns.size))
        place, weight = np.concatenate(places), np.concatenate(weights)
        number, amplitude = self._sector.held(self._sector.space.index(best.states(np.concatenate(states))))
        filled = number >= 0  # the others are zero in all vectors of the sector
        self._places, self._numbers, self._amplitudes = (
            place[filled],
            number[filled],
            np.sqrt(order) * amplitude[filled],
        )
        self._of = np.empty(self.dim, np.intp)
        self._of[self._numbers] = np.arange(self._places.size)
        self._repeated = place[weight < 1], 1 - weight[weight < 1]

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero vectors; they do not start on the same cache set."""
        size, page = self._halves.end + self._zeros, PAGE // self._real.itemsize
        apart = -(-size // page) * page + page * 3 // 4
        vectors = aligned_empty(count * apart, self._real)
        vectors[:] = 0
        return vectors.reshape(count, apart)[:, :size]

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write real vectors (d, columns) into a storage."""
        vector = np.asarray(block).reshape(-1).astype(float, casting="same_kind", copy=False)
        storage[self._places] = vector[self._numbers] * self._amplitudes

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        return (storage[self._places[self._of]] / self._amplitudes[self._of])[:, None]

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """<a|b> (1,) of the vectors of two storages; states that are held repeatedly count once."""
        own, (place, excess) = slice(self._halves.size), self._repeated
        return dot_of_storages(a[own], b[own]) - dot_of_storages(excess * a[place], b[place])

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        tile = aligned_empty(self._tile, self._real)  # of this call's own: other threads advance other vectors
        tile[-STRIP:] = 0
        weights, made = (
            np.ascontiguousarray(weights, self._real),
            ranked_steps(self._real, *self._equal, self._halves.packed),
        )
        made(low, high, total, weights, count, tile, self._copies, *self._arguments)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (d, c), one after the other."""
        return product_by_steps(self, self._scale, vectors)

    def _verify(self) -> None:
        """One step of the compiled kernel beside the sum over strings at some states: other code would go unnoticed."""
        h, scale, sector, storage = self._h, self._scale, self._sector, self.zeros(2)
        given = [np.sin((np.arange(self.dim) + 1.0) * np.sqrt(2 + 2 * seed)) for seed in (0, 1)]
        for memory, values in zip(storage, given, strict=True):
            self.put(memory, values)
        number = np.random.default_rng(0).integers(sector.space.dim, size=CHECKED)
        states = sector.space.states()[number]
        before, now = (sector.expand(values) for values in given)
        diagonal = sum(c * (1 - 2.0 * (np.bitwise_count(states & z) & 1)) for z, c in h.fields.items()) - scale.centre
        expected = diagonal * now[number] - before[number] * scale.halfwidth / 2
        for (p, q), t in h.hops.items():
            hop = (states >> p ^ states >> q) & 1 == 1
            expected[hop] += complex(t).real * now[sector.space.index(states[hop] ^ (1 << p | 1 << q))]
        self.steps(storage[0], storage[1], storage[0], _NONE, 1)
        made = sector.expand(self.get(storage[0]))[number, 0] * (scale.halfwidth / 2)
        if not np.allclose(made, expected, rtol=0, atol=1e4 * np.finfo(self._real).eps * scale.halfwidth):
            raise BigbathError(
                "the compiled kernel does not reproduce this Hamiltonian. Delete Numba's cache of compiled code "
                "(__pycache__ in bigbath/kernels, or NUMBA_CACHE_DIR) and start again."
            )
