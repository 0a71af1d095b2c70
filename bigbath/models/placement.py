"""Where the strings of a term act: ranges of sites, and generators of bonds, one word each."""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb, hypot
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from bigbath.choice import KindShorthand, choice
from bigbath.models.laws import Place

#: More strings in one term are taken for a slip of the pen.
MOST = 100_000

#: A place with the distance r of its two sites, in lattice units; 0 for strings on fewer or more sites.
Placed = tuple[Place, float]


@choice
class SiteRange:
    """Sites ``first``, ``first`` + ``step``, ... up to ``last``, included; negative numbers count from the end (-1: L - 1)."""

    first: int = 0
    last: int = -1
    step: Annotated[int, Field(ge=1)] = 1


#: "all", "system", "bath", a list of sites, or a range.
Sites = Annotated[
    Annotated[Literal["all", "system", "bath"], Tag("name")]
    | Annotated[tuple[int, ...], Tag("list")]
    | Annotated[SiteRange, Tag("range")],
    Discriminator(lambda v: "name" if isinstance(v, str) else "list" if isinstance(v, list | tuple) else "range"),
]


def chosen_sites(sites: Any, L: int, system_sites: int) -> tuple[int, ...]:
    """The sites that ``sites`` names, in order. ValueError for sites that are not there."""
    if isinstance(sites, str):
        named = {"all": range(L), "system": range(system_sites), "bath": range(system_sites, L)}
        return tuple(named[sites])
    if isinstance(sites, tuple):
        if wrong := [j for j in sites if not 0 <= j < L]:
            raise ValueError(f"sites {wrong[:9]} must be in 0 ... {L - 1}")
        if len(set(sites)) < len(sites):
            raise ValueError(f"sites {list(sites)[:9]} repeat")
        return sites
    first, last = (j + L if j < 0 else j for j in (sites.first, sites.last))
    if not (0 <= first < L and 0 <= last < L):
        raise ValueError(f"sites from {sites.first} to {sites.last} are not all in 0 ... {L - 1}")
    return tuple(range(first, last + 1, sites.step))


@choice
class Chain:
    """Sites j, j + ``distance``, ... of an open chain, for strings on any number of sites."""

    kind: Literal["chain"] = "chain"
    distance: Annotated[int, Field(ge=1, le=61)] = 1

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each place once."""
        reach = (letters - 1) * self.distance
        for j in range(len(sites) - reach):
            yield sites[j : j + reach + 1 : self.distance], float(self.distance)


@choice
class Ring:
    """The same on a closed chain; each bond once, also across the middle of a ring."""

    kind: Literal["ring"] = "ring"
    distance: Annotated[int, Field(ge=1, le=61)] = 1

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each place once."""
        n, d = len(sites), self.distance
        if (letters - 1) * d >= n:
            raise ValueError(f"a ring of {n} sites is too small for {letters} sites at the distance {d}")
        for j in range(d if letters == 2 and n == 2 * d else n):
            yield tuple(sites[(j + i * d) % n] for i in range(letters)), float(min(d, n - d))


@choice
class AllToAll:
    """Every set of sites once, in ascending order. Distances for ``decay`` are those of an open or closed (``periodic``)
    chain, or of a square lattice with rows of ``width`` sites.
    """

    kind: Literal["all-to-all"] = "all-to-all"
    periodic: bool = False
    width: Annotated[int, Field(ge=1, le=62)] | None = None

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each place once. ValueError before too many are made."""
        n = len(sites)
        if (count := comb(n, letters)) > MOST:
            raise ValueError(f"all-to-all makes {count:,} strings of {letters} sites, more than {MOST:,}")
        width = n if self.width is None else self.width
        height = _rows(n, width)
        for chosen in combinations(range(n), letters):
            dx, dy = (
                abs(a - b) for a, b in zip(*(divmod(j, width)[::-1] for j in (chosen[0], chosen[-1])), strict=True)
            )
            if self.periodic:
                dx, dy = min(dx, width - dx), min(dy, height - dy)
            yield tuple(sites[j] for j in chosen), hypot(dx, dy)


@choice
class Ladder:
    """Two legs: the a-th site (a = 0, 1) of rung x is number 2 x + a. ``along``: only "legs" or "rungs"."""

    kind: Literal["ladder"] = "ladder"
    along: Literal["legs", "rungs"] | None = None
    periodic: bool = False

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each bond once, in the directions of rising numbers."""
        _two(letters, "ladder")
        length = _rows(len(sites), 2)
        steps = {"legs": [(1, 0)], "rungs": [(0, 1)], None: [(1, 0), (0, 1)]}[self.along]
        yield from _lattice(sites, (length, 2), steps, (self.periodic, False), lambda x, a: 2 * x + a)


