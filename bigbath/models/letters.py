"""Strings of spin operators, also with sigma^+, sigma^-, n, as Pauli strings with real couplings."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from math import prod

from bigbath.models.composite import Term

#: The letters of Pauli matrices, which are Hermitian each, and all letters.
PAULI, ALL = "Ixyz", "Ixyz+-n"
#: sigma^+, sigma^- and n in one string: each doubles the number of Pauli strings.
MOST = 12
#: A sum below this, in units of the magnitudes of its summands, is rounding.
ROUNDING = 1e-15

_CONJUGATE = str.maketrans("+-", "-+")

#: Strings of letters on sites, each with its coupling: ("+-", (0, 1), 0.5).
Strings = Iterable[tuple[str, tuple[int, ...], complex]]


def conjugate(letters: str) -> str:
    """The string whose product is the Hermitian conjugate, on the same sites."""
    return letters.translate(_CONJUGATE)


def factors(pauli: int) -> dict[str, tuple[tuple[str, complex], ...]]:
    """Each letter as a sum of Pauli matrices, (letter, coefficient), in QuSpin's conventions.

    ``pauli`` = 1: x, y, z are Pauli matrices and + = x + i y = 2 |up><down|; -1: the same, but + = |up><down|; 0: spin-1/2
    operators, x = sigma^x/2 and so on, + = |up><down|. In each, n = |up><up|.
    """
    one, ladder = (0.5 if pauli == 0 else 1.0), (1.0 if pauli == 1 else 0.5)
    return {
        "I": (("I", 1.0),),
        **{letter: ((letter, one),) for letter in "xyz"},
        "+": (("x", ladder), ("y", 1j * ladder)),
        "-": (("x", ladder), ("y", -1j * ladder)),
        "n": (("I", 0.5), ("z", 0.5)),
    }


def pauli_terms(terms: Iterable[Term], pauli: int) -> tuple[Term, ...]:
    """Terms of a Hermitian sum as Pauli strings with real couplings.

    Strings of I, x, y, z stay as they are, but for the factors of spin-1/2 operators; the others are summed.
    """
    table = factors(pauli)
    plain: list[Term] = []
    sums: dict[tuple[str, tuple], complex] = defaultdict(complex)
    magnitudes: dict[tuple[str, tuple], float] = defaultdict(float)
    for letters, couplings in terms:
        if not set(letters) - set(PAULI):
            factor = prod(table[letter][0][1] for letter in letters)
            plain.append((letters, tuple((float((c[0] * factor).real), *c[1:]) for c in couplings)))
            continue
        for combination in product(*(table[letter] for letter in letters)):
            word, factor = "".join(letter for letter, _ in combination), prod(c for _, c in combination)
            for coupling, *where in couplings:
                key = word, tuple(where)
                sums[key] += factor * coupling
                magnitudes[key] += abs(factor * coupling)
    summed: dict[str, list[tuple[complex, ...]]] = defaultdict(list)
    for key, coupling in sums.items():
        if abs(coupling.real) > ROUNDING * magnitudes[key]:
            summed[key[0]].append((coupling.real, *key[1]))
    return (*plain, *((word, tuple(couplings)) for word, couplings in summed.items()))


def unpaired(strings: Strings) -> tuple[str, tuple[int, ...], complex] | None:
    """A string whose Hermitian conjugate is not among the others, with what of its coupling is left; None without any."""
    sums: dict[frozenset[tuple[int, str]], complex] = defaultdict(complex)
    magnitudes: dict[frozenset[tuple[int, str]], float] = defaultdict(float)
    examples: dict[frozenset[tuple[int, str]], tuple[str, tuple[int, ...]]] = {}
    for letters, where, coupling in strings:
        key = frozenset((j, a) for j, a in zip(where, letters, strict=True) if a != "I")
        sums[key] += coupling
        magnitudes[key] += abs(coupling)
        examples.setdefault(key, (letters, where))
    for key, coupling in sums.items():
        other = frozenset((j, conjugate(a)) for j, a in key)
        left = coupling - sums.get(other, 0.0).conjugate()
        if abs(left) > 4 * ROUNDING * (magnitudes[key] + magnitudes.get(other, 0.0)):
            return *examples[key], left
    return None
