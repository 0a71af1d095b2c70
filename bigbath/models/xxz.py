"""The random-field XXZ chain, in spin-1/2 operators: the field's model of localisation at fixed magnetisation."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Symmetry, Term

#: 2 pi times the golden ratio: the wave number of a quasi-periodic field.
GOLDEN = np.pi * (np.sqrt(5) + 1)


@choice
class XXZ:
    """Random-field XXZ ring or open chain of L spins, in *spin-1/2 operators* S = sigma/2.

    H = sum_j J [cos(a) (S^x_j S^x_j+1 + S^y_j S^y_j+1) + sin(a) (S^x_j S^y_j+1 - S^y_j S^x_j+1) + Delta S^z_j S^z_j+1]
    + the same with J2 and 2 a for second neighbours + sum_j h_j S^z_j, a = phi/L, so that a ring is threaded by the flux
    phi. h_j is uniform in [-W, W] (``field = "random"``) or W cos(2 pi beta j + theta) with beta the golden ratio and
    theta uniform (``field = "quasiperiodic"``). W = 0 is clean. sum_j sigma^z_j = 2 S^z is conserved: S^z = 0 is the sector
    ``magnetisation = 0``. Site 0 is the system, sites 1 ... L-1 the bath, the bonds of site 0 the interaction. The only
    model of bigbath in spin-1/2 operators; the literature's h and W (Luitz, Laflorencie & Alet, arXiv 1411.0660).

    >>> import bigbath as bb
    >>> h = bb.build(bb.draw(bb.XXZ(L=8, W=5.0)))
    >>> bb.sectors(h, only={"magnetisation": 0})[0].dim
    70
    """

    name: Literal["xxz"] = "xxz"
    L: Annotated[int, Field(ge=3, le=62)]
    J: float = 1.0
    Delta: float = 1.0
    W: Annotated[float, Field(ge=0)] = 0.0
    J2: float = 0.0
    phi: float = 0.0
    boundary: Literal["periodic", "open"] = "periodic"
    field: Literal["random", "quasiperiodic"] = "random"

    @property
    def disordered(self) -> bool:
        """Whether realizations differ."""
        return self.W > 0

    @model_validator(mode="after")
    def _check(self) -> "XXZ":
        if self.phi and self.boundary == "open":
            raise ValueError('phi is a flux through a ring: an open chain has none; use boundary = "periodic"')
        if self.J2 and self.boundary == "periodic" and self.L < 5:
            raise ValueError(f"second neighbours of a ring need L >= 5, not {self.L}")
        return self

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``."""
        L = self.L
        if self.field == "random":
            h = stream.uniform(-self.W, self.W, L)
        else:
            h = self.W * np.cos(GOLDEN * np.arange(L) + stream.uniform(0, 2 * np.pi))
        bonds = [(J, a, i, j) for J, a, i, j in self._bonds() if J]
        fields = [float(value) / 2 for value in h]
        return SpinComposite(
            system_sites=1,
            bath_sites=L - 1,
            system=(("z", ((fields[0], 0),)),) if self.W else (),
            bath=(
                *self._terms([b for b in bonds if 0 not in b[2:]]),
                *((("z", tuple((fields[j], j) for j in range(1, L))),) if self.W else ()),
            ),
            interaction=self._terms([b for b in bonds if 0 in b[2:]]),
            symmetries=self._symmetries(),
            bath_symmetries=self._bath_symmetries(),
        )

    def _bonds(self) -> list[tuple[float, float, int, int]]:
        """(coupling, phase, site, site) of every bond."""
        L, bonds = self.L, []
        for J, reach in ((self.J, 1), (self.J2, 2)):
            last = L if self.boundary == "periodic" else L - reach
            bonds += [(J, reach * self.phi / L, j, (j + reach) % L) for j in range(last)]
        return bonds

    def _terms(self, bonds: list[tuple[float, float, int, int]]) -> tuple[Term, ...]:
        """S = sigma/2: every bond has a quarter of its coupling."""
        along = {
            "xx": [(J / 4 * np.cos(a), i, j) for J, a, i, j in bonds],
            "yy": [(J / 4 * np.cos(a), i, j) for J, a, i, j in bonds],
            "xy": [(J / 4 * np.sin(a), i, j) for J, a, i, j in bonds if a],
            "yx": [(-J / 4 * np.sin(a), i, j) for J, a, i, j in bonds if a],
            "zz": [(J / 4 * self.Delta, i, j) for J, a, i, j in bonds if self.Delta],
        }
        return tuple(
            (letters, tuple((float(c), i, j) for c, i, j in couplings))
            for letters, couplings in along.items()
            if couplings
        )

    def _symmetries(self) -> tuple[Symmetry, ...]:
        """Those of the clean model: spin flip and reflection without flux, translations of a ring."""
        if self.W:
            return ()
        L = self.L
        ring = self.boundary == "periodic"
        same = tuple(range(L))
        mirror = tuple(-j % L for j in same) if ring else tuple(reversed(same))
        found = []
        if not self.phi:
            found += [
                Symmetry(name="reflection", permutation=mirror),
                Symmetry(name="flip", permutation=same, flip=frozenset(same)),
            ]
        if ring:
            found.append(Symmetry(name="momentum", permutation=tuple((j + 1) % L for j in same)))
        return tuple(found)

    def _bath_symmetries(self) -> tuple[Symmetry, ...]:
        if self.W or self.phi:
            return ()
        same = tuple(range(self.L - 1))
        return (
            Symmetry(name="reflection", permutation=tuple(reversed(same))),
            Symmetry(name="flip", permutation=same, flip=frozenset(same)),
        )
