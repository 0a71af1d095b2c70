"""Hamiltonians that conserve magnetisation, on one of its sectors, matrix-free: see ``kernels.ranked``."""

from math import comb

import numpy as np

from bigbath.errors import BigbathError
from bigbath.kernels.ranked import STRIP, no_copies, ranked_steps
from bigbath.kernels.simd import LINE, aligned_empty
from bigbath.operators.bonds import Bond, Bonds
from bigbath.operators.exchange import Exchange
from bigbath.operators.halo import Halo
from bigbath.operators.halves import Halves
from bigbath.operators.operator import dot_of_storages, product_by_steps
from bigbath.operators.ranked_tables import Tables
from bigbath.operators.scale import Scale
from bigbath.operators.split import Split, fastest
from bigbath.ranks import Comm, size, total

_NONE = np.empty(0)

#: States at which a new operator is compared with the sum over its strings.
CHECKED = 64

#: States whose places are found at a time.
STATES = 2**16

#: Bytes of a page. Vectors start 3/4 of one apart, beyond whole pages: a load must not wait for a store at the same place of
#: another page.
PAGE = 4096


class RankedOperator:
    """Matrix-free Chebyshev steps on a sector of fixed magnetisation, one vector a call.

    ``dtype``: of the steps, float64 or float32; complex128 or complex64 where an amplitude or the vectors are complex. Complex
    vectors are stored as real and imaginary parts, in a gauge in which most amplitudes are real. Vectors (D, columns) that are
    taken and given are in double precision, the sector's configurations ascending, which is QuSpin's own order.
    Nothing of size 2^sites is made. ``split``: into the two halves, by default the one that needs least memory and work.

    With ``comm`` each rank has successive states, and d of them instead of D are taken and given. Before each step the ranks
    exchange the rows that hops reach.
    """

    columns, rate = 1, 1e10

    def __init__(
        self, h: Exchange, scale: Scale, dtype: type | None = None, split: Split | None = None, comm: Comm = None
    ) -> None:
        kind = np.dtype(dtype if dtype is not None else np.float64 if h.is_real else np.complex128)
        self._planes = 2 if kind.kind == "c" else 1
        if self._planes == 1 and not h.is_real:
            raise ValueError(f"dtype: complex hops need complex vectors, not {kind}")
        self._real, self.dtype = kind.type(0).real.dtype, np.result_type(kind, np.float64)
        self.dim, self._h, self._scale = h.dim, h, scale
        self.comm = comm if comm is not None and comm.size > 1 else None
        self._lanes, ones = LINE // self._real.itemsize, h.sites - h.up
        bonds = [Bond(p=p, q=q, amplitude=t) for (p, q), t in h.hops.items() if t]
        split = split or fastest(h.sites, ones, bonds, self._lanes, size(comm))[0]
        self._phases = h.gauge(split.right) if self._planes == 2 else np.zeros(h.sites)
        turned = [Bond(p=b.p, q=b.q, amplitude=self._turned(b)) for b in bonds]
        found = Bonds(turned, split.right, split.pattern)
        self._halves = Halves(h.sites, ones, found, split.packed, self._lanes, self._planes, self.comm)
        self.rows, self._own = self._halves.share, self._halves.share[1] - self._halves.share[0]
        tables = Tables(self._halves, h.fields, found, scale.centre, 2 / scale.halfwidth, self._real)
        self._arguments, self._tile, self._end = tables.arguments, tables.tile, tables.zero_row
        self._equal = tables.equal
        self.work = int(total(np.array(tables.entries), comm)) // size(comm)
        self._halo = Halo(self._halves, found, tables.zero_row, self._real) if self.comm is not None else None
        self._place, self._imaginary, self._factors = self._positions()
        self._verify()

    def _turned(self, bond: Bond) -> complex:
        """Amplitude after the change of phases, without the rounding of those that are real."""
        value = complex(bond.amplitude * np.exp(1j * (self._phases[bond.q] - self._phases[bond.p])))
        return complex(value.real) if abs(value.imag) < 1e-15 * abs(value) * self._h.sites else value

    @staticmethod
    def takes(sites: int, up: int, dtype: type = np.float64, ranks: int = 1) -> bool:
        """Whether the kernel can take such a sector: two halves, and states enough to fill a register of each rank."""
        lanes = LINE // np.dtype(dtype).type(0).real.itemsize
        return 2 <= sites <= 62 and 0 <= up <= sites and comb(sites, up) >= lanes * ranks

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero vectors; they do not start on the same cache set."""
        size = self._halves.size + self._end
        page = PAGE // self._real.itemsize
        apart = -(-size // page) * page + page * 3 // 4
        vectors = aligned_empty(count * apart, self._real)
        vectors[:] = 0
        return vectors.reshape(count, apart)[:, :size]

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (d, columns) into a storage."""
        vector = np.asarray(block).reshape(-1)
        if self._planes == 1:
            storage[self._place] = vector
        else:
            values = vector * self._factors
            storage[self._place], storage[self._imaginary] = values.real, values.imag

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (d, columns) of a storage."""
        if self._planes == 1:
            return storage[self._place].astype(self.dtype, copy=False)[:, None]
        values = storage[self._place] + 1j * storage[self._imaginary]
        values *= self._factors.conj()
        return values.astype(self.dtype, copy=False)[:, None]

    def _positions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each state is in a storage, and its imaginary part, and the factor of its phase; (d,) each, () if not needed."""
        halves, is_complex = self._halves, self._planes == 2
        place = np.empty(self._own, np.intp)
        imaginary = np.empty(self._own if is_complex else 0, np.intp)
        factors = np.empty(self._own if is_complex else 0, complex)
        for block in halves.blocks:
            ranks, on_columns = np.argsort(block.order), self._phase_factors(block.columns)
            step = max(1, STATES // block.columns.size)
            for first in range(0, block.rows.size, step):
                rows = block.rows[first : first + step]
                where = halves.firsts(rows)[:, None] - self.rows[0] + ranks
                starts = block.start + (first + np.arange(rows.size)[:, None]) * block.stride
                place[where] = starts + block.places
                if is_complex:
                    imaginary[where] = place[where] + halves.plane
                    factors[where] = np.multiply.outer(self._phase_factors(rows << halves.right), on_columns)
        return place, imaginary, factors

    def _phase_factors(self, states: np.ndarray) -> np.ndarray:
        """exp(i sum of the phases of the spins down), which is exp(-i sum of those up) but for a constant."""
        phases = sum((phase * (states >> bit & 1) for bit, phase in enumerate(self._phases)), np.zeros(states.size))
        return np.exp(1j * phases)

    def _verify(self) -> None:
        """One step of the compiled kernel beside the sum over strings at some states: other code would go unnoticed."""
        h, scale, storage = self._h, self._scale, self.zeros(2)
        for number, memory in enumerate(storage):
            self.put(memory, self._values(np.arange(*self.rows), number))
        numbers = np.random.default_rng(0).integers(*self.rows, size=CHECKED)
        states = self._halves.states(numbers)
        diagonal = sum(c * (1 - 2.0 * (np.bitwise_count(states & z) & 1)) for z, c in h.fields.items()) - scale.centre
        expected = diagonal * self._values(numbers, 1) - self._values(numbers, 0) * scale.halfwidth / 2
        for (p, q), t in h.hops.items():
            moved = (states >> p ^ states >> q) & 1 == 1
            sources = self._halves.numbers(states[moved] ^ (1 << p | 1 << q))
            amplitudes = np.where(states[moved] >> p & 1, np.conj(t), t)
            added = amplitudes * self._values(sources, 1)
            expected[moved] += added if self._planes == 2 else added.real
        self.steps(storage[0], storage[1], storage[0], _NONE, 1)
        made = self.get(storage[0])[numbers - self.rows[0], 0] * (scale.halfwidth / 2)
        if not np.allclose(made, expected, rtol=0, atol=1e4 * np.finfo(self._real).eps * scale.halfwidth):
            raise BigbathError(
                "the compiled kernel does not reproduce this Hamiltonian. Delete Numba's cache of compiled code "
                "(__pycache__ in bigbath/kernels, or NUMBA_CACHE_DIR) and start again."
            )

    def _values(self, states: np.ndarray, seed: int) -> np.ndarray:
        """Numbers of order 1, another one for each state (given by its number), which every rank can tell."""
        parts = [np.sin((states + 1.0) * np.sqrt(2 + part + 2 * seed)) for part in range(self._planes)]
        return parts[0] if self._planes == 1 else parts[0] + 1j * parts[1]

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        tile = aligned_empty(self._tile, self._real)  # of this call's own: other threads advance other vectors
        tile[-STRIP:] = 0
        weights = np.ascontiguousarray(weights, self._real)
        made = ranked_steps(self._real, *self._equal, self._halves.packed)
        if self._halo is None:
            made(low, high, total, weights, count, tile, no_copies(self._real), *self._arguments)
            return
        for step in range(count):
            pair = weights[step : step + 2] if step % 2 == 0 else weights[:0]
            made(low, self._halo.joined(high), total, pair, 1, tile, no_copies(self._real), *self._arguments)
            low, high = high, low

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Re <a|b> (1,) of the vectors of two storages."""
        return dot_of_storages(a, b)

    def product(self, vectors: np.ndarray) -> np.ndarray:
        """H v for vectors (d, c), one after the other."""
        return product_by_steps(self, self._scale, vectors)