@choice
class Square:
    """Rows of ``width`` sites: site x of row y is number x + y ``width``. ``along``: only bonds along "x", "y", or "diagonals";
    absent: along x and y.
    """

    kind: Literal["square"] = "square"
    width: Annotated[int, Field(ge=1, le=62)]
    along: Literal["x", "y", "diagonals"] | None = None
    periodic: bool = False

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each bond once, in the directions of rising x and y."""
        _two(letters, "square")
        size = self.width, _rows(len(sites), self.width)
        x, y, diagonals = [(1, 0)], [(0, 1)], [(1, 1), (-1, 1)]
        steps = {"x": x, "y": y, "diagonals": diagonals, None: x + y}[self.along]
        yield from _lattice(sites, size, steps, (self.periodic, self.periodic), lambda x, y: x + y * self.width)


@choice
class Star:
    """The first of the sites with each of the others."""

    kind: Literal["star"] = "star"

    def places(self, sites: tuple[int, ...], letters: int) -> Iterator[Placed]:
        """Each bond once."""
        _two(letters, "star")
        yield from (((sites[0], j), float(abs(j - sites[0]))) for j in sites[1:])


#: A generator of bonds, told apart by its ``kind``.
Generator = Annotated[Chain | Ring | AllToAll | Star | Ladder | Square, Field(discriminator="kind"), KindShorthand]

#: A generator, or the places themselves.
Bonds = Annotated[
    Annotated[Generator, Tag("generator")] | Annotated[tuple[tuple[int, ...], ...], Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "generator"),
]


def places(bonds: Any, sites: tuple[int, ...], letters: int) -> tuple[Placed, ...]:
    """Places of strings of so many ``letters`` on ``sites``, with distances. ValueError for what makes no sense."""
    if bonds is None:
        if letters > 1:
            raise ValueError('a string on several sites needs bonds, as bonds = "chain"')
        return tuple(((j,), 0.0) for j in sites)
    if letters == 1:
        raise ValueError("a string on one site takes sites, no bonds")
    if isinstance(bonds, tuple):
        for place in bonds:
            if len(place) != letters or len(set(place)) < letters or not set(place) <= set(sites):
                raise ValueError(f"bond {list(place)[:9]} must hold {letters} different sites of {_span(sites)}")
        return tuple((place, float(abs(place[0] - place[-1]))) for place in bonds)
    return tuple(bonds.places(sites, letters))


def _span(sites: tuple[int, ...]) -> str:
    return f"{min(sites)} ... {max(sites)}" if sites else "no sites"


def _two(letters: int, kind: str) -> None:
    if letters != 2:
        raise ValueError(f"a {kind} has bonds of two sites: give longer strings a list of places")


def _rows(sites: int, width: int) -> int:
    if width == 0 or sites % width:
        raise ValueError(f"{sites} sites do not fill rows of {width}")
    return sites // width


def _lattice(
    sites: tuple[int, ...], size: tuple[int, int], steps: list[tuple[int, int]], periodic: tuple[bool, bool],
    number: Callable[[int, int], int],
) -> Iterator[Placed]:  # fmt: skip
    """Bonds from every site by every step; across a boundary where that is periodic, no bond twice, none to itself."""
    seen = set()
    for dx, dy in steps:
        for y in range(size[1]):
            for x in range(size[0]):
                end = x + dx, y + dy
                wrapped = end[0] % size[0], end[1] % size[1]
                if any(e != w and not p for e, w, p in zip(end, wrapped, periodic, strict=True)):
                    continue
                place = sites[number(x, y)], sites[number(*wrapped)]
                if place[0] != place[1] and frozenset(place) not in seen:
                    seen.add(frozenset(place))
                    yield place, hypot(dx, dy)
