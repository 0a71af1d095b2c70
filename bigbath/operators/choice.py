"""Which form of a Hamiltonian makes its Chebyshev steps: of ``FORMS`` and a matrix the one that should be fastest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bigbath.operators.exchange import Exchange, exchange
from bigbath.operators.expanded import ExpandedOperator
from bigbath.operators.flip_operator import FlipOperator
from bigbath.operators.flips import Flips, flips
from bigbath.operators.hamiltonian import Hamiltonian
from bigbath.operators.matrix_operator import MatrixOperator
from bigbath.operators.operator import Operator
from bigbath.operators.orbit_operator import OrbitOperator
from bigbath.operators.ranked import RankedOperator
from bigbath.operators.scale import Scale
from bigbath.operators.size import size_of_strings
from bigbath.operators.tapered import tapered
from bigbath.ranks import Comm, size
from bigbath.spaces import Everything, FixedCharges, Sector

#: Makes an operator for a scale and a type of vectors.
Maker = Callable[[Scale, type], Operator]

#: Seconds in which an entry of a matrix is built, for each element of the group of symmetries.
BUILT = 3e-7


@dataclass(frozen=True, kw_only=True)
class Form:
    """``make`` makes the operator; ``rate``: matrix entries that a core takes a second."""

    make: Maker
    rate: float


def _flips(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """All configurations, a real Hamiltonian: a diagonal and flips, on 2^r ranks."""
    return _flipping(flips(h.terms, h.sites), comm, dtype) if h.terms and sector.is_everything else None


def _flipping(strings: Flips | None, comm: Comm, dtype: type) -> Form | None:
    if strings is None or not FlipOperator.takes(strings, size(comm), dtype):
        return None
    return Form(make=lambda scale, dtype: FlipOperator(strings, scale, comm, dtype), rate=FlipOperator.rate)


def _tapered(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """Parities and spin flips of all configurations: flips of fewer spins, on 2^r ranks."""
    elements = sector.elements
    if not elements or not isinstance(sector.space, Everything) or not all(e.is_pauli for e in elements):
        return None
    fewer = tapered(h.sums, h.sites, elements)
    if fewer is None or fewer.states.size != sector.dim:
        return None
    if not np.array_equal(sector.held(fewer.states)[0], np.arange(sector.dim)):
        return None
    return _flipping(flips(fewer.terms, fewer.sites), comm, dtype)


def _expanded(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """Mirrors, with flips or without, of all configurations: flips on all of them, on one rank."""
    if not sector.elements or not isinstance(sector.space, Everything) or comm is not None:
        return None
    both = (flips(h.terms, h.sites, rotate=rotate) for rotate in (True, False))
    strings = next((found for found in both if ExpandedOperator.takes(found, sector, dtype)), None)
    if strings is None:
        return None
    make = lambda scale, dtype: ExpandedOperator(strings, sector, scale, dtype)  # noqa: E731
    return Form(make=make, rate=ExpandedOperator.rate_of(sector))


def _exchange(h: Hamiltonian, sector: Sector) -> Exchange | None:
    """Hops and fields at one magnetisation."""
    space = sector.space
    if not isinstance(space, FixedCharges) or len(space.charges) != 1 or not space.charges[0].is_whole:
        return None
    hops = exchange(h.terms, h.sites, (h.sites + space.values[0]) // 2)
    return hops if hops is not None and hops.hops else None


def _ranked(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """A magnetisation, hops and fields: two ranked halves."""
    hops = _exchange(h, sector) if sector.isometry is None else None
    if hops is None or not RankedOperator.takes(hops.sites, hops.up, dtype, size(comm)):
        return None

    def make(scale: Scale, dtype: type) -> Operator:
        kind = dtype if hops.is_real else np.result_type(dtype, np.complex64).type
        return RankedOperator(hops, scale, kind, comm=comm)

    return Form(make=make, rate=RankedOperator.rate)


def _orbits(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """The same with reflections and flips of all spins, on one rank."""
    hops = _exchange(h, sector) if sector.elements and comm is None else None
    if hops is None or not OrbitOperator.takes(hops, sector, dtype):
        return None
    make = lambda scale, dtype: OrbitOperator(hops, sector, scale, dtype)  # noqa: E731
    return Form(make=make, rate=OrbitOperator.rate_of(sector.dim))


#: To add a matrix-free form: write its file, and name here what makes it.
FORMS = (_flips, _tapered, _expanded, _ranked, _orbits)


def _form(h: Hamiltonian, sector: Sector, comm: Comm, dtype: type) -> Form | None:
    """The first form that takes the sector, unless a matrix is cheaper for as many steps as it has states."""
    form = next((made for form in FORMS if (made := form(h, sector, comm, dtype)) is not None), None)
    if form is None or sector.isometry is None:
        return form
    entries = size_of_strings(h.terms, sector.dim).nnz
    built = BUILT * entries * sector.space.dim / sector.dim
    saved = entries * sector.dim * (1 / form.rate - 1 / MatrixOperator.rate_of(entries))
    return form if saved < built else None


def is_matrix_free(h: Hamiltonian, sector: Sector) -> bool:
    """Whether a kernel takes this Hamiltonian in this sector, without a matrix."""
    return _form(h, sector, None, np.float64) is not None


def step_rate(h: Hamiltonian, sector: Sector, entries: int) -> tuple[float, bool]:
    """About how many of a real matrix's entries a core takes a second, and whether without the matrix, which has so many ``entries``."""
    form = _form(h, sector, None, np.float64)
    return (MatrixOperator.rate_of(entries), False) if form is None else (form.rate, True)


def operator_of(
    h: Hamiltonian, sector: Sector, scale: Scale, columns: int = 1, comm: Comm = None, dtype: type = np.float64
) -> Operator:
    """Operator of a Hamiltonian in a sector: matrix-free where a kernel takes it, on the ranks if it can.

    ``dtype``: float64, or float32 for half the time of a kernel; a matrix keeps its own.
    """
    for shared in (comm, None) if comm is not None else (None,):
        if (form := _form(h, sector, shared, dtype)) is not None:
            return form.make(scale, dtype)
    return MatrixOperator(h.restricted(sector), scale, columns)
