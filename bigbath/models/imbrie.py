"""Thermometer on the Imbrie chain (diffusion paper, Eqs. 18 and 25)."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite


@choice
class Imbrie:
    """Thermometer coupled to the first spin of an open disordered chain (diffusion paper, Eqs. 18, 25).

    H = -Delta/2 tau^z + g tau^x sigma^x_0 + sum_j J_j sigma^z_j sigma^z_{j+1}
    + sum_j (h_j sigma^z_j + Gamma sigma^x_j),
    J_j uniform in [0.8, 1.2] (the paper's Delta_j), h_j uniform in [-W/2, W/2]. ``L`` spins in the *bath*, as in the
    paper, so the whole space has 2^(L+1) states. Site 0 is the thermometer, sites 1 ... L are the chain.

    >>> import bigbath as bb
    >>> bb.build(bb.draw(bb.Imbrie(L=5, W=1.0))).dim
    64
    """

    name: Literal["imbrie"] = "imbrie"
    L: Annotated[int, Field(ge=1, le=61)]
    W: Annotated[float, Field(ge=0)] = 2.0
    Gamma: float = 1.0
    Delta: float = 0.9
    g: float = 0.4

    disordered = True

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``."""
        L = self.L
        J = stream.uniform(0.8, 1.2, L - 1)
        h = stream.uniform(-self.W / 2, self.W / 2, L)
        return SpinComposite(
            system_sites=1,
            bath_sites=L,
            system=(("z", ((-self.Delta / 2, 0),)),),
            bath=(
                ("zz", tuple((J[j], j + 1, j + 2) for j in range(L - 1))),
                ("z", tuple((h[j], j + 1) for j in range(L))),
                ("x", tuple((self.Gamma, j + 1) for j in range(L))),
            ),
            interaction=(("xx", ((self.g, 0, 1),)),),
        )
