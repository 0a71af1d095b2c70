"""Thermometer on a bath with Levy-distributed couplings (diffusion paper, Eqs. 18 and 23)."""

from typing import Annotated, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from bigbath.choice import choice
from bigbath.models.composite import MatrixComposite
from bigbath.resources import require_memory


@choice
class Levy:
    """Thermometer on a diagonal Gaussian bath, coupled by a Levy matrix (diffusion paper, Eqs. 18, 23).

    H_B = diag(normal, unit width) of N = 2^L bath states, V real symmetric N x N with random signs and
    |v| = g N^(-1/mu) u^(-1/mu), u uniform in (0, 1]: a Pareto law with lower cut-off g N^(-1/mu).
    H = -Delta/2 tau^z + tau^x (x) V + H_B is dense: 2N x 2N with blocks [[H_B - Delta/2, V], [V, H_B + Delta/2]].

    >>> import bigbath as bb
    >>> bb.build(bb.draw(bb.Levy(L=3, mu=1.2))).dim
    16
    """

    name: Literal["levy"] = "levy"
    L: Annotated[int, Field(ge=1, le=30)]
    mu: Annotated[float, Field(gt=0)] = 1.5
    Delta: float = 0.9
    g: float = 0.4

    disordered = True

    def composite(self, stream: np.random.Generator) -> MatrixComposite:
        """One disorder realization drawn from ``stream``."""
        N = 2**self.L
        require_memory(40 * N * N, f"the Levy matrix of N = 2^{self.L} bath states", "Reduce model.L.")
        levels = stream.standard_normal(N)
        rows, columns = np.triu_indices(N)
        size = rows.size
        upper = self.g * (N * (1 - stream.random(size))) ** (-1 / self.mu) * stream.choice((-1.0, 1.0), size)
        V = np.zeros((N, N))
        V[rows, columns] = upper
        V[columns, rows] = upper
        return MatrixComposite(
            system=np.diag([-self.Delta / 2, self.Delta / 2]),
            bath=sp.diags_array(levels, format="csr"),
            interaction=((np.array([[0.0, 1.0], [1.0, 0.0]]), V),),
        )
