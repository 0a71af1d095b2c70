"""``solve``: one call for every engine; ``Auto`` chooses and says why."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from bigbath.choice import KindShorthand, choice
from bigbath.errors import ImpossibleRequest, JobError
from bigbath.operators import Hamiltonian, is_matrix_free
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.resources import memory_limit
from bigbath.solvers import petsc
from bigbath.solvers.dense import Dense, required_memory, solve_dense
from bigbath.solvers.eigenstates import Eigenstates, assess
from bigbath.solvers.filter import Filter, solve_filter
from bigbath.solvers.problem import Problem, spectral_extremes
from bigbath.solvers.shift_invert import ShiftInvert, solve_shift_invert
from bigbath.solvers.window import AnyWindow, Density, Interval, Nearest, NoStates, Whole, Window, in_units, resolve
from bigbath.spaces import Sector, sectors

#: Sectors up to these dimensions, without and with the matrix-free kernel, are faster with LAPACK than with any other
#: engine; windows of more than the share WIDE of a sector too. See docs/performance.md, "Crossover".
DENSE_FASTER, DENSE_FASTER_FREE, WIDE = 2500, 1000, 0.2


@choice
class Auto:
    """LAPACK for small sectors and whole spectra, the filter for windows, else shift-invert; the evidence says why."""

    kind: Literal["auto"] = "auto"


#: Engine choice -> function (problem, engine, comm, report); to add an engine, write its file and name it here.
ENGINES = {Dense: solve_dense, ShiftInvert: solve_shift_invert, Filter: solve_filter}

AnyEngine = Auto | Dense | ShiftInvert | Filter
#: Any engine, told apart by its ``kind``.
Engine = Annotated[AnyEngine, Field(discriminator="kind"), KindShorthand]


@choice
class Wanted:
    """Which eigenstates of a Hamiltonian, and how they are found.

    ``symmetries``: names of declared symmetries to use (absent: all; []: none). ``sector``: labels to restrict to, as
    ``{reflection = -1}``.
    """

    window: Window
    engine: Engine = Auto()
    symmetries: tuple[str, ...] | None = None
    sector: dict[str, int] | None = None


def choose(h: Hamiltonian, parts: tuple[Sector, ...], window: AnyWindow) -> tuple[Dense | Filter | ShiftInvert, str]:
    """The engine for the states of a window in the sectors ``parts`` of a Hamiltonian, and why."""
    largest = max(s.dim for s in parts)
    smallest = DENSE_FASTER_FREE if all(is_matrix_free(h, s) for s in parts) else DENSE_FASTER
    fits = required_memory(largest, 16 if h.is_complex else 8) <= memory_limit()
    if largest <= smallest:
        return Dense(), f"LAPACK is fastest for sectors of at most {smallest:,} states"
    if isinstance(window, Whole) and fits:
        return Dense(), "the whole spectrum is wanted and fits into memory"
    if isinstance(window, Nearest | Density | Interval) and h.is_sparse:
        if fits and not isinstance(window, Interval) and window.k > WIDE * largest:
            return Dense(), f"{window.k:,} of {largest:,} states are wanted"
        return Filter(), f"cheaper than LAPACK and than a factorisation for a window in {largest:,} states"
    if missing := petsc.available():
        if fits:
            return Dense(), f"SLEPc is not available ({missing})"
        raise ImpossibleRequest(f"a sector of {largest:,} states is too large for LAPACK here, and {missing}")
    return ShiftInvert(), f"a window in a sector of {largest:,} states"


def _automatic(problem: Problem, comm: Comm, report: Report) -> Eigenstates:
    """The states by the engine that ``choose`` names; by another where the filter cannot resolve the levels."""
    engine, reason = choose(problem.h, problem.sectors, problem.window)
    states: Eigenstates = ENGINES[type(engine)](problem, engine, comm, report)  # type: ignore[operator]
    if isinstance(engine, Filter) and states.evidence.complete != "yes":
        failed = states.evidence.reason
        for other in _instead_of_filter(problem):
            try:
                report(f"the filter cannot resolve the levels: {other.kind}", 0, 1)
                states = ENGINES[type(other)](problem, other, comm, report)  # type: ignore[operator]
            except ImpossibleRequest as error:
                failed = f"{failed}; {other.kind}: {error}"
            else:
                reason = f"the filter could not resolve the levels: {failed}"
                break
        else:
            return states.with_evidence(engine=f"filter (auto: {reason})", reason=failed)
    return states.with_evidence(engine=f"{states.evidence.engine} (auto: {reason})")


def _nothing(h: Hamiltonian, parts: tuple[Sector, ...], comm: Comm) -> Eigenstates:
    """No state, as was asked for, with the ends of the spectrum."""
    extremes = spectral_extremes(h, comm, parts)
    norm = max(map(abs, extremes))
    evidence = assess("none", [], norm, edges=(), counted=0, reason="no eigenstates were asked for")
    return Eigenstates(blocks=(), window=NoStates(), extremes=extremes, evidence=evidence, dim=h.dim)


def _instead_of_filter(problem: Problem) -> list[Dense | ShiftInvert]:
    """Engines that resolve any levels, the faster one first."""
    engines: list[Dense | ShiftInvert] = [Dense()]
    if not petsc.available():
        engines.insert(0 if max(s.dim for s in problem.sectors) > DENSE_FASTER else 1, ShiftInvert())
    return engines


def prepare(
    h: Hamiltonian,
    window: AnyWindow,
    *,
    symmetries: tuple[str, ...] | None = None,
    sector: dict[str, int] | None = None,
    comm: Comm = None,
) -> Problem:
    """Verify the symmetries, find the ends of the spectrum and resolve the window."""
    parts = sectors(h, use=symmetries, only=sector)
    extremes = spectral_extremes(h, comm, parts)
    resolved = resolve(window, extremes, sum(s.dim for s in parts))
    return Problem(h=h, sectors=parts, window=resolved, extremes=extremes)


def solve(
    h: Hamiltonian,
    window: AnyWindow,
    *,
    engine: AnyEngine = Auto(),  # noqa: B008 - frozen
    symmetries: tuple[str, ...] | None = None,
    sector: dict[str, int] | None = None,
    comm: Comm = None,
    report: Report = silent,
) -> Eigenstates:
    """Eigenstates of an energy window, with evidence.

    ``symmetries``: names of the declared symmetries to use (None: all, (): none). ``sector``: labels to restrict to,
    as {"reflection": -1}. ``comm``: mpi4py communicator for one factorisation over several ranks. Energies in units of
    the coupling. Vectors are orthonormal to 1e-9, residuals at most 1e-10 ||H|| (less in narrow windows:
    ``window.allowed_residual``), or ``evidence.complete`` is "no". Any unit of energy will do: H is solved in a power of
    two of its own size.

    Raises ImpossibleRequest (window outside the spectrum, more states than there are, memory), MissingCapability (no
    real PETSc), JobError (unknown symmetry, option or argument), SymmetryError.
    """
    if not isinstance(h, Hamiltonian):
        raise JobError(f"solve takes a Hamiltonian, as build(draw(model)), not a {type(h).__name__}")
    wanted = Wanted(window=window, engine=engine, symmetries=symmetries, sector=sector)
    if isinstance(wanted.window, NoStates):
        return _nothing(h, sectors(h, use=wanted.symmetries, only=wanted.sector), comm)
    unit = h.unit
    scaled, inside = h.in_units(unit), in_units(wanted.window, unit)
    problem = prepare(scaled, inside, symmetries=wanted.symmetries, sector=wanted.sector, comm=comm)
    if isinstance(wanted.engine, Auto):
        states = _automatic(problem, comm, report)
    else:
        states = ENGINES[type(wanted.engine)](problem, wanted.engine, comm, report)  # type: ignore[operator]
    return replace(states.in_units(unit), window=wanted.window, dim=h.dim)
