"""The mixed-field Ising chain, transverse and longitudinal field, any boundary: the entropy paper's ring, Eq. 39."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Symmetry, Term


@choice
class Ring:
    """Mixed-field Ising chain of N sites, some of them the system, the others its bath (entropy paper, Eq. 39).

    H = sum_k (-sigma^z_k sigma^z_{k+1} + g sigma^x_k + h sigma^z_k). The system is the open chain of the sites 0 ... S-1, S =
    ``system_sites`` (absent: 1); the bath is the open chain of the sites S ... N-1; the interaction are the bonds between them,
    V = -sigma^z_{S-1} sigma^z_S - sigma^z_{N-1} sigma^z_0. With ``boundary = "open"`` the system is one end of an open chain
    and the second bond is absent, with "antiperiodic" it has the other sign. Energies in units of the Ising coupling.

    >>> import bigbath as bb
    >>> bb.build(bb.draw(bb.Ring(N=7))).dim
    128
    """

    name: Literal["ring"] = "ring"
    N: Annotated[int, Field(ge=3, le=62)] = 15
    g: float = 1.05
    h: float = 0.1
    boundary: Literal["periodic", "open", "antiperiodic"] = "periodic"
    system_sites: Annotated[int, Field(ge=1)] | None = None

    disordered = False

    @model_validator(mode="after")
    def _check(self) -> "Ring":
        if (self.system_sites or 1) >= self.N:
            raise ValueError(f"system_sites = {self.system_sites} leaves no bath: it must be smaller than N = {self.N}")
        return self

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """The one realization of this clean model; ``stream`` is not used."""
        N, S = self.N, self.system_sites or 1
        joint = {"periodic": -1.0, "open": 0.0, "antiperiodic": 1.0}[self.boundary]
        reflection = Symmetry(name="reflection", permutation=tuple((S - 1 - j) % N for j in range(N)))
        translation = Symmetry(name="momentum", permutation=tuple((j + 1) % N for j in range(N)))
        mirror = Symmetry(name="reflection", permutation=tuple(reversed(range(N - S))))
        symmetries = {"periodic": (reflection, translation), "open": (), "antiperiodic": ()}[self.boundary]
        return SpinComposite(
            system_sites=S,
            bath_sites=N - S,
            system=self._chain(range(S)),
            bath=self._chain(range(S, N)),
            interaction=(("zz", ((-1.0, S - 1, S), *(((joint, 0, N - 1),) if joint else ()))),),
            symmetries=symmetries,
            bath_symmetries=(mirror,) if N - S > 1 else (),
        )

    def _chain(self, sites: range) -> tuple[Term, ...]:
        """The open chain of these sites."""
        bonds = (("zz", tuple((-1.0, j, j + 1) for j in sites[:-1])),) if len(sites) > 1 else ()
        return *bonds, ("x", tuple((self.g, j) for j in sites)), ("z", tuple((self.h, j) for j in sites))
