"""A sector of fixed magnetisation in which symmetries are +1 or -1 as well: one row for each orbit of left configurations.

Sites are divided so that every symmetry keeps both halves: a flip of all spins does always, a reflection where the left half holds
mirror images of its sites. A symmetry g then takes row a to row g a and permutes the columns,

    v(g a, g b) = +-v(a, b),

so that one row an orbit is enough. Rows that hops reach and that are not among them are copied before each step, with permuted
columns, to where the halo of a rank would be. A row that g leads to itself is kept whole; its columns are made symmetric before
each step, so that rounding cannot grow in what the sector does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import comb

import numpy as np

from bigbath.kernels.simd import aligned
from bigbath.operators.bonds import Bond, Bonds
from bigbath.operators.exchange import Exchange
from bigbath.operators.halves import Halves, configurations
from bigbath.operators.split import Split, fastest
from bigbath.spaces import Element, group
from bigbath.spaces.element import moved

#: Cycles for a register of states that is copied, see ``split``.
COPY = 10


@dataclass(frozen=True, kw_only=True)
class Action:
    """One element of the group on the two halves; ``factor``: its value."""

    left: Element
    right: Element
    factor: int

    @classmethod
    def of(cls, element: Element, right: int) -> "Action":
        """The parts of an element that keeps the lowest ``right`` bits."""
        low = (1 << right) - 1
        parts = [
            Element(permutation=permutation, x=x, z=0, factor=1)
            for permutation, x in (
                (tuple(bit - right for bit in element.permutation[right:]), element.x >> right),
                (element.permutation[:right], element.x & low),
            )
        ]
        return cls(left=parts[0], right=parts[1], factor=element.factor)


def keeps_rows(elements: Sequence[Element], sites: int) -> bool:
    """Whether these symmetries are permutations and flips of all spins that leave more than one orbit of sites."""
    return (
        bool(elements)
        and all(not e.z and e.x in (0, 2**sites - 1) for e in elements)
        and len(orbits_of_sites(elements, sites)) > 1
    )


def orbits_of_sites(elements: Sequence[Element], sites: int) -> list[list[int]]:
    """Bits that the permutations take to each other, each orbit descending, the one with the highest bit first."""
    found: list[list[int]] = []
    for bit in reversed(range(sites)):
        if not any(bit in orbit for orbit in found):
            found.append(sorted({e.permutation[bit] for e in group(elements)}, reverse=True))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrangement:
    """Bits in the order in which halves want them: bit b of the model is bit ``place[b]`` here, ``right`` of them on the right."""

    place: tuple[int, ...]
    split: Split

    def exchange(self, h: Exchange) -> Exchange:
        """The Hamiltonian with its bits moved."""
        return Exchange(
            sites=h.sites,
            up=h.up,
            fields={moved(z, self.place): c for z, c in h.fields.items()},
            hops={(bond.p, bond.q): bond.amplitude for bond in self.bonds(h)},
        )

    def bonds(self, h: Exchange) -> list[Bond]:
        """Its hops."""
        return _bonds(h, self.place)

    def rows(self, h: Exchange, elements: Sequence[Element]) -> "Rows":
        """The left configurations that are kept and copied."""
        found = Bonds(self.bonds(h), self.split.right, self.split.pattern)
        return Rows.of(h.sites, h.sites - h.up, found, self.actions(elements))

    def actions(self, elements: Sequence[Element]) -> list[Action]:
        """The group on both halves."""
        back = np.argsort(self.place).tolist()
        result = []
        for e in group(elements):
            permutation = tuple(self.place[e.permutation[bit]] for bit in back)
            element = Element(permutation=permutation, x=moved(e.x, self.place), z=0, factor=e.factor)
            result.append(Action.of(element, self.split.right))
        return result

    def states(self, moved_states: np.ndarray) -> np.ndarray:
        """Configurations of the model."""
        back = Element(permutation=tuple(np.argsort(self.place).tolist()), x=0, z=0, factor=1)
        return back.image(moved_states)


def _bonds(h: Exchange, place: tuple[int, ...]) -> list[Bond]:
    return [Bond(p=place[p], q=place[q], amplitude=t) for (p, q), t in h.hops.items() if t]


def arranged(h: Exchange, elements: Sequence[Element], lanes: int) -> Arrangement:
    """The division of the orbits of sites into left and right ones with which a step should take least."""
    orbits, ones, order = orbits_of_sites(elements, h.sites), h.sites - h.up, len(group(elements))
    choices = []
    for number in range(1, len(orbits)):
        upper, lower = (sorted(chain(*part), reverse=True) for part in (orbits[:number], orbits[number:]))
        place = np.empty(h.sites, int)
        place[upper + lower] = np.arange(h.sites)[::-1]
        moves = tuple(place.tolist())
        split, costs = fastest(h.sites, ones, _bonds(h, moves), lanes, right=len(lower))
        choices.append((*costs, Arrangement(place=moves, split=split)))
    choices.sort(key=lambda choice: choice[:2])
    best, least = choices[0][-1], np.inf
    for columns, cycles, choice in choices:
        # Copies cost something: without them a step takes at least this part of one of all rows
        if columns == choices[0][0] and cycles / order < least:
            rows = choice.rows(h, elements)
            own, copied = rows.shares
            cost = cycles * own + COPY * rows.dim * copied
            best, least = (choice, cost) if cost < least else (best, least)
    return best


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Left configurations: those that are ``kept``, one an orbit, and those of them that are ``copied``, both ascending.

    ``weights``: states of each row of ``listed``, which are all there are.
    """

    listed: np.ndarray
    weights: np.ndarray
    kept: np.ndarray
    copied: np.ndarray

    @classmethod
    def of(cls, sites: int, ones: int, bonds: Bonds, actions: Sequence[Action]) -> "Rows":
        """Of each orbit the row with the fewest spins down, then the smallest."""
        left = sites - bonds.width
        spins_down = range(max(0, ones - bonds.width), min(left, ones) + 1)
        listed = np.sort(np.concatenate([configurations(left, k) for k in spins_down]))
        down = np.bitwise_count(listed).astype(np.int64)
        images = np.array([action.left.image(listed) for action in actions])
        keys = (np.bitwise_count(images).astype(np.int64) << left) + images
        kept = listed[(down << left) + listed == keys.min(axis=0)]
        reached = np.intersect1d(bonds.reached(kept), listed)
        weights = np.array([comb(bonds.width, ones - int(k)) for k in down])
        return cls(listed=listed, weights=weights, kept=kept, copied=np.setdiff1d(reached, kept))

    @property
    def dim(self) -> int:
        """States of all rows."""
        return int(self.weights.sum())

    @property
    def shares(self) -> tuple[float, float]:
        """Parts of all states that are kept and copied."""
        own, copied = (self.weights[np.isin(self.listed, rows)].sum() / self.dim for rows in (self.kept, self.copied))
        return float(own), float(copied)


