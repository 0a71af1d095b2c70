"""Which form of a Hamiltonian makes its Chebyshev steps: the first of ``FORMS`` that takes it, else a matrix."""

from collections.abc import Callable

import numpy as np

from bigbath.operators.exchange import exchange
from bigbath.operators.flip_operator import FlipOperator
from bigbath.operators.flips import flips
from bigbath.operators.hamiltonian import Hamiltonian
from bigbath.operators.matrix_operator import MatrixOperator
from bigbath.operators.operator import Operator
from bigbath.operators.ranked import RankedOperator
from bigbath.operators.scale import Scale
from bigbath.ranks import Comm, size
from bigbath.spaces import FixedCharges, Sector

#: Makes an operator for a scale and a type of vectors.
Maker = Callable[[Scale, type], Operator]


def _flips(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Maker | None:
    """All configurations, a real Hamiltonian: a diagonal and flips, on 2^r ranks."""
    strings = flips(h.terms, h.sites) if h.terms and sector.is_everything else None
    if strings is None or not FlipOperator.takes(strings, size(comm), dtype):
        return None
    return lambda scale, dtype: FlipOperator(strings, scale, comm, dtype)


def _ranked(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Maker | None:
    """A magnetisation, hops and fields: two ranked halves."""
    space = sector.space
    if sector.isometry is not None or not isinstance(space, FixedCharges):
        return None
    if len(space.charges) != 1 or not space.charges[0].is_whole:
        return None
    up = (h.sites + space.values[0]) // 2
    hops = exchange(h.terms, h.sites, up) if RankedOperator.takes(h.sites, up, dtype, size(comm)) else None
    if hops is None or not hops.hops:
        return None
    return lambda scale, dtype: RankedOperator(
        hops, scale, dtype if hops.is_real else np.result_type(dtype, np.complex64).type, comm=comm
    )


#: To add a matrix-free form: write its file, and name here what makes it.
FORMS = (_flips, _ranked)


def _maker(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Maker | None:
    return next((make for form in FORMS if (make := form(h, sector, comm, dtype)) is not None), None)


def is_matrix_free(h: Hamiltonian, sector: Sector) -> bool:
    """Whether a kernel takes this Hamiltonian in this sector, without a matrix."""
    return _maker(h, sector, None, np.float64) is not None


def operator_of(
    h: Hamiltonian, sector: Sector, scale: Scale, columns: int = 1, comm: Comm = None, dtype: type = np.float64
) -> Operator:
    """Operator of a Hamiltonian in a sector: matrix-free where a kernel takes it, on the ranks if it can.

    ``dtype``: float64, or float32 for half the time of a kernel; a matrix keeps its own.
    """
    for shared in (comm, None) if comm is not None else (None,):
        if (make := _maker(h, sector, shared, dtype)) is not None:
            return make(scale, dtype)
    return MatrixOperator(h.restricted(sector), scale, columns)
