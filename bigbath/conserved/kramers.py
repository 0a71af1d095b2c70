"""Antiunitary symmetries: a Pauli string times complex conjugation in the sigma^z basis."""

from bigbath.conserved.binary import solutions
from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import Fixed
from bigbath.conserved.words import Word, Words


def antiunitary(found: Words, fixed: Fixed) -> Word | None:
    """A string P such that P K commutes with H and maps the sector onto itself; None when there is none.

    K takes sigma^y to -sigma^y, so P must anticommute with the strings of an odd number of y. With such a symmetry
    the levels of a sector are those of the orthogonal class (or of Kramers pairs), without any of the unitary class.
    """
    equations = ((fixed.dual(word), (word[0] & word[1]).bit_count() % 2) for word, _ in fixed.equations(found))
    solved = solutions(equations, 2 * fixed.sites)
    return None if solved is None else fixed.word(solved[0])


def find_kramers(found: Words, fixed: Fixed) -> tuple[Finding, ...]:
    """Levels that are degenerate because (P K)^2 = -1: P has an odd number of y.

    Time reversal itself is P = prod_j sigma^y_j: it needs an odd number of spins and strings of even length.
    """
    word = antiunitary(found, fixed)
    if word is None or (word[0] & word[1]).bit_count() % 2 == 0:
        return ()
    return (
        Finding(name="Kramers pairs", sentence="every level is twice degenerate by an antiunitary symmetry (T^2 = -1)"),
    )
