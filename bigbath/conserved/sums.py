"""Hermitian sums of Pauli strings: as terms again, and under symmetries."""

from collections import defaultdict
from collections.abc import Mapping

from bigbath.conserved.words import ROUNDING, Word
from bigbath.models.composite import Symmetry, Term


def is_hermitian(sums: Mapping[Word, complex]) -> bool:
    """Whether every coefficient is real, but for rounding."""
    return all(abs(value.imag) <= 4 * ROUNDING * abs(value) for value in sums.values())


def is_real(sums: Mapping[Word, complex]) -> bool:
    """Whether a Hermitian sum is a real matrix: every string has an even number of sigma^y."""
    return all((x & z).bit_count() % 2 == 0 for x, z in sums)


def as_terms(sums: Mapping[Word, complex], sites: int) -> tuple[Term, ...]:
    """A Hermitian sum as terms with the letters x, y, z and real couplings."""
    terms: dict[str, list[tuple[complex, ...]]] = defaultdict(list)
    for (x, z), value in sums.items():
        where = [j for j in range(sites) if (x | z) >> (sites - 1 - j) & 1] or [0]
        bits = [(x >> (sites - 1 - j) & 1, z >> (sites - 1 - j) & 1) for j in where]
        letters = "".join({(0, 0): "I", (1, 0): "x", (1, 1): "y", (0, 1): "z"}[bit] for bit in bits)
        terms[letters].append((value.real, *where))
    return tuple((letters, tuple(couplings)) for letters, couplings in terms.items())


def image(word: Word, symmetry: Symmetry, sites: int) -> tuple[Word, int]:
    """U P U^-1 of a word P under a symmetry: a word and its sign."""
    x, z = word
    sign, moved_x, moved_z = 1, 0, 0
    for site, target in enumerate(symmetry.permutation):
        place, new = sites - 1 - site, sites - 1 - target
        in_x, in_z = x >> place & 1, z >> place & 1
        if (in_z and site in symmetry.flip) != (in_x and site in symmetry.sign):
            sign = -sign
        moved_x |= in_x << new
        moved_z |= in_z << new
    return (moved_x, moved_z), sign


def broken_by(sums: Mapping[Word, complex], symmetry: Symmetry, sites: int) -> float:
    """Largest relative difference of a coefficient of H and the same one of U H U^-1: rounding for a symmetry of H."""
    worst = 0.0
    for word, value in sums.items():
        target, sign = image(word, symmetry, sites)
        other = sums.get(target, 0.0)
        worst = max(worst, abs(other - sign * value) / max(abs(value), abs(other)))
    return worst
