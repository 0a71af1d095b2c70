"""Pauli strings as words of two bit masks, multiplied and summed exactly.

A word (x, z) has the letter x where only the bit of ``x`` is set, z where only that of ``z`` is, y where both are.
Masks use the basis order of ``models.composite``: site j is bit L-1-j.
"""

from collections.abc import Iterator

from bigbath.errors import JobError
from bigbath.models.composite import Term

#: A Pauli string: (x mask, z mask).
Word = tuple[int, int]
#: Coupling of each word; zeros are left out.
Words = dict[Word, complex]

#: A sum below this, in units of the magnitudes of its summands, is rounding.
ROUNDING = 1e-15

_PHASES = (1, 1j, -1, -1j)


def words(terms: tuple[Term, ...], sites: int) -> Words:
    """The different Pauli strings of ``terms`` with the sums of their couplings.

    A string may name a site twice: its letters are multiplied there. JobError for letters other than I, x, y, z.
    """
    sums: Words = {}
    magnitudes: dict[Word, float] = {}
    for letters, couplings in terms:
        if set(letters) - set("Ixyz"):
            raise JobError(f"{letters!r} is not a Pauli string; use the letters I, x, y, z")
        for coupling, *where in couplings:
            word, phase = _word(letters, where, sites)
            sums[word] = sums.get(word, 0) + phase * coupling
            magnitudes[word] = magnitudes.get(word, 0.0) + abs(coupling)
    return {word: c for word, c in sums.items() if abs(c) > ROUNDING * magnitudes[word]}


def _word(letters: str, where: list, sites: int) -> tuple[Word, complex]:
    x = z = 0
    phase: complex = 1
    for letter, site in zip(letters, where, strict=True):
        bit = 1 << (sites - 1 - int(site.real))
        one = (bit if letter in "xy" else 0, bit if letter in "zy" else 0)
        if (x | z) & bit:
            (x, z), turn = product((x, z), one)
            phase *= turn
        else:
            x, z = x | one[0], z | one[1]
    return (x, z), phase


def product(a: Word, b: Word) -> tuple[Word, complex]:
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
