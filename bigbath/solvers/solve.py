"""``solve``: one call for every engine."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from bigbath.choice import KindShorthand, choice
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.solvers.auto import AnyEngine, Auto
from bigbath.solvers.eigenstates import Eigenstates
from bigbath.solvers.problem import Problem, spectral_extremes
from bigbath.solvers.window import AnyWindow, Window, in_units, resolve
from bigbath.spaces import sectors

#: Any engine, told apart by its ``kind``.
ChosenEngine = Annotated[AnyEngine, Field(discriminator="kind"), KindShorthand]


@choice
class Wanted:
    """Which eigenstates of a Hamiltonian, and how they are found.

    ``symmetries``: names of declared symmetries to use (absent: all; []: none). ``sector``: labels to restrict to, as
    ``{reflection = -1}``.
    """

    window: Window
    engine: ChosenEngine = Auto()
    symmetries: tuple[str, ...] | None = None
    sector: dict[str, int] | None = None


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
    unit = h.unit
    scaled, inside = h.in_units(unit), in_units(wanted.window, unit)
    problem = prepare(scaled, inside, symmetries=wanted.symmetries, sector=wanted.sector, comm=comm)
    states = wanted.engine.solve(problem, comm, report)
    return replace(states.in_units(unit), window=wanted.window, dim=h.dim)
