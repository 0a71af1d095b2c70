"""The entropy paper's Ising ring (or chain) with transverse and longitudinal field, Eq. 39."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Symmetry


@choice
class Ring:
    """Spin S of an N-site Ising ring in the bath of the other N - 1 spins (entropy paper, Eq. 39).

    H = sum_k (-sigma^z_k sigma^z_{k+1} + g sigma^x_k + h sigma^z_k). The system is site 0, with
    H_S = g sigma^x + h sigma^z; the bath is the open chain of sites 1 ... N-1; the interaction is
    V = -sigma^z_0 (sigma^z_1 + sigma^z_{N-1}). With ``boundary = "open"`` the system is the end of an open chain
    and V = -sigma^z_0 sigma^z_1. Energies in units of the Ising coupling.
    """

    name: Literal["ring"] = "ring"
    N: Annotated[int, Field(ge=3, le=62)] = 15
    g: float = 1.05
    h: float = 0.1
    boundary: Literal["periodic", "open"] = "periodic"

    disordered = False

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """The one realization of this clean model; ``stream`` is not used."""
        N, sites = self.N, range(1, self.N)
        closed = self.boundary == "periodic"
        identity = tuple(range(N))
        reflection = Symmetry(name="reflection", permutation=tuple(-j % N for j in identity))
        translation = Symmetry(name="momentum", permutation=tuple((j + 1) % N for j in identity))
        mirror = Symmetry(name="reflection", permutation=tuple(range(N - 2, -1, -1)))
        return SpinComposite(
            system_sites=1,
            bath_sites=N - 1,
            system=(("x", ((self.g, 0),)), ("z", ((self.h, 0),))),
            bath=(
                ("zz", tuple((-1.0, j, j + 1) for j in range(1, N - 1))),
                ("x", tuple((self.g, j) for j in sites)),
                ("z", tuple((self.h, j) for j in sites)),
            ),
            interaction=(("zz", ((-1.0, 0, 1), (-1.0, 0, N - 1)) if closed else ((-1.0, 0, 1),)),),
            symmetries=(reflection, translation) if closed else (),
            bath_symmetries=(mirror,),
        )
