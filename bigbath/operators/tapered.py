"""Symmetries that are Pauli strings, on all configurations: their sectors are those of a Hamiltonian of fewer spins.

A product of sigma^x with the value +1 or -1 tells the states with one spin down from those with it up; a product of sigma^z tells one
spin from the others. Either way that spin is left out of every string (S. Bravyi et al., arXiv 1701.08213, "tapering").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bigbath.conserved.sums import as_terms
from bigbath.conserved.words import Word, Words
from bigbath.models.composite import Term
from bigbath.spaces import Element

#: Coefficients below this, in units of the couplings that are summed, are rounding; those that break a symmetry within which it is
#: verified are dropped too.
ROUNDING, BROKEN = 1e-15, 1e-11


@dataclass(frozen=True, kw_only=True)
class Tapered:
    """``terms`` on ``sites`` spins; ``states`` (2^sites,): the configurations of all spins that its configurations stand for.

    These are the smallest of each orbit, ascending, so that the basis is that of the sector's isometry.
    """

    terms: tuple[Term, ...]
    sites: int
    states: np.ndarray


def tapered(sums: Words, sites: int, symmetries: Sequence[Element]) -> Tapered | None:
    """A real Hamiltonian in the sector of Pauli strings; None where it is complex.

    All strings are kept as (H v)[n] = sum_s c_s (-1)^|n & z_s| v[n ^ x_s].
    """
    if any((x & z).bit_count() % 2 for x, z in sums):
        return None
    strings = [(x, z, value.real * (-1) ** ((x & z).bit_count() // 2)) for (x, z), value in sums.items()]
    fixed: list[tuple[int, tuple[int, int, float]]] = []
    left = [(s.x, s.z, float(s.factor)) for s in symmetries]
    while left:
        symmetry, *left = left
        if symmetry[:2] == (0, 0):
            continue
        bit = symmetry[0].bit_length() - 1 if symmetry[0] else (symmetry[1] & -symmetry[1]).bit_length() - 1
        fixed.append((bit, symmetry))
        left = [_without(bit, symmetry, other) for other in left]
        strings = [_without(bit, symmetry, string) for string in strings]
    found = _words(strings)
    fewer = sites - len(fixed)
    return None if found is None else Tapered(terms=as_terms(found, fewer), sites=fewer, states=_states(fewer, fixed))


def _without(bit: int, symmetry: tuple[int, int, float], string: tuple[int, int, float]) -> tuple[int, int, float]:
    """A string on states that keep v[n ^ x] = k (-1)^|n & z| v[n], ``symmetry`` = (x, z, k), with ``bit`` left out."""
    (x, z, k), (flips, signs, value) = symmetry, string
    if not x and signs >> bit & 1:
        signs, value = signs ^ z, value * k
    if x and flips >> bit & 1:
        flips ^= x
        signs, value = signs ^ z, value * k * (-1) ** (flips & z).bit_count()
    return _removed(flips, bit), _removed(signs, bit), value


def _removed(mask: int, bit: int) -> int:
    return mask >> bit + 1 << bit | mask & (1 << bit) - 1


def _words(strings: list[tuple[int, int, float]]) -> Words | None:
    """The coefficients of Pauli strings; None where the sum is not symmetric."""
    totals: dict[Word, float] = {}
    sizes: dict[Word, float] = {}
    for x, z, value in strings:
        totals[x, z] = totals.get((x, z), 0.0) + value
        sizes[x, z] = sizes.get((x, z), 0.0) + abs(value)
    odd = {word for word in totals if (word[0] & word[1]).bit_count() % 2}
    if any(abs(totals[word]) > BROKEN * sizes[word] for word in odd):
        return None
    kept = {word: value for word, value in totals.items() if word not in odd and abs(value) > ROUNDING * sizes[word]}
    return {(x, z): complex(value * (-1) ** ((x & z).bit_count() // 2)) for (x, z), value in kept.items()}


def _states(sites: int, fixed: list[tuple[int, tuple[int, int, float]]]) -> np.ndarray:
    states = np.arange(2**sites)
    for bit, (x, z, k) in reversed(fixed):
        states = states >> bit << bit + 1 | states & (1 << bit) - 1
        if not x:
            states |= (np.bitwise_count(states & z).astype(np.int64) + (k < 0) & 1) << bit
    return states
