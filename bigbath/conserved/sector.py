"""What a sector fixes: the values of strings, charges and permutations of sites."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bigbath.conserved.binary import Span
from bigbath.conserved.charges import Charge
from bigbath.conserved.words import Word, Words, words
from bigbath.models.composite import Symmetry, Term

#: Permutations that are listed of a group of used ones.
_LARGEST_GROUP = 5000
#: Couplings that differ by less than this, in units of the larger, are equal.
EQUAL = 1e-13


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What is fixed in the sector(s) whose levels are to be used.

    ``symmetries``: those that label the sectors. ``labels``: the values of some of them, as {"momentum": 0}; a
    symmetry without a value has any. ``charges``: pairs (charge, its value, or None for any).
    """

    sites: int
    symmetries: tuple[Symmetry, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)
    charges: tuple[tuple[Charge, int | None], ...] = ()

    def mask(self, chosen: frozenset[int] | tuple[int, ...]) -> int:
        """Bit mask of sites."""
        return sum(1 << (self.sites - 1 - j) for j in chosen)

    def vector(self, word: Word) -> int:
        """A string as a vector over the two-element field."""
        return word[0] << self.sites | word[1]

    def word(self, vector: int) -> Word:
        """The string of such a vector."""
        return vector >> self.sites, vector & ((1 << self.sites) - 1)

    def dual(self, word: Word) -> int:
        """The vector a with parity(a & vector(p)) = 0 for the strings p that commute with ``word``."""
        return word[1] << self.sites | word[0]

    @cached_property
    def strings(self) -> tuple[Word, ...]:
        """Strings whose value is fixed: flips and signs, products of symmetries with the same permutation, and the
        parity of the sites that a charge counts with odd weights.
        """
        first: dict[tuple[int, ...], Word] = {tuple(range(self.sites)): (0, 0)}
        found = []
        for s in self.symmetries:
            word = self.mask(s.flip), self.mask(s.sign)
            known = first.setdefault(s.permutation, word)
            found.append((word[0] ^ known[0], word[1] ^ known[1]))
        found += [(0, self.mask(tuple(j for j, w in enumerate(c.weights) if w % 2))) for c, _ in self.charges]
        return tuple(word for word in found if word != (0, 0))

    @cached_property
    def span(self) -> Span:
        """The group of the fixed strings."""
        return Span(self.vector(word) for word in self.strings)

    def can_vanish(self, charge: Charge, value: int | None) -> bool:
        """Whether a sector with Q = 0 is among those meant."""
        return value == 0 if value is not None else sum(charge.weights) % 2 == 0

    @cached_property
    def kept(self) -> tuple[Word, ...]:
        """Strings that a flip must commute with to map the sector onto itself.

        A charge that is not 0 allows no flip of its sites; one that is 0 allows to flip all of them.
        """
        found = list(self.strings)
        for charge, value in self.charges:
            masks = [self.mask((j,)) for j in charge.sites]
            if self.can_vanish(charge, value):
                found += [(0, a | b) for a, b in zip(masks[:-1], masks[1:], strict=True)]
            else:
                found += [(0, mask) for mask in masks]
        return tuple(found)

    @cached_property
    def permutations(self) -> frozenset[tuple[int, ...]]:
        """The group of the permutations of sites among the symmetries."""
        generators = [s.permutation for s in self.symmetries]
        group = {tuple(range(self.sites))}
        new = list(group)
        while new and len(group) < _LARGEST_GROUP:
            products = {tuple(g[j] for j in p) for p in new for g in generators} - group
            group |= products
            new = list(products)
        return frozenset(group)

    def content(self, terms: tuple[Term, ...]) -> Words:
        """The strings of H that are not a number in the sector, with their couplings.

        Left out: the identity, fixed strings, and fields sum_j h_j sigma^z_j that are a multiple of a fixed charge.
        """
        found = words(terms, self.sites)
        for charge, _ in self.charges:
            on_sites = [(0, self.mask((j,))) for j in charge.sites]
            ratios = np.array([complex(found.get(w, 0)) for w in on_sites]) / [charge.weights[j] for j in charge.sites]
            if np.abs(ratios - ratios[0]).max() <= EQUAL * np.abs(ratios).max():
                found = {w: c for w, c in found.items() if w not in on_sites}
        return {w: c for w, c in found.items() if self.span.remainder(self.vector(w))}

    def equations(self, found: Words) -> Iterator[tuple[Word, int]]:
        """Every string that must be kept: (string, 0), of H and of the sector."""
        yield from ((word, 0) for word in found)
        yield from ((word, 0) for word in self.kept)


def keeps(symmetry: Symmetry, charges: tuple[Charge, ...], values: tuple[int, ...]) -> bool:
    """Whether a symmetry maps the configurations with these values of the charges onto themselves.

    Q of the image of a configuration must be a combination of the charges, and have the same value.
    """
    if not charges:
        return True
    weights = np.array([c.weights for c in charges], dtype=float)
    sign = np.array([-1 if j in symmetry.flip else 1 for j in range(weights.shape[1])])
    images = weights[:, list(symmetry.permutation)] * sign
    combination = np.linalg.lstsq(weights.T, images.T)[0]
    inside = np.abs(weights.T @ combination - images.T).max() < 1e-9
    return bool(inside and np.abs(np.array(values) @ combination - values).max() < 1e-9)
