"""Thermometer on the all-to-all transverse-field Ising bath (diffusion paper, Eqs. 18 and 24)."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from bigbath.choice import choice
from bigbath.models.composite import SpinComposite, Symmetry


@choice
class TFIM:
    """Thermometer on an all-to-all transverse-field Ising bath (diffusion paper, Eqs. 18, 24).

    H_B = -1/2 sum_{j,k} J_jk sigma^x_j sigma^x_k + h sum_j sigma^z_j, V = g/sqrt(L) sum_j sigma^x_j,
    H = -Delta/2 tau^z + tau^x V + H_B. J_jk is symmetric, Gaussian of width 1/sqrt(L), without diagonal, so that
    each pair j < k enters once as -J_jk. ``L`` spins in the bath; site 0 is the thermometer. The parity
    tau^z prod_j sigma^z_j commutes with H, prod_j sigma^z_j with H_B.

    >>> import bigbath as bb
    >>> bb.build(bb.draw(bb.TFIM(L=5))).dim
    64
    """

    name: Literal["tfim"] = "tfim"
    L: Annotated[int, Field(ge=1, le=61)]
    h: float = 1.0
    Delta: float = 0.9
    g: float = 0.4

    disordered = True

    def composite(self, stream: np.random.Generator) -> SpinComposite:
        """One disorder realization drawn from ``stream``."""
        L = self.L
        pairs = [(j, k) for j in range(L) for k in range(j + 1, L)]
        J = stream.normal(0.0, 1 / np.sqrt(L), len(pairs))
        return SpinComposite(
            system_sites=1,
            bath_sites=L,
            system=(("z", ((-self.Delta / 2, 0),)),),
            bath=(
                ("xx", tuple((-J[p], j + 1, k + 1) for p, (j, k) in enumerate(pairs))),
                ("z", tuple((self.h, j + 1) for j in range(L))),
            ),
            interaction=(("xx", tuple((self.g / np.sqrt(L), 0, j + 1) for j in range(L))),),
            symmetries=(Symmetry(name="parity", permutation=tuple(range(L + 1)), sign=frozenset(range(L + 1))),),
            bath_symmetries=(Symmetry(name="parity", permutation=tuple(range(L)), sign=frozenset(range(L))),),
        )
