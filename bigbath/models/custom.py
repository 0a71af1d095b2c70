"""A user's own model, given as QuSpin operator lists."""

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

    The same symmetry is used for H_B when it fixes the system's sites.
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
    uniform field in [-1, 1] of that letter.
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
        for letters, *_ in self.disorder:
            _check_letters("disorder", letters)
            if len(letters) != 1:
                raise ValueError(f"disorder: {letters!r} must be one letter, a random field on each site")
        for symmetry in self.symmetries:
            if symmetry.permutation is not None and sorted(symmetry.permutation) != list(range(L)):
                raise ValueError(f"symmetry {symmetry.name!r}: permutation must hold each of 0 ... {L - 1} once")
            if any(not 0 <= j < L for j in (*symmetry.flip, *symmetry.sign)):
                raise ValueError(f"symmetry {symmetry.name!r}: flip and sign take sites 0 ... {L - 1}")
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
        return SpinComposite(
            system_sites=S,
            bath_sites=L - S,
            system=self.system + fields["system"],
            bath=self.bath + fields["bath"],
            interaction=self.interaction,
            symmetries=symmetries,
            bath_symmetries=tuple(_on_bath(s, S) for s in symmetries if s.permutation[:S] == tuple(range(S))),
        )


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
