"""Which form of a Hamiltonian makes its Chebyshev steps."""

import numpy as np

from bigbath.operators.flip_operator import FlipOperator
from bigbath.operators.flips import flips
from bigbath.operators.hamiltonian import Hamiltonian
from bigbath.operators.matrix_operator import MatrixOperator
from bigbath.operators.operator import Operator
from bigbath.operators.scale import Scale
from bigbath.ranks import Comm
from bigbath.spaces import Sector


def is_matrix_free(h: Hamiltonian, sector: Sector) -> bool:
    """Whether a kernel takes this Hamiltonian in this sector, without a matrix."""
    return sector.is_everything and bool(h.terms) and FlipOperator.takes(flips(h.terms, h.sites))


def operator_of(
    h: Hamiltonian, sector: Sector, scale: Scale, columns: int = 1, comm: Comm = None, dtype: type = np.float64
) -> Operator:
    """Operator of a Hamiltonian in a sector: matrix-free where a kernel takes it, on the ranks if it can.

    ``dtype`` of the kernel's vectors; a matrix keeps its own.
    """
    strings = flips(h.terms, h.sites) if h.terms and sector.is_everything else None
    for shared in (comm, None):
        if strings is not None and FlipOperator.takes(strings, 1 if shared is None else shared.size, dtype):
            return FlipOperator(strings, scale, shared, dtype)
    return MatrixOperator(h.restricted(sector), scale, columns)
