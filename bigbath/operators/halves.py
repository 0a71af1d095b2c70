"""A sector of fixed magnetisation as (left half, right half): the order of its states in memory.

A block holds all states with a given number of spins down on the left: rows are configurations of the left half (the
upper bits), columns those of the right one. Columns are ordered by the bits of the *pattern*, sites of the right half at bonds
across: a *run* is all columns with one pattern. Runs list the rest of the bits in the same order in all blocks. So a hop
between a left site and a site of the pattern takes rows of a run to rows of another run. Runs start cache lines; short ones,
which would leave much of them empty, follow each other without gaps: rows are *packed*.

Ranks share the rows: each has successive configurations of the left half, and so successive states. Rows of others that its
hops reach are its *halo*. They follow its own ones in memory, in ascending order, so that what one rank sends is in one piece.
In the same way symmetries leave a part of the rows, see ``operators.orbits``.
"""

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from bigbath.operators.bonds import Bonds
from bigbath.ranks import Comm, size


def configurations(bits: int, ones: int) -> np.ndarray:
    """All integers of so many ``bits`` with so many ``ones``, ascending; only these are ever listed."""
    if not 0 <= ones <= bits:
        return np.empty(0, np.int64)
    lists = {0: np.zeros(1, np.int64)}
    for bit in range(bits):
        fewest, most = max(0, ones - (bits - bit - 1)), min(ones, bit + 1)
        none = np.empty(0, np.int64)
        lists = {
            k: np.concatenate([lists.get(k, none), lists.get(k - 1, none) | np.int64(1) << np.int64(bit)])
            for k in range(fewest, most + 1)
        }
    return lists[ones]


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """States with so many ``ones`` (spins down) on the left.

    ``rows`` (r,), this rank's, and ``columns`` (c,), in the order of memory: configurations. ``places`` (c,): of the
    columns in a row; ``runs``: pattern -> (first place, number). ``width``: of a row without its last zeros, ``stride``: distance
    of rows; ``height``: rows of memory. ``first_row``: number of the first row among those of all blocks; ``start``: its place.
    """

    ones: int
    rows: np.ndarray
    columns: np.ndarray
    places: np.ndarray
    runs: dict[int, tuple[int, int]]
    width: int
    stride: int
    height: int
    first_row: int
    start: int

    @cached_property
    def order(self) -> np.ndarray:
        """Positions (c,) of the columns in ascending order."""
        return np.argsort(self.columns)

    def column_places(self, configurations: np.ndarray) -> np.ndarray:
        """Places of configurations of the right half."""
        return self.places[self.order[np.searchsorted(self.columns, configurations, sorter=self.order)]]

    def row_starts(self) -> np.ndarray:
        """Places (height,) of the rows."""
        return self.start + self.stride * np.arange(self.height)


