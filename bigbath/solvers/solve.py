"""``solve``: one call for every engine."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from bigbath.choice import KindShorthand, choice
from bigbath.compact import Compact, brief
from bigbath.errors import JobError
from bigbath.operators import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.ranks import Comm
from bigbath.solvers.auto import AnyEngine, Auto
from bigbath.solvers.eigenstates import Eigenstates, assess
from bigbath.solvers.problem import Problem, spectral_extremes
from bigbath.solvers.window import AnyWindow, NoStates, Window, in_units, resolve
from bigbath.spaces import Sector, sectors

#: Any engine, told apart by its ``kind``.
ChosenEngine = Annotated[AnyEngine, Field(discriminator="kind"), KindShorthand]


@choice
class Wanted:
    """Which eigenstates of a Hamiltonian, and how they are found.

    ``symmetries``: names of declared symmetries to use (absent: all; []: none). ``sector``: labels to restrict to, as
    ``{reflection = -1}``. ``vectors``: false for the energies alone, in less memory.
    """

    window: Window
    engine: ChosenEngine = Auto()
    symmetries: tuple[str, ...] | None = None
    sector: dict[str, int] | None = None
    vectors: bool = True


def _nothing(h: Hamiltonian, parts: tuple[Sector, ...], comm: Comm) -> Eigenstates:
    """No state, as was asked for, with the ends of the spectrum."""
    extremes = spectral_extremes(h, comm, parts)
    norm = max(map(abs, extremes))
    evidence = assess("none", [], norm, edges=(), counted=0, reason="no eigenstates were asked for")
    return Eigenstates(
        blocks=(), window=NoStates(), extremes=extremes, evidence=evidence, dim=h.dim,
        composite=h.composite, part=h.part,
    )  # fmt: skip


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


class Solver(Compact):
    """Windows of one Hamiltonian, solved one after the other.

    Its symmetries are verified, and the ends of its spectrum and its density of states found, once for all windows.
    Arguments as of ``solve``.

    >>> import bigbath as bb
    >>> solver = bb.Solver(bb.build(bb.draw(bb.Imbrie(L=5))))
    >>> low, middle = (solver.solve(bb.Density(epsilon=epsilon, k=10)) for epsilon in (0.3, 0.5))
    >>> len(low), len(middle), bool(low.energies.mean() < middle.energies.mean())
    (10, 10, True)
    """

    def __init__(
        self,
        h: Hamiltonian,
        *,
        symmetries: tuple[str, ...] | None = None,
        sector: dict[str, int] | None = None,
        comm: Comm = None,
    ) -> None:
        if not isinstance(h, Hamiltonian):
            raise JobError(f"solve takes a Hamiltonian, as build(draw(model)), not a {type(h).__name__}")
        self._h, self._symmetries, self._sector, self._comm = h, symmetries, sector, comm
        self._first: Problem | None = None

    def _facts(self) -> dict[str, Any]:
        found = "by the first window"
        if self._first is not None:
            low, high = self._first.extremes
            found = f"{low * self._h.unit:.6g} to {high * self._h.unit:.6g}"
        return {
            "hamiltonian": brief(self._h),
            "sector": self._sector or "all",
            "symmetries": "all" if self._symmetries is None else ", ".join(self._symmetries) or "none",
            "spectrum": found,
        }

    def solve(
        self,
        window: AnyWindow,
        *,
        engine: AnyEngine = Auto(),  # noqa: B008 - frozen
        vectors: bool = True,
        report: Report = silent,
    ) -> Eigenstates:
        """Eigenstates of an energy window, as by the function ``solve``."""
        wanted = Wanted(window=window, engine=engine, symmetries=self._symmetries, sector=self._sector, vectors=vectors)
        if isinstance(wanted.window, NoStates):
            return _nothing(self._h, sectors(self._h, use=self._symmetries, only=self._sector), self._comm)
        unit = self._h.unit
        problem = self._problem(in_units(wanted.window, unit), wanted, unit)
        states = wanted.engine.solve(problem, self._comm, report)
        if not wanted.vectors:
            states = states.without_vectors()
        return replace(
            states.in_units(unit), window=wanted.window, dim=self._h.dim, composite=self._h.composite, part=self._h.part
        )

    def _problem(self, window: AnyWindow, wanted: Wanted, unit: float) -> Problem:
        """The problem of a window, in units of ``unit``, with what is known from the first one."""
        if self._first is None:
            scaled = self._h.in_units(unit)
            self._first = prepare(scaled, window, symmetries=wanted.symmetries, sector=wanted.sector, comm=self._comm)
        resolved = resolve(window, self._first.extremes, sum(s.dim for s in self._first.sectors))
        return replace(self._first, window=resolved, vectors=wanted.vectors)


def solve(
    h: Hamiltonian,
    window: AnyWindow,
    *,
    engine: AnyEngine = Auto(),  # noqa: B008 - frozen
    symmetries: tuple[str, ...] | None = None,
    sector: dict[str, int] | None = None,
    vectors: bool = True,
    comm: Comm = None,
    report: Report = silent,
) -> Eigenstates:
    """Eigenstates of an energy window, with evidence.

    ``symmetries``: names of the declared symmetries to use (None: all, (): none). ``sector``: labels to restrict to,
    as {"reflection": -1}. ``vectors``: False for the energies alone, which are verified and tested for completeness all the
    same; the filter then takes a wide window in slices, and its memory does not grow with the number of levels. ``comm``:
    mpi4py communicator for one factorisation over several ranks. Energies in units of
    the coupling. Vectors are orthonormal to 1e-9, residuals at most 1e-10 ||H|| (less in narrow windows:
    ``window.allowed_residual``), or ``evidence.complete`` is "no". Any unit of energy will do: H is solved in a power of
    two of its own size. ``Solver`` solves several windows of one Hamiltonian.

    Raises ImpossibleRequest (window outside the spectrum, more states than there are, memory), MissingCapability (no
    real PETSc), JobError (unknown symmetry, option or argument), SymmetryError.

    >>> import bigbath as bb
    >>> states = bb.solve(bb.build(bb.draw(bb.XXZ(L=8, W=1.0))), bb.Density(epsilon=0.5, k=10), sector={"magnetisation": 0})
    >>> len(states), states.evidence.complete
    (10, 'yes')
    """
    solver = Solver(h, symmetries=symmetries, sector=sector, comm=comm)
    return solver.solve(window, engine=engine, vectors=vectors, report=report)
