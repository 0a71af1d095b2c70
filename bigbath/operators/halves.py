"""A sector of fixed magnetisation as (left half, right half): the order of its states in memory.

A block holds all states with a given number of spins down on the left: rows are configurations of the left half (the
upper bits), columns those of the right one. Columns are ordered by the bits of the *pattern*, sites of the right half at bonds
across: a *run* is all columns with one pattern. Runs start cache lines and list the rest of the bits in the same order
in all blocks. So a hop between a left site and a site of the pattern takes rows of a run to rows of another run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np


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

    ``rows`` (r,), ascending, and ``columns`` (c,), in the order of memory: configurations. ``places`` (c,): of the columns in
    a row; ``runs``: pattern -> (first place, number). ``width``: of a row without its last zeros, ``stride``: distance of rows;
    ``height``: rows of memory. ``first_row``: number of the first row among those of all blocks; ``start``: its place.
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
    """Blocks of the sector of ``sites`` spins, ``ones`` of them down, with ``right`` sites in the right half.

    ``pattern``: bits of the right half, the first counts most. ``lanes``: numbers of a cache line. ``planes``: parts of a
    row, 1 for real numbers, 2 for real and imaginary parts. ``weight`` gives a number for each configuration of the right half
    without its pattern, by which a run is ordered: neighbours should have as many hops.
    """

    def __init__(
        self, sites: int, ones: int, right: int, pattern: tuple[int, ...], lanes: int, planes: int,
        weight: Callable[[np.ndarray], np.ndarray],
    ) -> None:  # fmt: skip
        self.sites, self.ones, self.right, self.pattern = sites, ones, right, pattern
        self.left, self.planes, self.lanes = sites - right, planes, lanes
        free = [bit for bit in range(right) if bit not in pattern]
        rests = {}
        for k in range(max(0, ones - self.left - len(pattern)), min(ones, len(free)) + 1):
            packed = configurations(len(free), k)
            spread = np.zeros(packed.size, np.int64)
            for i, bit in enumerate(free):
                spread |= (packed >> i & 1) << bit
            rests[k] = spread[np.lexsort((spread, weight(spread)))]
        self.blocks: list[Block] = []
        rows = place = 0
        for k in range(max(0, ones - right), min(self.left, ones) + 1):
            block = self._block(k, rests, rows, place)
            self.blocks.append(block)
            rows, place = rows + block.height, place + block.height * block.stride
        self.rows, self.size = rows, place
        self.dim = comb(sites, ones)

    def _block(self, ones: int, rests: dict[int, np.ndarray], first_row: int, start: int) -> Block:
        columns, places, runs, width = [], [], {}, 0
        for x in range(2 ** len(self.pattern)):
            rest = rests.get(self.ones - ones - x.bit_count(), np.empty(0, np.int64))
            if rest.size:
                runs[x] = width, rest.size
                columns.append(rest | self.pattern_bits(x))
                places.append(width + np.arange(rest.size))
                width += _up(rest.size, self.lanes)
        rows = configurations(self.left, ones)
        return Block(
            ones=ones, rows=rows, columns=np.concatenate(columns), places=np.concatenate(places), runs=runs, width=width,
            stride=_stride(width * self.planes, self.lanes), height=_up(rows.size, self.lanes), first_row=first_row, start=start,
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

    @cached_property
    def _firsts(self) -> tuple[np.ndarray, np.ndarray]:
        """Configurations of the left half, ascending, and the number of states before each."""
        rows = np.concatenate([block.rows for block in self.blocks])
        widths = np.concatenate([np.full(block.rows.size, block.columns.size) for block in self.blocks])
        order = np.argsort(rows)
        return rows[order], np.cumsum(widths[order]) - widths[order]

    def firsts(self, rows: np.ndarray) -> np.ndarray:
        """Number of states, in ascending order, before the first with a left configuration of ``rows``."""
        listed, firsts = self._firsts
        return firsts[np.searchsorted(listed, rows)]

    def states(self, numbers: np.ndarray) -> np.ndarray:
        """Configurations of states given by their number in ascending order."""
        listed, firsts = self._firsts
        row = np.searchsorted(firsts, numbers, side="right") - 1
        result = np.empty(len(numbers), np.int64)
        for i, (a, rest) in enumerate(zip(listed[row], numbers - firsts[row], strict=True)):
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


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _stride(width: int, lanes: int) -> int:
    """An odd number of cache lines: rows then start on different cache sets."""
    return width + (lanes if width // lanes % 2 == 0 else 0)


def padded_size(sites: int, ones: int, right: int, pattern: int, lanes: int) -> int:
    """Numbers that a real vector of these halves takes in memory, with so many bits in the pattern."""
    size = 0
    for k in range(max(0, ones - right), min(sites - right, ones) + 1):
        width = sum(
            comb(pattern, x) * _up(comb(right - pattern, ones - k - x), lanes)
            for x in range(pattern + 1)
            if 0 <= ones - k - x <= right - pattern
        )
        size += _up(comb(sites - right, k), lanes) * _stride(width, lanes)
    return size
