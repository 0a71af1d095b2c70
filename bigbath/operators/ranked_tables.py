"""What ``kernels.ranked`` reads: the hops and the diagonal of a Hamiltonian on the halves of a sector."""

from dataclasses import dataclass

import numpy as np

from bigbath.kernels.ranked import STRIP, VECTORS
from bigbath.kernels.simd import aligned
from bigbath.operators.bonds import Bonds
from bigbath.operators.halves import Block, Halves

#: Bytes of a chunk of rows, which stays in the second cache between the passes; there the next rows of T_n+1 need room too.
CHUNK = 100_000


def _equal(amplitudes: np.ndarray, used: np.ndarray) -> np.ndarray:
    """One amplitude, where all that are ``used`` are equal."""
    different = np.unique(amplitudes[used])
    return different if different.size == 1 else amplitudes


def _signs(masked: np.ndarray) -> np.ndarray:
    """(-1)^(number of set bits)."""
    return 1 - 2.0 * (np.bitwise_count(masked) & 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lists:
    """Hops into a list of targets: ``target``, ``source`` and real ``amplitude``, all (n,)."""

    target: np.ndarray
    source: np.ndarray
    amplitude: np.ndarray

    @classmethod
    def joined(cls, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> "Lists":
        """Of (target, source, amplitude), sorted by target."""
        columns = [np.concatenate([part[i] for part in parts] or [np.empty(0)]) for i in range(3)]
        order = np.argsort(columns[0], kind="stable")
        target, source = (column[order].astype(np.int64) for column in columns[:2])
        return cls(target=target, source=source, amplitude=columns[2][order])


class Tables:
    """The kernel's arguments after the tile, for 2 (H - centre) / halfwidth: ``unit`` is 2 / halfwidth."""

    def __init__(
        self, halves: Halves, fields: dict[int, float], bonds: Bonds, centre: float, unit: float, dtype: np.dtype
    ) -> None:
        self._halves, self._bonds, self._unit, self._dtype = halves, bonds, unit, dtype
        self.entries = halves.share[1] - halves.share[0]
        is_joined = any(complex(bond.amplitude).imag for bond in bonds.right + bonds.far)
        self._joined = halves.planes if is_joined else 1  # planes that the first pass turns together
        self._columns = max(block.width for block in halves.blocks) * self._joined
        far = len(bonds.far_sites)
        self.zero_row = max(block.stride for block in halves.blocks) if far else halves.lanes
        self._nothing = (1 + 2 * far) * self._columns  # a column of zeros
        self.tile = (self._nothing + 1) * STRIP
        self._sources = np.full((2 * far, halves.planes, halves.rows), halves.end)
        self._groups: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._amplitudes: list[np.ndarray] = []
        self._chunks: list[tuple[int, ...]] = []
        self._strips: list[tuple[int, ...]] = []
        self._rows: list[tuple[np.ndarray, ...]] = []
        self._diagonal(fields, centre)
        blocks = []
        for block in halves.blocks:
            first = sum(map(len, self._groups))
            self._add_columns(block)
            others = [halves.block(block.ones + step) if far else None for step in (1, -1)]
            groups = [(other.width if other else 0) // halves.lanes for other in (block, *others)]
            blocks.append((block.stride, first, *groups, self._columns, self._joined, halves.rows))
        for plane in range(0, halves.planes, self._joined):
            for number, block in enumerate(halves.blocks):
                self._add_rows(number, block, range(plane, plane + self._joined))
        self.arguments = self._arguments(blocks)

    def _arguments(self, blocks: list[tuple[int, ...]]) -> tuple:
        whole, dtype, planes = np.int64, self._dtype, range(self._halves.planes)
        rows = [np.concatenate([part[i] for part in self._rows] or [np.empty(0)]) for i in range(4)]
        places, amplitudes = np.concatenate(self._places), np.concatenate(self._amplitudes)
        amplitudes = _equal(amplitudes, places < self._nothing * STRIP)
        rows[3] = _equal(rows[3], np.full(rows[3].size, True))
        self.equal = amplitudes.size < places.size, rows[3].size < rows[2].size
        columns = (
            np.concatenate([self._row_starts(block, n) for n in planes for block in self._halves.blocks]).astype(whole),
            self._sources.reshape(-1, len(planes) * self._halves.rows).astype(whole),
            np.concatenate(self._groups).astype(whole),
            places.astype(np.uint32),
            amplitudes.astype(dtype),
            aligned(self._field.astype(dtype)),
            aligned(self._shift.astype(dtype)),
        )
        strips = np.array(self._strips, whole).reshape(-1, 7)
        hops = (*(part.astype(whole) for part in rows[:3]), rows[3].astype(dtype))
        return np.array(blocks, whole), np.array(self._chunks, whole), columns, strips, hops

    def _diagonal(self, fields: dict[int, float], centre: float) -> None:
        """Numbers of the columns, and of the rows for each pattern; or all of them, turned as the kernel finds them."""
        halves, right = self._halves, self._halves.right
        low, pattern = (1 << right) - 1, sum(1 << bit for bit in halves.pattern)
        across = {z: value for z, value in fields.items() if z >> right and z & low}
        self._summed = not halves.packed and all(z & low & ~pattern == 0 for z in across)
        parts: list[np.ndarray] = []
        self._starts: list[int] = []
        self._shift = np.zeros((2 ** len(halves.pattern), halves.rows))
        for block in halves.blocks:
            rows = sum(
                (v * _signs(block.rows & z >> right) for z, v in fields.items() if not z & low),
                -centre + 0 * block.rows,
            )
            columns = np.zeros(block.width)
            columns[block.places] = sum(
                (v * _signs(block.columns & z) for z, v in fields.items() if z & low and not z >> right), 0.0
            )
            self._starts.append(sum(part.size for part in parts))
            own = slice(block.first_row, block.first_row + block.rows.size)
            if self._summed:
                for x in block.runs:
                    bits = halves.pattern_bits(x)
                    cross = sum(v * _signs(block.rows & z >> right) * _sign(z & bits) for z, v in across.items())
                    self._shift[x, own] = rows + cross
                parts.append(columns)
            else:
                full = np.zeros((block.height, block.width))
                full[: block.rows.size] = rows[:, None] + columns
                for z, v in across.items():
                    full[: block.rows.size, block.places] += v * np.outer(
                        _signs(block.rows & z >> right), _signs(block.columns & z & low)
                    )
                parts.append(self._turned(block, full))
        field = np.concatenate(parts)
        if not self._summed:  # places as in a vector
            field = np.tile(np.concatenate([np.zeros(halves.lanes), field]), halves.planes)
        self._field = self._unit * field
        self._shift = self._unit * np.tile(self._shift, halves.planes).ravel()

    def _turned(self, block: Block, full: np.ndarray) -> np.ndarray:
        result = np.zeros((block.height, block.stride))
        for row in range(0, block.height, STRIP):
            part = full[row : row + STRIP]
            result[row : row + STRIP].reshape(-1)[: part.size] = part.T.ravel()
        return result.ravel()

    def _add_columns(self, block: Block) -> None:
        """Hops inside the right half, and those across that find no run: for each register of columns a list."""
        halves, lanes, parts = self._halves, self._halves.lanes, []
        for bond in self._bonds.right:
            target = np.flatnonzero((block.columns >> bond.p ^ block.columns >> bond.q) & 1)
            state = block.columns[target]
            source = block.column_places(state ^ (1 << bond.p | 1 << bond.q))
            self.entries += target.size * block.rows.size
            amplitude = self._unit * bond.of(state >> bond.p & 1)
            parts += self._in_planes(block.places[target], source, amplitude, block.width, block.width)
        for bond in self._bonds.far:
            site, bit = max(bond.p, bond.q), min(bond.p, bond.q)
            for down in (0, 1):
                other = halves.block(block.ones + 1 - 2 * down)
                row = np.flatnonzero((block.rows >> site - halves.right & 1) == down)
                target = np.flatnonzero((block.columns >> bit & 1) == 1 - down)
                if other is None or not row.size or not target.size:
                    continue
                self.entries += row.size * target.size
                tile = 2 * self._bonds.far_sites.index(site) + down
                for plane in range(halves.planes):
                    start = halves.starts(block.rows[row] ^ 1 << site - halves.right, plane)
                    self._sources[tile, plane, block.first_row + row] = start
                source = other.column_places(block.columns[target] ^ 1 << bit)
                amplitude = self._unit * bond.of(np.full(target.size, down if bond.p == site else 1 - down))
                found = self._in_planes(block.places[target], source, amplitude, block.width, other.width)
                parts += [(to, (1 + tile) * self._columns + place, t) for to, place, t in found]
        for begin in range(block.first_row, block.first_row + block.height, STRIP):
            sources = self._sources[:, :, begin : min(begin + STRIP, block.first_row + block.height)]
            sources[(sources == halves.end).all(axis=2), 0] = -1  # nothing to turn for this strip
        lists, width = Lists.joined(parts), block.width * self._joined
        counts = np.bincount(lists.target, minlength=width)
        rank = np.arange(lists.target.size) - (np.cumsum(counts) - counts)[lists.target]
        depth = counts.reshape(-1, lanes).max(axis=1)
        first = (np.cumsum(depth) - depth) * lanes
        places, amplitudes = np.full(depth.sum() * lanes, self._nothing * STRIP), np.zeros(depth.sum() * lanes)
        where = first[lists.target // lanes] + rank * lanes + lists.target % lanes
        places[where], amplitudes[where] = lists.source * STRIP, lists.amplitude
        before = sum(map(len, self._places))
        number = np.arange(depth.size)
        at = self._starts[block.ones - halves.blocks[0].ones] + number * lanes % block.width
        shift = np.full(depth.size, -1)
        if self._summed:
            run = np.concatenate([np.full(-(-n // lanes), x) for x, (_, n) in block.runs.items()] * self._joined)
            shift = run * halves.rows * halves.planes
        self._groups.append(np.column_stack([before + first, depth, at, shift]))
        self._places.append(places)
        self._amplitudes.append(amplitudes)

    def _in_planes(
        self, target: np.ndarray, source: np.ndarray, amplitude: np.ndarray, width: int, other: int
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Real hops of complex ones: (re, im) <- ((Re t, -Im t), (Im t, Re t)) (re, im), in the planes that are turned together."""
        re, im = amplitude.real, amplitude.imag
        parts = [(target + plane * width, source + plane * other, re) for plane in range(self._joined) if re.any()]
        if im.any():
            parts += [(target, source + other, -im), (target + width, source, im)]
        return parts

    def _row_starts(self, block: Block, plane: int) -> np.ndarray:
        return block.row_starts() + plane * self._halves.plane

    def _add_rows(self, number: int, block: Block, planes: range) -> None:
        """Hops inside the left half, and those across that find runs, in chunks of rows.

        A list of rows for each run; where rows are packed, one for the whole rows and one for the hops across of each run.
        """
        halves = self._halves
        parts: dict[tuple[int, int, int], list] = {}

        def add(
            row: np.ndarray, source: np.ndarray, amplitude: np.ndarray, here: tuple[int, int], there: int, count: int
        ) -> None:
            """Columns ``here``, given by the first and their number, += those from ``there`` on of the rows ``source``."""
            re, im = self._unit * amplitude.real, self._unit * amplitude.imag
            self.entries += row.size * count * (0 in planes)
            for plane in planes:
                for values, whence in ((re, plane), (im * (-1 if plane == 0 else 1), 1 - plane)):
                    if values.any():
                        start = halves.starts(source, whence) + there - here[0]
                        parts.setdefault((plane, *here), []).append((row, start, values))

        for bond in self._bonds.left:
            p, q = bond.p - halves.right, bond.q - halves.right
            row = np.flatnonzero((block.rows >> p ^ block.rows >> q) & 1)
            source, amplitude = block.rows[row] ^ (1 << p | 1 << q), bond.of(block.rows[row] >> p & 1)
            if halves.packed:
                add(row, source, amplitude, (0, block.width), 0, block.columns.size)
                continue
            for run in block.runs.values():
                add(row, source, amplitude, run, run[0], run[1])
        for bond in self._bonds.near:
            site, bit = max(bond.p, bond.q) - halves.right, min(bond.p, bond.q)
            for down in (0, 1):
                other = halves.block(block.ones + 1 - 2 * down)
                row = np.flatnonzero((block.rows >> site & 1) == down)
                if other is None or not row.size:
                    continue
                amplitude = bond.of(np.full(row.size, down if bond.p > bond.q else 1 - down))
                for x, run in block.runs.items():
                    if halves.pattern_bits(x) >> bit & 1 == 1 - down:
                        there = other.runs[halves.flipped(x, bit)][0]
                        add(row, block.rows[row] ^ 1 << site, amplitude, run, there, run[1])
        step = max(1, CHUNK // (block.stride * len(planes) * self._dtype.itemsize * STRIP)) * STRIP
        joined = {key: Lists.joined(parts[key]) for key in sorted(parts)}
        for first in range(0, block.height, step):
            last, before = min(first + step, block.height), len(self._strips)
            for (plane, column, width), lists in joined.items():
                self._add_strips(self._row_starts(block, plane), column, width, lists, first, last)
            self._strips[before:] = sorted(self._strips[before:])
            begin = block.first_row + planes[0] * halves.rows
            self._chunks.append((number, begin + first, begin + last, before, len(self._strips)))

    def _add_strips(self, starts: np.ndarray, column: int, width: int, lists: Lists, first: int, last: int) -> None:
        """One list of a run's rows, ordered by their number of hops, and the strips of columns that go through it."""
        here = slice(*np.searchsorted(lists.target, (first, last)))
        counts = np.bincount(lists.target[here] - first, minlength=last - first)
        rows = np.argsort(counts, kind="stable")
        rows = rows[counts[rows] > 0]
        rank = np.empty(last - first, np.int64)
        rank[rows] = np.arange(rows.size)
        order = np.argsort(rank[lists.target[here] - first], kind="stable")
        before, hops = (sum(len(part[i]) for part in self._rows) for i in (0, 2))
        self._rows.append((starts[first + rows], counts[rows], lists.source[here][order], lists.amplitude[here][order]))
        lanes, end = self._halves.lanes, column + width
        begin, registers = column // lanes, -(-end // lanes) - column // lanes
        pieces = -(-registers // VECTORS)
        for i in range(pieces if rows.size else 0):
            start, stop = (begin + n * registers // pieces for n in (i, i + 1))
            lead, tail = max(column - start * lanes, 0), min(end - (stop - 1) * lanes, lanes)
            self._strips.append((start * lanes, stop - start, before, before + rows.size, hops, lead, tail))


def _sign(masked: int) -> int:
    return (-1) ** masked.bit_count()
