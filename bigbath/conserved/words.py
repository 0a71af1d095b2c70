"""Pauli strings as words of two bit masks, multiplied and summed exactly.

A word (x, z) has the letter x where only the bit of ``x`` is set, z where only that of ``z`` is, y where both are.
Masks use the basis order of ``models.composite``: site j is bit L-1-j.
"""

from collections.abc import Iterator
from itertools import product
from math import prod

from bigbath.errors import JobError
from bigbath.models.composite import Term

#: A Pauli string: (x mask, z mask).
Word = tuple[int, int]
#: Coupling of each word; zeros are left out.
Words = dict[Word, complex]

#: A sum below this, in units of the magnitudes of its summands, is rounding.
ROUNDING = 1e-15

_PHASES = (1, 1j, -1, -1j)

#: Each letter as a sum of Pauli matrices: (letter, coefficient).
_LETTERS: dict[str, tuple[tuple[str, complex], ...]] = {
    **{letter: ((letter, 1),) for letter in "Ixyz"},
    "+": (("x", 1), ("y", 1j)),
    "-": (("x", 1), ("y", -1j)),
    "n": (("I", 0.5), ("z", 0.5)),
}


def words(terms: tuple[Term, ...], sites: int) -> Words:
    """The different Pauli strings of ``terms`` with the sums of their couplings.

    Letters are QuSpin's for Pauli matrices: I, x, y, z, + = x + i y, - = x - i y; and n = (1 + z)/2. A string may name a
    site twice: its letters are multiplied there. JobError for other letters. Cost: 2^m for m letters +, -, n.
    """
    sums: Words = {}
    magnitudes: dict[Word, float] = {}
    for letters, couplings in terms:
        if set(letters) - set(_LETTERS):
            raise JobError(f"{letters!r} is not a string of spin operators; use the letters I, x, y, z, +, -, n")
        for combination in product(*(_LETTERS[letter] for letter in letters)):
            pauli, factor = "".join(letter for letter, _ in combination), prod(c for _, c in combination)
            for coupling, *where in couplings:
                word, phase = _word(pauli, where, sites)
                sums[word] = sums.get(word, 0) + phase * factor * coupling
                magnitudes[word] = magnitudes.get(word, 0.0) + abs(factor * coupling)
    return {word: c for word, c in sums.items() if abs(c) > ROUNDING * magnitudes[word]}


def _word(letters: str, where: list, sites: int) -> tuple[Word, complex]:
    x = z = 0
    phase: complex = 1
    for letter, site in zip(letters, where, strict=True):
        bit = 1 << (sites - 1 - int(site.real))
        one = (bit if letter in "xy" else 0, bit if letter in "zy" else 0)
        if (x | z) & bit:
            (x, z), turn = times((x, z), one)
            phase *= turn
        else:
            x, z = x | one[0], z | one[1]
    return (x, z), phase


def times(a: Word, b: Word) -> tuple[Word, complex]:
    """The word c and the phase (1, i, -1, -i) with a b = phase c."""
    x, z = a[0] ^ b[0], a[1] ^ b[1]
    power = (a[0] & a[1]).bit_count() + (b[0] & b[1]).bit_count() - (x & z).bit_count() + 2 * (a[1] & b[0]).bit_count()
    return (x, z), _PHASES[power % 4]


def commute(a: Word, b: Word) -> bool:
    """Whether two Pauli strings commute; if not, they anticommute."""
    return ((a[0] & b[1]).bit_count() + (a[1] & b[0]).bit_count()) % 2 == 0


def bits(mask: int) -> Iterator[int]:
    """The set bits of a mask, each as a mask, from the lowest."""
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit


def sites_of(mask: int, sites: int) -> tuple[int, ...]:
    """Site numbers of the set bits, ascending."""
    return tuple(sorted(sites - bit.bit_length() for bit in bits(mask)))