class Halves:
    """Blocks of the sector of ``sites`` spins, ``ones`` of them down, with the right half and the pattern of ``bonds``.

    The first bit of ``pattern`` counts most. ``packed``: runs without gaps. ``lanes``: numbers of a cache line. ``planes``: parts of a vector that follow each
    other, 1 for real numbers, 2 for real and imaginary parts. ``comm``: over which the rows are shared out. ``share``: this rank's
    states, from the first to the one after the last, of all ``dim`` in ascending order. ``kept``: configurations of the left half to
    which the rows are restricted, ascending; then ``share`` only counts the states. ``plane``: numbers that a plane of them takes
    in memory; ``size``: all planes; ``end``: with those of the halo. The first cache line is empty: a load
    from an unaligned run may begin before it.
    """

    def __init__(
        self, sites: int, ones: int, bonds: Bonds, packed: bool, lanes: int, planes: int, comm: Comm = None,
        kept: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self.packed = packed
        self.sites, self.ones, self.right, self.pattern = sites, ones, bonds.width, bonds.pattern
        self.left, self.planes, self.lanes = sites - bonds.width, planes, lanes
        self.dim, self.comm = comb(sites, ones), comm
        spins_down = range(max(0, ones - self.right), min(self.left, ones) + 1)
        self._listed = np.sort(np.concatenate([configurations(self.left, k) for k in spins_down]))
        widths = {k: comb(self.right, ones - k) for k in spins_down}
        self._before = np.cumsum([0, *(widths[int(row).bit_count()] for row in self._listed)])
        self._cuts, self._kept = shares(self._before, size(comm)), kept
        own, self.halo = self.rows_of(self._rank), self.reached(bonds, self._rank)
        first, last = self._cuts[self._rank : self._rank + 2]
        self.share = int(self._before[first]), int(self._before[last])
        if kept is not None:
            self.share = 0, sum(widths[int(row).bit_count()] for row in kept)
        rests = self._rests(bonds)
        self.blocks: list[Block] = []
        rows, place = 0, lanes
        for k in spins_down:
            block = self._block(k, rests, bonds.sorted_rows(own[np.bitwise_count(own) == k]), rows, place)
            self.blocks.append(block)
            rows, place = rows + block.height, place + block.height * block.stride
        self.rows, self.plane, self.size = rows, place, place * planes
        self._known = np.union1d(own, self.halo)
        self._starts, self._apart = np.empty((2, self._known.size), np.int64)
        for block in self.blocks:
            self._starts[np.searchsorted(self._known, block.rows)] = block.row_starts()[: block.rows.size]
        strides, of_halo = self.strides(self.halo), np.searchsorted(self._known, self.halo)
        self._starts[of_halo] = self.size + np.cumsum(strides) - strides
        self._apart[:], self._apart[of_halo] = self.plane, strides.sum()
        self.end = self.size + planes * int(strides.sum())

    @property
    def _rank(self) -> int:
        return 0 if self.comm is None else self.comm.rank

    def rows_of(self, rank: int) -> np.ndarray:
        """Configurations of the left half that a rank has, ascending."""
        return self._kept if self._kept is not None else self._listed[slice(*self._cuts[rank : rank + 2])]

    def reached(self, bonds: Bonds, rank: int) -> np.ndarray:
        """Configurations of the left half, ascending, that a rank's hops reach and that other ranks have."""
        own = self.rows_of(rank)
        return np.setdiff1d(np.intersect1d(bonds.reached(own), self._listed), own)

    def starts(self, rows: np.ndarray, plane: int = 0) -> np.ndarray:
        """Places of rows, own ones or of the halo, given by configurations of the left half."""
        known = np.searchsorted(self._known, rows)
        return self._starts[known] + plane * self._apart[known]

    def strides(self, rows: np.ndarray) -> np.ndarray:
        """Numbers that rows of a plane take, given by configurations of the left half."""
        strides = np.array([block.stride for block in self.blocks])
        return strides[np.bitwise_count(rows).astype(int) - self.blocks[0].ones]

    def _rests(self, bonds: Bonds) -> dict[int, np.ndarray]:
        """Configurations of the right half without its pattern, by spins down. Neighbours should have as many hops."""
        free, bits = [bit for bit in range(self.right) if bit not in self.pattern], len(self.pattern)
        rests = {}
        for k in range(max(0, self.ones - self.left - bits), min(self.ones, len(free)) + 1):
            packed = configurations(len(free), k)
            spread = np.zeros(packed.size, np.int64)
            for i, bit in enumerate(free):
                spread |= (packed >> i & 1) << bit
            rests[k] = spread[np.lexsort((spread, bonds.weight(spread)))]
        return rests

    def _block(self, ones: int, rests: dict[int, np.ndarray], rows: np.ndarray, first_row: int, start: int) -> Block:
        columns, places, runs, width = [], [], {}, 0
        for x in range(2 ** len(self.pattern)):
            rest = rests.get(self.ones - ones - x.bit_count(), np.empty(0, np.int64))
            if rest.size:
                runs[x] = width, rest.size
                columns.append(rest | self.pattern_bits(x))
                places.append(width + np.arange(rest.size))
                width += rest.size if self.packed else _up(rest.size, self.lanes)
        width = _up(width, self.lanes)
        return Block(
            ones=ones, rows=rows, columns=np.concatenate(columns), places=np.concatenate(places), runs=runs, width=width,
            stride=_stride(width, self.lanes), height=_up(rows.size, self.lanes), first_row=first_row, start=start,
        )  # fmt: skip

    def pattern_bits(self, x: int) -> int:
        """Bits of the right half that a pattern sets."""
        return sum(1 << bit for i, bit in enumerate(self.pattern) if x >> len(self.pattern) - 1 - i & 1)

    def flipped(self, x: int, bit: int) -> int:
        """Pattern with a bit of the right half flipped."""
        return x ^ 1 << len(self.pattern) - 1 - self.pattern.index(bit)

    def block(self, ones: int) -> Block | None:
        """The block with so many ``ones`` on the left."""
        number = ones - self.blocks[0].ones
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    def firsts(self, rows: np.ndarray) -> np.ndarray:
        """Number of states, in ascending order, before the first with a left configuration of ``rows``."""
        return self._before[np.searchsorted(self._listed, rows)]

    def states(self, numbers: np.ndarray) -> np.ndarray:
        """Configurations of states given by their number in ascending order."""
        row = np.searchsorted(self._before, numbers, side="right") - 1
        result = np.empty(len(numbers), np.int64)
        for i, (a, rest) in enumerate(zip(self._listed[row], numbers - self._before[row], strict=True)):
            block = self.blocks[int(a).bit_count() - self.blocks[0].ones]
            result[i] = int(a) << self.right | int(block.columns[block.order[rest]])
        return result

    def numbers(self, states: np.ndarray) -> np.ndarray:
        """Number of each state of the sector in ascending order."""
        result = np.empty(len(states), np.int64)
        for i, n in enumerate(states):
            a, b = int(n) >> self.right, int(n) & (1 << self.right) - 1
            block = self.blocks[a.bit_count() - self.blocks[0].ones]
            result[i] = self.firsts(np.array([a]))[0] + np.searchsorted(block.columns, b, sorter=block.order)
        return result


def shares(before: np.ndarray, ranks: int) -> np.ndarray:
    """Where the rows of each rank begin (ranks + 1,), for equal numbers of states; ``before`` (rows + 1,): states before a row.

    Every rank has a row, where there are as many rows as ranks.
    """
    rank, rows = np.arange(ranks + 1), before.size - 1
    cuts = np.searchsorted(before, rank * before[-1] / ranks)
    return np.clip(np.maximum.accumulate(np.maximum(cuts - rank, 0)) + rank, rank, rows - ranks + rank)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _stride(width: int, lanes: int) -> int:
    """An odd number of cache lines: rows then start on different cache sets."""
    return width + (lanes if width // lanes % 2 == 0 else 0)


def padded_size(sites: int, ones: int, right: int, pattern: int, lanes: int, packed: bool) -> int:
    """Numbers that a real vector of these halves takes in memory, with so many bits in the pattern."""
    size = lanes
    for k in range(max(0, ones - right), min(sites - right, ones) + 1):
        runs = [
            (comb(pattern, x), comb(right - pattern, ones - k - x))
            for x in range(pattern + 1)
            if 0 <= ones - k - x <= right - pattern
        ]
        width = _up(sum(number * (columns if packed else _up(columns, lanes)) for number, columns in runs), lanes)
        size += _up(comb(sites - right, k), lanes) * _stride(width, lanes)
    return size
