"""Pauli strings that commute with every string of H: spin flips, parities, single conserved spins."""

from bigbath.conserved.binary import Span, solutions
from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import Fixed
from bigbath.conserved.words import Word, Words, sites_of


def commuting_strings(found: Words, fixed: Fixed) -> tuple[Word, ...]:
    """Strings that commute with H, map the sector onto itself and are not fixed in it; independent ones.

    Null space of the binary symplectic form: n strings cost O(n L) operations on 2 L bits.
    """
    solved = solutions(((fixed.dual(word), b) for word, b in fixed.equations(found)), 2 * fixed.sites)
    assert solved is not None  # homogeneous
    span = Span(fixed.vector(word) for word in fixed.strings)
    return tuple(fixed.word(v) for v in sorted(solved[1], key=lambda v: (v.bit_count(), v)) if span.add(v))


def name_of(word: Word, sites: int) -> str:
    """A string in words or letters."""
    x, z = word
    everything = (1 << sites) - 1
    if (x, z) == (everything, 0):
        return "the flip of all spins (sigma^x of every site)"
    if (x, z) == (0, everything):
        return "the parity (sigma^z of every site)"
    letters = {j: "x" for j in sites_of(x & ~z, sites)}
    letters |= {j: "z" for j in sites_of(z & ~x, sites)} | {j: "y" for j in sites_of(x & z, sites)}
    return " ".join(f"sigma^{a}_{j}" for j, a in sorted(letters.items()))


def find_strings(found: Words, fixed: Fixed) -> tuple[Finding, ...]:
    """Unresolved flips and parities."""
    left = commuting_strings(found, fixed)
    if not left:
        return ()
    names = "; ".join(name_of(word, fixed.sites) for word in left[:3])
    more = f"; and {len(left) - 3} more" if len(left) > 3 else ""
    return (
        Finding(
            name="Pauli string" if len(left) == 1 else "Pauli strings",
            sentence=f"H commutes with {names}{more}, and both signs are in one sector",
        ),
    )
