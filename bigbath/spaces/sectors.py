"""All sectors of a model: values of its charges, and in each the joint eigenspaces of its symmetries.

QuSpin's symmetric bases label sectors by one-dimensional representations. The ring's reflection and translations do
not commute, and p_n is only well defined in a reflection-resolved basis, so the sectors of a real H are the joint real
eigenspaces of every involution and of T + 1/T of the translation: real matrices, exact +-momentum pairs split. Several
translations are joined as (k1, k2 ...) with (-k1, -k2 ...).

The momenta k and -k of a complex H differ in energy, unless a reflection that is used turns one into the other: then
they are joined in the same way. Without such a reflection the sectors are the complex eigenspaces of each T.
"""

from collections.abc import Mapping
from itertools import combinations, product
from typing import Protocol

import numpy as np

from bigbath.choice import choice
from bigbath.conserved.charges import Charge
from bigbath.conserved.permutations import reverses
from bigbath.conserved.sums import broken_by, is_real
from bigbath.conserved.words import Word
from bigbath.errors import JobError, SymmetryError
from bigbath.explain import did_you_mean
from bigbath.models.composite import Symmetry
from bigbath.spaces.actions import Action, action, order_of
from bigbath.spaces.charges import dimensions, label
from bigbath.spaces.element import Element
from bigbath.spaces.isometry import isometry
from bigbath.spaces.sector import Sector
from bigbath.spaces.space import Everything, FixedCharges, Space

#: More sectors than this by charges that were found, not asked for, are too many: the total magnetisation remains.
MOST = 400

#: Relative difference of couplings at which a symmetry counts as broken.
BROKEN = 1e-12


class Described(Protocol):
    """A Hamiltonian as far as its sectors need it: ``sums`` are its Pauli strings, ``charges`` those it conserves."""

    @property
    def dim(self) -> int:
        """Number of all configurations."""

    @property
    def sites(self) -> int:
        """Number of spins, 0 for a matrix."""

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Declared symmetries."""

    @property
    def charges(self) -> tuple[Charge, ...]:
        """Conserved charges."""

    @property
    def sums(self) -> Mapping[Word, complex]:
        """Pauli strings."""


def symmetry_names(h: Described) -> tuple[str, ...]:
    """Names of the symmetries that the model declares."""
    return tuple(s.name for s in h.symmetries)


def charge_names(h: Described) -> tuple[str, ...]:
    """Names of the charges that the model's strings conserve, as they label its sectors."""
    return tuple(label(c) for c in h.charges)


@choice
class _Chosen:
    """Names of charges and symmetries, and labels of sectors."""

    use: tuple[str, ...] | None
    only: dict[str, int] | None


def sectors(
    h: Described, *, use: tuple[str, ...] | None = None, only: dict[str, int] | None = None
) -> tuple[Sector, ...]:
    """All sectors of the charges and symmetries named in ``use`` (None: all), or those that ``only`` selects.

    A symmetry that leads from one value of the charges to another (a spin flip at magnetisation 1) is not used there.
    Each symmetry is verified on the strings; symmetries must have common sectors, and the dimensions sum to D;
    else SymmetryError. JobError for a name or a label that does not exist. Cost: O(d |G|) for a space of d states.

    >>> import bigbath as bb
    >>> [(str(part), part.dim) for part in bb.sectors(bb.build(bb.draw(bb.XXZ(L=4, W=1.0))))][:2]
    [('magnetisation +4', 1), ('magnetisation +2', 4)]
    """
    if not hasattr(type(h), "sums"):
        raise JobError(f"sectors are those of a Hamiltonian, as build(draw(model)), not of a {type(h).__name__}")
    chosen = _Chosen(use=use, only=only)
    use, only = chosen.use, chosen.only or {}
    names = _names(h, use, only)
    charges = _charges(h, use, only)
    symmetries = [s for s in h.symmetries if s.name in names]
    for symmetry in symmetries:
        order_of(symmetry, h.sites)
        if (broken := broken_by(h.sums, symmetry, h.sites)) > BROKEN:
            raise SymmetryError(
                f"the declared symmetry {symmetry.name!r} does not commute with H: it changes a coupling by {broken:.1e} "
                "of itself"
            )
    is_real_h = is_real(h.sums)
    found, filled = [], 0
    for labels, space in _spaces(h, charges, only):
        found += _parts(labels, h.dim, space, symmetries, h.sites, only, is_real_h=is_real_h)
        filled += space.dim
    if not found:
        values = {
            label(c): sorted({v[i] for v in dimensions(charges, h.sites)}, reverse=True) for i, c in enumerate(charges)
        } | {s.name: [1, -1] if order_of(s, h.sites) == 2 else list(range(order_of(s, h.sites))) for s in symmetries}
        raise JobError(f"no sector has the labels {only}; possible: {values}")
    if not only and filled != h.dim:
        raise SymmetryError(f"the sectors of {', '.join(names)} hold {filled} states, not {h.dim}")
    return tuple(found)


def _names(h: Described, use: tuple[str, ...] | None, only: dict[str, int]) -> tuple[str, ...]:
    """Names to use; JobError for one that does not exist."""
    known = symmetry_names(h) + charge_names(h)
    for key, name in (*(("symmetries", name) for name in use or ()), *((f"sector.{name}", name) for name in only)):
        if name not in known and not (name == "magnetisation" and _total(h)):
            listed = ", ".join(known) or "it has none"
            raise JobError(f"{key}: {name!r} is not one of this model's: {listed}{did_you_mean(name, known)}")
    return tuple(n for n in known if use is None or n in use or n in only)


