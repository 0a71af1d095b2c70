"""A user's own model: strings of spin operators, their couplings drawn or given, placed by hand or by generators."""

from collections import defaultdict
from functools import cached_property
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from bigbath.choice import choice
from bigbath.explain import did_you_mean
from bigbath.models.composite import SpinComposite, Symmetry, Term
from bigbath.models.expression import Parameters
from bigbath.models.laws import Uniform
from bigbath.models.letters import pauli_terms, unpaired
from bigbath.models.terms import Layout, Part, QuSpin, Strings, Written, described, written

#: A term as a table, or as QuSpin writes it.
AnyTerm = Annotated[
    Annotated[QuSpin, Tag("list")] | Annotated[Strings, Tag("table")],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "table"),
]


@choice
class DeclaredSymmetry:
    """A symmetry of H in the composite's site numbers: permutation of sites, spin flips, sigma^z signs.

    ``permutation``: a list, "translation" (j -> j + 1 on a ring of all sites) or "reflection" (j -> L - 1 - j); ``flip`` and
    ``sign``: lists, or "all". H_B uses what the same symmetry does to the bath, when it fixes the system's sites and the bath's
    own strings have it.

    >>> import bigbath as bb
    >>> flip = bb.DeclaredSymmetry(name="flip", flip=(0, 1))
    >>> model = bb.Custom(L=2, system=[], bath=[], interaction=[["zz", [[1.0, 0, 1]]]], symmetries=[flip])
    >>> [str(part) for part in bb.sectors(bb.build(bb.draw(model)), use=["flip"])]
    ['flip +1', 'flip -1']
    """

    name: str
    permutation: tuple[int, ...] | Literal["translation", "reflection"] | None = None
    flip: tuple[int, ...] | Literal["all"] = ()
    sign: tuple[int, ...] | Literal["all"] = ()

    def on(self, L: int) -> Symmetry:
        """The symmetry of L sites. ValueError for sites that are not there."""
        everything = tuple(range(L))
        named = {"translation": (*everything[1:], 0), "reflection": everything[::-1], None: everything}
        permutation = self.permutation if isinstance(self.permutation, tuple) else named[self.permutation]
        flip, sign = (everything if sites == "all" else sites for sites in (self.flip, self.sign))
        if sorted(permutation) != list(everything):
            raise ValueError(f"symmetry {self.name!r}: permutation must hold each of 0 ... {L - 1} once")
        for sites in (flip, sign):
            if any(not 0 <= j < L for j in sites) or len(set(sites)) < len(sites):
                raise ValueError(f"symmetry {self.name!r}: flip and sign take sites 0 ... {L - 1}, each once")
        return Symmetry(name=self.name, permutation=permutation, flip=frozenset(flip), sign=frozenset(sign))


