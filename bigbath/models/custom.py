"""A user's own model, given as QuSpin operator lists."""

from collections import defaultdict
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Symmetry, Term

#: A coupling and the sites it acts on, as QuSpin writes it: [J, i, j, ...].
Coupling = tuple[float | int, ...]


@choice
class DeclaredSymmetry:
    """A symmetry of H in the composite's site numbers: permutation of sites, spin flips, sigma^z signs.

    H_B uses what the same symmetry does to the bath, when it fixes the system's sites and the bath's own strings have it.
    """

    name: str
    permutation: tuple[int, ...] | None = None
    flip: tuple[int, ...] = ()
    sign: tuple[int, ...] = ()


@choice
class Custom:
    """A spin model from QuSpin operator lists: ``[["zz", [[J, i, j], ...]], ...]`` for each of S, B and V.

    Letters are I, x, y, z (Pauli matrices). Sites 0 ... system_sites - 1 are the system, the rest up to L - 1 the
    bath. ``disorder`` adds to a coupling list: ``disorder = [["z", "bath", -1.0, 1.0]]`` draws for each bath site a
    uniform field in [-1, 1] of that letter; equal bounds give the same field everywhere.
    """

    name: Literal["custom"] = "custom"
    L: Annotated[int, Field(ge=2, le=62)]
    system_sites: Annotated[int, Field(ge=1)] = 1
    system: tuple[tuple[str, tuple[Coupling, ...]], ...]
    bath: tuple[tuple[str, tuple[Coupling, ...]], ...]
    interaction: tuple[tuple[str, tuple[Coupling, ...]], ...]
    disorder: tuple[tuple[str, Literal["system", "bath"], float, float], ...] = ()
    symmetries: tuple[DeclaredSymmetry, ...] = ()

    @property
    def disordered(self) -> bool:
        """Whether realizations differ."""
        return bool(self.disorder)

    @model_validator(mode="after")
    def _check(self) -> "Custom":
        if self.system_sites >= self.L:
            raise ValueError(f"system_sites = {self.system_sites} leaves no bath: it must be smaller than L = {self.L}")
        S, L = self.system_sites, self.L
        for part, allowed in (("system", range(S)), ("bath", range(S, L)), ("interaction", range(L))):
            for letters, couplings in getattr(self, part):
                _check_letters(part, letters)
                for coupling in couplings:
                    _check_coupling(part, letters, coupling, allowed)
        for number, (letters, _, low, high) in enumerate(self.disorder):
            _check_letters("disorder", letters)
            if len(letters) != 1:
                raise ValueError(f"disorder: {letters!r} must be one letter, a random field on each site")
            if low > high:
                raise ValueError(f"disorder.{number}: the lower bound comes first, got {low} and {high}")
        if len({s.name for s in self.symmetries}) < len(self.symmetries):
            raise ValueError("symmetries: two have the same name")
        for symmetry in self.symmetries:
            if symmetry.permutation is not None and sorted(symmetry.permutation) != list(range(L)):
                raise ValueError(f"symmetry {symmetry.name!r}: permutation must hold each of 0 ... {L - 1} once")
            for sites in (symmetry.flip, symmetry.sign):
                if any(not 0 <= j < L for j in sites) or len(set(sites)) < len(sites):
                    raise ValueError(f"symmetry {symmetry.name!r}: flip and sign take sites 0 ... {L - 1}, each once")
        return self

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``."""
        S, L = self.system_sites, self.L
        fields: dict[str, tuple[Term, ...]] = {"system": (), "bath": ()}
        for letter, part, low, high in self.disorder:
            sites = range(S) if part == "system" else range(S, L)
            fields[part] += (
                (
                    letter,
                    tuple((value, j) for value, j in zip(stream.uniform(low, high, len(sites)), sites, strict=True)),
                ),
            )
        symmetries = tuple(
            Symmetry(
                name=s.name,
                permutation=s.permutation or tuple(range(L)),
                flip=frozenset(s.flip),
                sign=frozenset(s.sign),
            )
            for s in self.symmetries
        )
        bath = self.bath + fields["bath"]
        return SpinComposite(
            system_sites=S,
            bath_sites=L - S,
            system=self.system + fields["system"],
            bath=bath,
            interaction=self.interaction,
            symmetries=symmetries,
            bath_symmetries=tuple(_on_bath(s, S) for s in symmetries if _is_of_bath(s, S, bath)),
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


def _check_letters(part: str, letters: str) -> None:
    if not letters or set(letters) - set("Ixyz"):
        raise ValueError(f"{part}: {letters!r} is not a Pauli string; use the letters I, x, y, z")


def _check_coupling(part: str, letters: str, coupling: Coupling, allowed: range) -> None:
    if len(coupling) != len(letters) + 1:
        raise ValueError(f"{part}: {letters!r} needs a coupling and {len(letters)} sites, got {list(coupling)}")
    sites = coupling[1:]
    if any(not isinstance(j, int) or j not in allowed for j in sites):
        raise ValueError(
            f"{part}: sites {list(sites)} of {letters!r} must be integers in {allowed.start} ... {allowed.stop - 1}"
        )
    if len(set(sites)) != len(sites):
        raise ValueError(f"{part}: sites {list(sites)} of {letters!r} repeat")
