"""Conserved sums of sigma^z: all Q = sum_j w_j sigma^z_j with integer w that commute with a sum of Pauli strings.

In sigma^+, sigma^- and sigma^z every string changes Q by a fixed amount, 2 (sum of w over its sigma^+ minus sum of w
over its sigma^-). Q is conserved if that vanishes for every string that is left once the couplings are summed: a null
space of vectors of -1, 0, 1, taken in exact integers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from bigbath.conserved.words import ROUNDING, bits, words
from bigbath.errors import ImpossibleRequest
from bigbath.models.composite import Term

#: Flipped sites that may depend on each other in the strings with the same flips; beyond, no charge may hold them.
_DEPENDENT = 16
#: Summands of one ladder expansion.
_LARGEST = 2**24
#: Combinations of basis vectors that are tried for small weights.
_COMBINATIONS = 3**8


class LadderString(NamedTuple):
    """A product of sigma^+, sigma^- and sigma^z on different sites, as bit masks (site j is bit L-1-j).

    sigma^+ = |up><down| = (sigma^x + i sigma^y)/2 lowers the basis index by its bit, since 0 is up.
    """

    plus: int
    minus: int
    z: int


@dataclass(frozen=True)
class Charge:
    """Q = sum_j weights[j] sigma^z_j, an integer between -sum |w| and sum |w|, in steps of 2 for weights of +-1."""

    weights: tuple[int, ...]

    @property
    def sites(self) -> tuple[int, ...]:
        """Sites with a weight."""
        return tuple(j for j, w in enumerate(self.weights) if w)

    @property
    def is_whole(self) -> bool:
        """Whether this is the total magnetisation, the sum over all sites."""
        return set(self.weights) == {1}

    def __str__(self) -> str:
        if self.is_whole:
            return "the total sigma^z"
        listed = ", ".join(map(str, self.sites))
        if len(self.sites) == 1:
            return f"sigma^z of site {listed}"
        if set(self.weights) <= {0, 1}:
            return f"the sum of sigma^z over the sites {listed}"
        return f"the sum of sigma^z with the weights {list(self.weights)}"


def ladder(terms: tuple[Term, ...], sites: int) -> dict[LadderString, complex]:
    """The Pauli strings rewritten in sigma^+, sigma^-, sigma^z (x = + and -, y = -i + and i -), couplings summed.

    What cancels to rounding is left out. ImpossibleRequest when strings of many x and y give more than 2^24 summands.
    """
    groups = _groups(terms, sites)
    if sum(2 ** x.bit_count() for x, _ in groups) > _LARGEST:
        raise ImpossibleRequest("strings of this many x and y have too many products of sigma^+ and sigma^-")
    return {
        LadderString(plus, x ^ plus, z): coupling
        for (x, z), group in groups.items()
        for plus, coupling in _expanded(group, x)
    }


def charges(terms: tuple[Term, ...], sites: int) -> tuple[Charge, ...]:
    """A basis of the conserved Q: every other one is a rational combination of these.

    Disjoint sets of sites with weights 1 where these exist (the total; one for each of two uncoupled chains; one
    conserved site), else with weights as small as were found (staggered: 1, -1). None is missed, unless strings that
    flip the same more than 16 sites depend on each other.
    """
    space = _null_space(_differences(terms, sites), sites)
    if not len(space):
        return ()
    return tuple(Charge(tuple(int(w) for w in row)) for row in _smallest(space))


def is_conserved(charge: Charge, terms: tuple[Term, ...], sites: int) -> bool:
    """Whether [Q, H] = 0 up to the rounding of summed couplings, for strings of any length."""
    for (x, _), group in _groups(terms, sites).items():
        change: dict[int, complex] = defaultdict(complex)
        weight = 0
        for bit in bits(x):
            w = charge.weights[sites - bit.bit_length()]
            weight += abs(w)
            for y, amplitude in group.items():
                change[y ^ bit] += w * amplitude
        if max(map(abs, change.values()), default=0) > ROUNDING * weight * sum(map(abs, group.values())):
            return False
    return True


def _groups(terms: tuple[Term, ...], sites: int) -> dict[tuple[int, int], dict[int, complex]]:
    """Words by (flipped sites, z on other sites), each as {sites with y: amplitude of prod_j s_j over them}.

    s_j = 1 for sigma^+ and -1 for sigma^-: x = sum over s of sigma^s, y = sum over s of -i s sigma^s.
    """
    groups: dict[tuple[int, int], dict[int, complex]] = defaultdict(dict)
    for (x, z), coupling in words(terms, sites).items():
        groups[x, z & ~x][x & z] = coupling * (-1j) ** (x & z).bit_count()
    return groups


def _expanded(group: dict[int, complex], x: int) -> Iterator[tuple[int, complex]]:
    """(sites with sigma^+, coupling) of one group over all signs on the sites of ``x``, with sigma^+ on its others."""
    threshold = ROUNDING * sum(map(abs, group.values()))
    table = {0: _merged((y & x, a) for y, a in group.items())}  # {sites with sigma^-: amplitudes left}
    for bit in bits(x):
        turned = {
            minus | bit: _merged((y & ~bit, -a if y & bit else a) for y, a in left.items())
            for minus, left in table.items()
        }
        kept = {minus: _merged((y & ~bit, a) for y, a in left.items()) for minus, left in table.items()}
        table = kept | turned
    for minus, left in table.items():
        if abs(left.get(0, 0)) > threshold:
            yield x ^ minus, left[0]


def _merged(pairs: Iterable[tuple[int, complex]]) -> dict[int, complex]:
    sums: dict[int, complex] = defaultdict(complex)
    for key, value in pairs:
        sums[key] += value
    return sums


def _differences(terms: tuple[Term, ...], sites: int) -> np.ndarray:
    """Vectors (n, sites) of -1, 0, 1 to which the weights of every charge are orthogonal."""
    found: set[tuple[int, int]] = set()
    for (x, _), group in _groups(terms, sites).items():
        possible, deciding = _dependence(group, x)
        found.update((bit, 0) for bit in bits(x & ~possible))
        if possible:
            signs = {plus & possible for plus, _ in _expanded(group, deciding)}
            found.update((plus, possible ^ plus) for plus in signs)
    pairs = np.array(sorted(found), dtype=np.uint64).reshape(-1, 2, 1)
    shifts = np.arange(sites - 1, -1, -1, dtype=np.uint64)
    spins = ((pairs >> shifts) & np.uint64(1)).astype(np.int8)
    return spins[:, 0] - spins[:, 1]


def _dependence(group: dict[int, complex], x: int) -> tuple[int, int]:
    """The flipped sites that a charge may hold; and those whose signs decide which ladder strings vanish.

    Two strings of a group differ on a set of sites. A site in none of these sets takes both signs, whatever the
    others do; of three sites that are always in the same sets any two can be turned together. Neither kind can be
    in a charge; of the second, only the product of the signs matters.
    """
    first, *others = group
    alike = [x]
    for y in others:
        alike = [part for mask in alike for part in (mask & (y ^ first), mask & ~(y ^ first)) if part]
    union = 0
    for y in others:
        union |= y ^ first
    classes = [mask for mask in alike if mask & union]
    possible = sum(mask for mask in classes if mask.bit_count() <= 2)
    deciding = possible | sum(mask & -mask for mask in classes if mask.bit_count() > 2)
    return (possible, deciding) if deciding.bit_count() <= _DEPENDENT else (0, 0)


def _null_space(vectors: np.ndarray, sites: int) -> np.ndarray:
    """Integer basis (k, sites) of the weights orthogonal to all ``vectors``."""
    space = np.eye(sites, dtype=int).astype(object)
    for start in range(0, len(vectors), 256):
        block = vectors[start : start + 256]
        while len(space):
            small = max(abs(space).max(), 1) < 2**45  # then sums of 62 entries are exact in doubles
            images = block @ (space.astype(float) if small else space).T
            wrong = np.flatnonzero((images != 0).any(axis=1))
            if not wrong.size:
                break
            space = _orthogonal(space, block[wrong[0]])
    return space


def _orthogonal(space: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """The part of ``space`` that is orthogonal to one vector: a row less."""
    image = space @ vector.astype(int).astype(object)
    pivot = min((i for i, a in enumerate(image) if a), key=lambda i: abs(image[i]))
    rows = [
        _primitive(image[pivot] * row - a * space[pivot])
        for i, (row, a) in enumerate(zip(space, image, strict=True))
        if i != pivot
    ]
    return np.array(rows, dtype=object).reshape(-1, space.shape[1])


def _primitive(row: np.ndarray) -> np.ndarray:
    """The row without common factor, its first entry positive."""
    divisor = gcd(*row)
    first: Any = next((w for w in row if w), 1)
    return row // (divisor if first > 0 else -divisor) if divisor else row


def _smallest(space: np.ndarray) -> np.ndarray:
    """A basis of the same rational space with small weights."""
    reduced = _reduced(space)
    classes: dict[tuple, list[int]] = defaultdict(list)
    for site, column in enumerate(reduced.T):
        if any(column):
            classes[tuple(_primitive(column))].append(site)
    if len(classes) == len(reduced):  # disjoint sets of sites
        return np.array([_on_sites(reduced, members) for members in classes.values()], dtype=object)
    return _greedy(reduced)


def _on_sites(space: np.ndarray, members: list[int]) -> np.ndarray:
    """The charge on sites whose weights are proportional to each other throughout ``space``."""
    row = next(row for row in space if row[members[0]])
    weights = np.zeros(space.shape[1], dtype=int).astype(object)
    weights[members] = row[members]
    return _primitive(weights)


def _reduced(space: np.ndarray) -> np.ndarray:
    """Reduced row echelon form in integers without common factors."""
    rows = list(space)
    done = 0
    for column in range(space.shape[1]):
        pivot = next((i for i in range(done, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[done], rows[pivot] = rows[pivot], rows[done]
        for i, row in enumerate(rows):
            if i != done:
                rows[i] = _primitive(rows[done][column] * row - row[column] * rows[done])
        done += 1
    return np.array([_primitive(row) for row in rows], dtype=object)


def _greedy(reduced: np.ndarray) -> np.ndarray:
    """Independent combinations of the rows, those with the smallest weights first."""
    count = len(reduced)
    candidates = {tuple(_primitive(row)) for row in _combinations(reduced)}
    candidates.discard((0,) * reduced.shape[1])
    ordered = sorted(candidates, key=lambda w: (max(map(abs, w)), min(w) < 0, sum(map(abs, w)), w))
    chosen: list[tuple[int, ...]] = []
    for prefer_disjoint in (True, False):
        for weights in ordered:
            if prefer_disjoint and (min(weights) < 0 or max(weights) > 1 or _overlap(weights, chosen)):
                continue
            if len(chosen) < count and _rank([*chosen, weights]) > len(chosen):
                chosen.append(weights)
    return np.array(chosen, dtype=object)


def _combinations(rows: np.ndarray) -> Iterable[np.ndarray]:
    yield from rows
    yield _total(rows)
    if 3 ** len(rows) <= _COMBINATIONS:
        yield from (np.array(c, dtype=object) @ rows for c in product((-1, 0, 1), repeat=len(rows)))
    else:
        yield from (a + sign * b for i, a in enumerate(rows) for b in rows[:i] for sign in (1, -1))


def _total(rows: np.ndarray) -> np.ndarray:
    """All weights 1 where that is conserved, else nothing."""
    ones = np.ones(rows.shape[1], dtype=int).astype(object)
    return ones if _rank([*rows, ones]) == len(rows) else 0 * ones


def _overlap(weights: tuple[int, ...], chosen: list[tuple[int, ...]]) -> bool:
    return any(a and b for other in chosen for a, b in zip(weights, other, strict=True))


def _rank(rows: list) -> int:
    """Rank of integer vectors, exact."""
    reduced = _reduced(np.array(rows, dtype=object))
    return sum(any(row) for row in reduced)