@choice
class Custom:
    """A spin model from strings of spin operators: terms with a law of couplings and a placement, or QuSpin's lists.

    ``terms``: each is ``{ string = "zz", bonds = "ring", coupling = 1.0 }`` (see ``Strings``) or ``["zz", [[J, i, j], ...]]``.
    Strings on the sites 0 ... system_sites - 1 are the system's, those on the other sites the bath's, the rest are the
    interaction; ``system``, ``bath``, ``interaction`` take terms that belong there whatever their sites. Couplings may be
    expressions of ``parameters``, as "J/4"; L and pi are parameters too. ``pauli`` = 1 (default), -1 or 0: letters in QuSpin's
    convention of that name, 0 for spin-1/2 operators. ``disorder = [["z", "bath", -1.0, 1.0]]`` draws for each site of a part a
    uniform field between bounds.

    >>> import bigbath as bb
    >>> model = bb.Custom(
    ...     L=3, system=[["z", [[0.5, 0]]]], bath=[["zz", [[1.0, 1, 2]]], ["x", [[0.3, 1]]]], interaction=[["xx", [[0.4, 0, 1]]]]
    ... )
    >>> bb.build(bb.draw(model)).dim
    8
    """

    name: Literal["custom"] = "custom"
    L: Annotated[int, Field(ge=2, le=62)]
    system_sites: Annotated[int, Field(ge=1)] = 1
    terms: tuple[AnyTerm, ...] | None = None
    parameters: dict[str, float] | None = None
    pauli: Literal[-1, 0, 1, True, False] | None = None
    system: tuple[AnyTerm, ...] = ()
    bath: tuple[AnyTerm, ...] = ()
    interaction: tuple[AnyTerm, ...] = ()
    disorder: tuple[tuple[str, Literal["system", "bath"], float, float], ...] = ()
    symmetries: tuple[DeclaredSymmetry, ...] = ()

    @property
    def disordered(self) -> bool:
        """Whether realizations differ."""
        return any(term.is_random for _, term in self._written)

    @model_validator(mode="after")
    def _check(self) -> "Custom":
        if self.system_sites >= self.L:
            raise ValueError(f"system_sites = {self.system_sites} leaves no bath: it must be smaller than L = {self.L}")
        if not self._written:
            raise ValueError("there are no terms: give terms, or system, bath and interaction")
        if len({s.name for s in self.symmetries}) < len(self.symmetries):
            raise ValueError("symmetries: two have the same name")
        for symmetry in self.symmetries:
            symmetry.on(self.L)
        fixed: dict[Part, list] = defaultdict(list)
        for part, term in self._written:
            for letters, place, coupling in term.unpaired():
                fixed[part or self._layout.part_of(place)].append((letters, place, coupling))
        for name, strings in fixed.items():
            if (lonely := unpaired(strings)) is not None:
                raise ValueError(f"{name}: {described(*lonely)}")
        return self

    @cached_property
    def _layout(self) -> Layout:
        names = self.parameters or {}
        if reserved := {"L", "pi"} & set(names):
            raise ValueError(f"parameters.{min(reserved)} is known already: leave it out")
        return Layout(L=self.L, system_sites=self.system_sites, parameters=Parameters({**names, "L": self.L}))

    @cached_property
    def _written(self) -> tuple[tuple[Part | None, Written], ...]:
        """Every term with the part it belongs to, None where its sites decide. ValueError names what is wrong."""
        listed: list[tuple[str, Part | None, Strings | QuSpin]] = []
        for part in get_args(Part):
            listed += [(f"{part}.{number}", part, term) for number, term in enumerate(getattr(self, part))]
        listed += [(f"terms.{number}", None, term) for number, term in enumerate(self.terms or ())]
        for number, (letter, part, low, high) in enumerate(self.disorder):
            if len(letter) != 1:
                raise ValueError(f"disorder.{number}: {letter!r} must be one letter, a random field on each site")
            listed.append((f"disorder.{number}", part, Strings(string=letter, coupling=Uniform(low=low, high=high))))
        found = tuple((part, written(term, where, part, self._layout)) for where, part, term in listed)
        used = self._layout.parameters.used
        if idle := sorted(set(self.parameters or {}) - used):
            raise ValueError(f"parameters.{idle[0]} is in no coupling{did_you_mean(idle[0], used)}")
        return found

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``, term by term: those of the parts, ``terms``, ``disorder``."""
        S, L = self.system_sites, self.L
        drawn: dict[Part, list[Term]] = {part: [] for part in get_args(Part)}
        for part, term in self._written:
            for letters, strings in term.drawn(stream):
                sorted_out: dict[Part, list[tuple[complex, ...]]] = defaultdict(list)
                for coupling, place in strings:
                    sorted_out[part or self._layout.part_of(place)].append((coupling, *place))
                for name, couplings in sorted_out.items():
                    drawn[name].append((letters, tuple(couplings)))
        pauli = 1 if self.pauli is None else int(self.pauli)
        parts = {name: pauli_terms(terms, pauli) for name, terms in drawn.items()}
        symmetries = tuple(s.on(L) for s in self.symmetries)
        return SpinComposite(
            system_sites=S,
            bath_sites=L - S,
            **parts,
            symmetries=symmetries,
            bath_symmetries=tuple(_on_bath(s, S) for s in symmetries if _is_of_bath(s, S, parts["bath"])),
        )


def _is_of_bath(symmetry: Symmetry, S: int, bath: tuple[Term, ...]) -> bool:
    """Whether a symmetry fixes the system's sites, does something to the bath, and leaves the bath's strings as they are."""
    L = len(symmetry.permutation)
    acts = any(symmetry.permutation[j] != j or j in symmetry.flip or j in symmetry.sign for j in range(S, L))
    if symmetry.permutation[:S] != tuple(range(S)) or not acts:
        return False
    before, after = _summed(bath), _summed(bath, symmetry)
    largest = max(map(abs, before.values()), default=0.0)
    return all(abs(before[key] - after[key]) <= 1e-12 * largest for key in {*before, *after})


def _summed(terms: tuple[Term, ...], symmetry: Symmetry | None = None) -> dict[frozenset[tuple[int, str]], complex]:
    """{Pauli matrices by site: coefficient} of strings, or of U times the strings times 1/U."""
    sums: dict[frozenset[tuple[int, str]], complex] = defaultdict(float)
    for letters, couplings in terms:
        for value, *where in couplings:
            matrices = [(int(j.real), a) for j, a in zip(where, letters, strict=True) if a != "I"]
            if symmetry is not None:
                changes = sum(
                    (j in symmetry.flip and a in "yz") + (j in symmetry.sign and a in "xy") for j, a in matrices
                )
                value *= (-1) ** changes
                matrices = [(symmetry.permutation[j], a) for j, a in matrices]
            sums[frozenset(matrices)] += value
    return sums


def _on_bath(symmetry: Symmetry, S: int) -> Symmetry:
    return Symmetry(
        name=symmetry.name,
        permutation=tuple(j - S for j in symmetry.permutation[S:]),
        flip=frozenset(j - S for j in symmetry.flip if j >= S),
        sign=frozenset(j - S for j in symmetry.sign if j >= S),
    )
