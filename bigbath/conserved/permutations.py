"""Permutations of sites, alone or times a Pauli string, that commute with H and that no sector resolves."""

from collections.abc import Iterable, Iterator

from bigbath.conserved.binary import solutions
from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import EQUAL, Fixed
from bigbath.conserved.words import Word, Words, bits
from bigbath.models.composite import Symmetry

_Permutation = tuple[int, ...]


def candidates(sites: int, system_sites: int) -> Iterator[tuple[str, _Permutation]]:
    """What is tried: reflections and shifts of the ring of all sites and of the bath's, exchanges of two sites."""
    for first, of in ((0, "all sites"), (system_sites, "the bath's sites")):
        n = sites - first
        before = tuple(range(first))
        for c in range(n):
            yield f"reflection of {of}", (*before, *(first + (c - 1 - j) % n for j in range(n)))
        for shift in range(1, n // 2 + 1):
            yield f"translation of {of} by {shift}", (*before, *(first + (j + shift) % n for j in range(n)))
    for i in range(sites):
        for j in range(i):
            swapped = list(range(sites))
            swapped[i], swapped[j] = j, i
            yield f"exchange of the sites {j} and {i}", tuple(swapped)


def commutes(permutation: _Permutation, found: Words, fixed: Fixed, *, conjugated: bool = False) -> bool:
    """Whether the permutation times some Pauli string commutes with H and maps the sector onto itself.

    ``conjugated``: the same times complex conjugation, which turns the sign of every sigma^y.

    The string must turn the signs that the permutation leaves wrong: linear equations over the two-element field.
    """
    moved_bit = {fixed.mask((j,)): fixed.mask((target,)) for j, target in enumerate(permutation)}

    def image(word: Word) -> Word:
        x, z = (sum(moved_bit[bit] for bit in bits(mask)) for mask in word)
        return x, z

    def turned(word: Word) -> int:
        return (word[0] & word[1]).bit_count() % 2 if conjugated else 0

    equations = []
    for word, coupling in found.items():
        other = found.get(image(word))
        if other is None or abs(abs(other) - abs(coupling)) > EQUAL * abs(coupling):
            return False
        equations.append((fixed.dual(word), int(abs(other - coupling) > abs(coupling)) ^ turned(word)))
    equations += [(fixed.dual(word), turned(word)) for word in fixed.strings if image(word) == word]
    for charge, value in fixed.charges:
        moved = [0] * fixed.sites
        for j, target in enumerate(permutation):
            moved[target] = charge.weights[j]
        sign = {tuple(moved): 0}.get(charge.weights, 1 if tuple(-w for w in moved) == charge.weights else None)
        masks = [fixed.mask((j,)) for j in charge.sites]
        if sign is not None and not fixed.can_vanish(charge, value):
            equations += [(fixed.dual((0, mask)), sign) for mask in masks]
        elif sign is not None:
            equations += [(fixed.dual((0, a | b)), 0) for a, b in zip(masks[:-1], masks[1:], strict=True)]
    return solutions(equations, 2 * fixed.sites) is not None


def find_permutations(
    found: Words, fixed: Fixed, system_sites: int, declared: Iterable[Symmetry], *, is_real_h: bool
) -> tuple[Finding, ...]:
    """The first unresolved permutation among the declared ones and the candidates."""
    if not found:
        return ()
    named = [(f"symmetry {s.name!r}, which is declared and not used", s.permutation) for s in declared]
    for name, permutation in (*named, *candidates(fixed.sites, system_sites)):
        if permutation in fixed.permutations or leaves_sector(permutation, fixed, is_real_h=is_real_h):
            continue
        if commutes(permutation, found, fixed):
            sentence = f"H commutes with the {name}, alone or times a Pauli string, and its values share a sector"
            return (Finding(name="permutation of sites", sentence=sentence),)
    return ()


def find_momentum(fixed: Fixed, *, is_real_h: bool) -> tuple[Finding, ...]:
    """Real sectors that hold the momenta +k and -k with no reflection to tell them apart.

    A complex H has none: its sectors have one signed momentum, or a reflection.
    """
    translations = _translations(fixed)
    if not translations or not is_real_h or _are_reversed(fixed, translations):
        return ()
    if all(2 * fixed.labels.get(s.name, 1) % _order(s.permutation) == 0 for s in translations):
        return ()
    names = ", ".join(f"|{s.name}|" for s in translations)
    sentence = f"sectors of {names} join the momenta +k and -k, and no reflection among the symmetries used parts them"
    return (Finding(name="momentum pairs", sentence=sentence),)


def leaves_sector(permutation: _Permutation, fixed: Fixed, *, is_real_h: bool, conjugated: bool = False) -> bool:
    """Whether a permutation, or one times complex conjugation, leads from a signed momentum to the opposite one.

    Then it pairs two sectors and says nothing about the levels of one. A momentum without a value may be 0.
    """
    translations = _translations(fixed)
    if is_real_h or _are_reversed(fixed, translations):
        return False
    for s in translations:
        back = _inverse(permutation)
        moved = tuple(permutation[s.permutation[j]] for j in back)
        target = _inverse(moved) if conjugated else moved
        is_own_opposite = 2 * fixed.labels.get(s.name, 0) % _order(s.permutation) == 0
        if target == _inverse(s.permutation) and not is_own_opposite:
            return True
        if conjugated and target not in (s.permutation, _inverse(s.permutation)):
            return True  # to sectors of other translations
    return False


def _translations(fixed: Fixed) -> list[Symmetry]:
    return [s for s in fixed.symmetries if _inverse(s.permutation) != s.permutation]


def _are_reversed(fixed: Fixed, translations: list[Symmetry]) -> bool:
    """Whether a symmetry that is used turns all translations round."""
    return any(all(reverses(r, s.permutation) for s in translations) for r in fixed.symmetries)


def _inverse(permutation: _Permutation) -> _Permutation:
    result = [0] * len(permutation)
    for j, target in enumerate(permutation):
        result[target] = j
    return tuple(result)


def reverses(reflection: Symmetry, translation: _Permutation) -> bool:
    """Whether R T = T^-1 R."""
    r, inverse = reflection.permutation, _inverse(translation)
    if any({translation[j] for j in part} != part for part in (reflection.flip, reflection.sign)):
        return False
    return all(r[translation[j]] == inverse[r[j]] for j in range(len(r)))


def _order(permutation: _Permutation) -> int:
    power, order = permutation, 1
    while power != tuple(range(len(permutation))):
        power, order = tuple(permutation[j] for j in power), order + 1
    return order