class Copies:
    """What ``kernels.ranked`` does before each step: ``arguments`` of its ``_copy_rows``.

    ``repeats`` (rows,): number of elements that lead a kept row to itself; so often does it hold its states.
    """

    def __init__(self, halves: Halves, actions: Sequence[Action], dtype: np.dtype) -> None:
        self._halves, self._actions = halves, actions
        kept = halves.rows_of(0)
        images = np.array([action.left.image(kept) for action in actions])
        self.repeats = (images == kept).sum(axis=0)
        self._places, self._factors = [np.empty(0, np.int32)], [np.empty(0, dtype)]
        self._known: dict[tuple[int, int], tuple[int, int]] = {}
        rows = [self._copied(int(row), kept) for row in halves.halo]
        pairs = [self._pairs(kept[images[number] == kept], action) for number, action in enumerate(actions) if number]
        self.arguments = (
            np.array(rows, np.int64).reshape(-1, 4),
            aligned(np.concatenate(self._places)),
            aligned(np.concatenate(self._factors)),
            np.concatenate([np.empty((0, 3), np.int64), *pairs]),
        )

    def _copied(self, row: int, kept: np.ndarray) -> tuple[int, ...]:
        """A copied row, and the kept one from which an element of the group leads to it."""
        others = np.array(
            [int(action.left.image(np.array([row]))[0]) for action in self._actions]
        )  # each its own inverse
        number = int(np.flatnonzero(np.isin(others, kept))[0])
        starts = self._halves.starts(np.array([row, others[number]]))
        return int(starts[0]), int(starts[1]), *self._columns(row.bit_count(), number)

    def _columns(self, ones: int, number: int) -> tuple[int, int]:
        """First and last of the places and factors for the columns of a row, and zeros for its padding."""
        if (ones, number) not in self._known:
            action, target = self._actions[number], self._halves.block(ones)
            flips = self._halves.left if action.left.x else 0
            source = self._halves.block(flips - ones if flips else ones)
            assert target is not None and source is not None
            places, factors = np.zeros(target.width, np.int32), np.zeros(target.width, self._factors[0].dtype)
            places[target.places] = source.column_places(action.right.image(target.columns))
            factors[target.places] = action.factor
            first = sum(part.size for part in self._places)
            self._places.append(places)
            self._factors.append(factors)
            self._known[ones, number] = first, first + target.width
        return self._known[ones, number]

    def _pairs(self, rows: np.ndarray, action: Action) -> np.ndarray:
        """Pairs of places in rows to which an element leads back, and its factor."""
        found = [np.empty((0, 3), np.int64)]
        for row in rows:
            block = self._halves.block(int(row).bit_count())
            assert block is not None
            there = block.column_places(action.right.image(block.columns))
            once = np.flatnonzero(block.places <= there)
            start = self._halves.starts(np.array([row]))[0]
            found.append(
                np.column_stack([start + block.places[once], start + there[once], np.full(once.size, action.factor)])
            )
        return np.concatenate(found)