def _total(h: Described) -> Charge | None:
    """The total magnetisation, if it is a sum of the charges that are conserved."""
    whole = np.ones(h.sites)
    weights = np.array([c.weights for c in h.charges]).reshape(len(h.charges), h.sites).T
    if not h.charges or not h.sites or np.abs(weights @ np.linalg.lstsq(weights, whole)[0] - whole).max() > 1e-9:
        return None
    return Charge((1,) * h.sites)


def _charges(h: Described, use: tuple[str, ...] | None, only: dict[str, int]) -> tuple[Charge, ...]:
    """The charges whose values label the sectors."""
    total = _total(h)
    asked = {*(use or ()), *only}
    chosen = tuple(c for c in h.charges if use is None or label(c) in asked)
    if use is None and len(dimensions(chosen, h.sites)) > MOST:
        chosen = tuple(c for c in h.charges if label(c) in asked)
        chosen += () if total is None or "magnetisation" in asked else (total,)
    if "magnetisation" in asked and total is not None and label(total) not in {label(c) for c in chosen}:
        chosen = (total, *chosen)
    return chosen


def spaces_of(
    h: Described, *, use: tuple[str, ...] | None = None, only: dict[str, int] | None = None
) -> tuple[Space, ...]:
    """The spaces of configurations that the sectors are parts of, from a count alone: no state is listed."""
    return tuple(space for _, space in _spaces(h, _charges(h, use, only or {}), only or {}))


def _spaces(
    h: Described, charges: tuple[Charge, ...], only: dict[str, int]
) -> list[tuple[tuple[tuple[str, int], ...], Space]]:
    """The space of each value of the charges that ``only`` allows, with its labels."""
    if not charges:
        return [((), Everything(h.dim))]
    names = tuple(label(c) for c in charges)
    labelled = [
        (tuple(zip(names, values, strict=True)), FixedCharges(sites=h.sites, charges=charges, values=values))
        for values in dimensions(charges, h.sites)
    ]
    return [(labels, space) for labels, space in labelled if all(v == only.get(name, v) for name, v in labels)]


def _parts(
    labels: tuple[tuple[str, int], ...],
    whole: int,
    space: Space,
    symmetries: list[Symmetry],
    sites: int,
    only: dict[str, int],
    *,
    is_real_h: bool,
) -> list[Sector]:
    """The sectors of one space: all of it, or the parts that the symmetries which keep it single out."""
    found = [a for a in (action(s, space, sites) for s in symmetries) if a is not None]
    missing = {s.name for s in symmetries} - {a.symmetry.name for a in found}
    if missing & set(only):
        return []
    if not found:
        return [Sector(labels=labels, whole=whole, space=space)] if space.dim else []
    joined = is_real_h or _reversed(found)
    momenta = tuple(a.symmetry.name for a in found if a.is_translation)
    _require_common_sectors(found, space.dim, joined=joined)
    parts, total = [], 0
    for values in product(*(a.values for a in found)):
        opposite = tuple(a.opposite(v) for a, v in zip(found, values, strict=True)) if joined else values
        own, same = (tuple(zip((a.symmetry.name for a in found), v, strict=True)) for v in (values, opposite))
        is_asked = any(all(value == only.get(name, value) for name, value in pairs) for pairs in (own, same))
        if _momenta(found, opposite) < _momenta(found, values) or not is_asked:
            continue
        columns = isometry(space.dim, found, values, joined=joined)
        elements = () if momenta else tuple(Element.of(a.symmetry, v) for a, v in zip(found, values, strict=True))
        sector = Sector(
            labels=labels + own, whole=whole, space=space, isometry=columns, momenta=momenta, joined=joined, elements=elements
        )  # fmt: skip
        total += sector.dim
        if sector.dim:
            parts.append(sector)
    if not only and total != space.dim:
        raise SymmetryError(
            f"the sectors of {', '.join(a.symmetry.name for a in found)} hold {total} states, not {space.dim}"
        )
    return parts


def _momenta(actions: list[Action], values: tuple[int, ...]) -> tuple[int, ...]:
    """The labels of the translations alone."""
    return tuple(v for a, v in zip(actions, values, strict=True) if a.is_translation)


def _reversed(actions: list[Action]) -> bool:
    """Whether an involution among the actions turns every translation T into 1/T, and so k into -k."""
    translations = [a.symmetry for a in actions if a.is_translation]
    involutions = [a.symmetry for a in actions if not a.is_translation]
    return any(all(reverses(r, t.permutation) for t in translations) for r in involutions)


def _require_common_sectors(actions: list[Action], dim: int, *, joined: bool) -> None:
    """SymmetryError unless all pairs have common sectors.

    Translations must commute. Where k and -k are joined, U_a + 1/U_a and U_b + 1/U_b must commute for all pairs, and an
    involution with T_a T_b + 1/(T_a T_b); else U_a and U_b must commute.
    """
    x = np.random.default_rng(0).standard_normal(dim)

    def part(u: Action, v: np.ndarray) -> np.ndarray:
        return u(v) + u.inverse(v) if joined else u(v)

    def of_two(t: Action, u: Action, v: np.ndarray) -> np.ndarray:
        return t(u(v)) + t.inverse(u.inverse(v))

    def require(a: Action, b: Action, difference: np.ndarray) -> None:
        if np.linalg.norm(difference) > 1e-10 * np.linalg.norm(x):
            kind = "real sectors" if joined else "sectors of signed momentum"
            raise SymmetryError(
                f"the symmetries {a.symmetry.name!r} and {b.symmetry.name!r} have no common {kind}; use one of them"
            )

    for a, b in combinations(actions, 2):
        require(a, b, part(a, part(b, x)) - part(b, part(a, x)))
        if a.is_translation and b.is_translation:
            require(a, b, a(b(x)) - b(a(x)))
            for u in actions:
                if joined and not u.is_translation:
                    require(a, u, of_two(a, b, u(x)) - u(of_two(a, b, x)))
