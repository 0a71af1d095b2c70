"""One task of a job: model -> Hamiltonians -> eigenstates -> measurements."""

import json
import time
from dataclasses import asdict, dataclass, replace

import numpy as np
import xarray as xr

from bigbath.broadening import SystemStates, system_states
from bigbath.broadening.shells import refuse_fine_shells
from bigbath.checkpoint import Checkpoint
from bigbath.errors import ImpossibleRequest, IncompleteWindow, in_section
from bigbath.job import Job, Spectrum
from bigbath.measure import Context
from bigbath.measure.resolution import Resolution
from bigbath.models import Composite, draw
from bigbath.operators import Hamiltonian, build
from bigbath.progress import Report, silent
from bigbath.solvers import AnyWindow, Comm, Eigenstates, Interval, NoStates, Solver, Whole, energy_shells
from bigbath.spaces import Sector, sectors


class Uncertified(IncompleteWindow):
    """A window that was asked for is not certified complete. ``dataset``: the states found, their evidence, nothing measured."""

    def __init__(self, message: str, dataset: xr.Dataset) -> None:
        super().__init__(message)
        self.dataset = dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Realization:
    """What the energy shells and the windows of one realization share: composite, H and its ``solver``, initial states.

    ``below``: H_B, where the job has initial states. ``resolution``: what is conserved in the sectors, found once.
    ``evolved_in``: where ``measure.dynamics`` evolves a state. ``seconds``: that all this took.
    """

    job: Job
    number: int
    composite: Composite
    h: Hamiltonian
    below: Hamiltonian | None
    solver: Solver
    resolution: Resolution
    system: SystemStates
    bath: Eigenstates | None
    evolved_in: Sector | None
    seconds: float

    def at(self, job: Job) -> "Realization":
        """The same at another point of the sweep, with the same ``matrix_key``."""
        job.measure.before(self.resolution, job.spectrum.symmetries, job.spectrum.sector)
        refuse_fine_grids(job, self.h, self.below)
        return replace(self, job=job, evolved_in=_evolved_in(job, self.h), seconds=0.0)


def matrix_key(job: Job) -> str:
    """The same for jobs without sweep whose realizations differ in window, engine or measurements only."""
    spectrum = job.spectrum
    return repr((job.model, job.ensemble.seed, spectrum.symmetries, spectrum.sector, job.bath))


def _solver(h: Hamiltonian, spectrum: Spectrum, comm: Comm) -> Solver:
    return Solver(h, symmetries=spectrum.symmetries, sector=spectrum.sector, comm=comm)


def refuse_fine_grids(job: Job, h: Hamiltonian, bath: Hamiltonian | None) -> None:
    """ImpossibleRequest for more shells than there can be, before any eigenstate is computed."""
    if job.measure.distribution is not None:
        with in_section("measure.distribution"):
            refuse_fine_shells(h, job.spectrum.window, job.measure.distribution.shell_width)
    if job.measure.interaction is not None and job.bath is not None and bath is not None:
        with in_section("measure.interaction"):
            refuse_fine_shells(bath, job.bath.window, job.measure.interaction.shell_width)


def _initial_states(below: Hamiltonian, spectrum: Spectrum, report: Report) -> Eigenstates:
    with in_section("bath"):
        solver = _solver(below, spectrum, None)
        bath = solver.solve(
            spectrum.window, engine=spectrum.engine, report=lambda label, *n: report(f"bath: {label}", *n)
        )
        if not bath.energies.size:
            raise ImpossibleRequest("the window holds no state of the bath: choose a wider one")
    return bath


def _dimension(h: Hamiltonian, spectrum: Spectrum) -> int:
    """States in the sectors that are asked for; all of them together are the whole space."""
    if not spectrum.sector:
        return h.dim
    return sum(s.dim for s in _selected(h, spectrum) or ())


def _evolved_in(job: Job, h: Hamiltonian) -> Sector | None:
    """The sector of ``measure.dynamics``; JobError where labels select several."""
    dynamics, spectrum = job.measure.dynamics, job.spectrum
    return None if dynamics is None else dynamics.sector_in(h, spectrum.symmetries, spectrum.sector)


def _selected(h: Hamiltonian, spectrum: Spectrum) -> tuple[Sector, ...] | None:
    """The sectors that are asked for, None for all."""
    return sectors(h, use=spectrum.symmetries, only=spectrum.sector) if spectrum.sector else None


def refuse_unresolved(job: Job) -> None:
    """UnresolvedSpectrum when a job without sweep asks for statistics of levels that its sectors do not resolve.

    JobError for sites that are not there, and when ``measure.dynamics`` has several sectors for one state. Judged by its first realization; ``prepare`` looks at each of them again.
    """
    if not job.measure.looked_at_before:
        return
    try:
        composite = draw(job.model, seed=job.ensemble.seed, realization=job.ensemble.first)
        resolution = Resolution(composite)
        job.measure.before(resolution, job.spectrum.symmetries, job.spectrum.sector)
        _evolved_in(job, build(composite) if resolution.h is None else resolution.h)
    except ImpossibleRequest:  # the task itself fails and says so
        return


def prepare(job: Job, realization: int, comm: Comm = None, report: Report = silent) -> Realization:
    """Draw one realization of a job without sweep, build its Hamiltonian and find its initial states.

    With a communicator its ranks share what is solved of H.
    """
    start = time.perf_counter()
    composite = draw(job.model, seed=job.ensemble.seed, realization=realization)
    resolution = Resolution(composite)
    job.measure.before(resolution, job.spectrum.symmetries, job.spectrum.sector)
    h = build(composite) if resolution.h is None else resolution.h
    evolved_in = _evolved_in(job, h)
    below = None if job.bath is None else build(composite, "B")
    refuse_fine_grids(job, h, below)
    bath = None if below is None or job.bath is None else _initial_states(below, job.bath, report)
    return Realization(
        job=job, number=realization, composite=composite, h=h, below=below, solver=_solver(h, job.spectrum, comm),
        resolution=resolution, system=system_states(composite), bath=bath, evolved_in=evolved_in,
        seconds=time.perf_counter() - start,
    )  # fmt: skip


def realize(job: Job, realization: int, report: Report = silent) -> xr.Dataset:
    """Prepare and measure one realization of a job without sweep and shells."""
    return measured(prepare(job, realization, report=report), report=report)


def measured(
    shared: Realization, shell: int = 0, report: Report = silent, checkpoint: Checkpoint | None = None
) -> xr.Dataset:
    """Solve and measure one realization, or one energy shell of it; ``checkpoint``: where long work keeps what it has reached.

    The dataset has the coordinates ``energy``, ``residual``, ``sector_index`` along ``state``, ``bath_energy`` along
    ``bath_state``, ``system_energy`` along ``branch`` (numbered from 1), the measurements, and the evidence as JSON
    attributes. Raises Uncertified where a window is not certified complete.
    """
    job, h, bath, system = shared.job, shared.h, shared.bath, shared.system
    start = time.perf_counter()
    window: AnyWindow = job.spectrum.window
    with in_section("spectrum"):
        if job.spectrum.shells:
            assert isinstance(window, Whole | Interval)
            window = energy_shells(h, window, job.spectrum.shells, _selected(h, job.spectrum))[shell]
        spectrum = job.spectrum
        states = shared.solver.solve(
            window,
            engine=spectrum.engine,
            vectors=spectrum.vectors,
            report=lambda label, *n: report(f"H: {label}", *n),
        )
    seconds = {"prepare": shared.seconds, "spectrum": time.perf_counter() - start}
    start = time.perf_counter()
    context = Context(
        composite=shared.composite,
        states=states,
        bath=bath,
        system=system,
        accept_unverified=job.accept_unverified,
        report=report,
        symmetries=job.spectrum.symmetries,
        sector=job.spectrum.sector,
        realization=shared.number,
        evolved_in=shared.evolved_in,
        checkpoint=checkpoint or Checkpoint(),
        resolution=shared.resolution,
    )
    failure = _uncertified(shared, states)
    dataset = xr.Dataset() if failure else job.measure.run(context)
    seconds["measure"] = time.perf_counter() - start
    found = states.to_dataset()
    coords = {
        **found.coords,
        "system_energy": ("branch", system.energies),
        "branch": ("branch", np.arange(1, system.energies.size + 1)),
    }
    attrs = {
        "realization": shared.number,
        "dim": _dimension(h, job.spectrum),
        "scalar_type": np.result_type(float, *(b.dtype for b in states.blocks)).name,
        **found.attrs,
        "seconds": json.dumps(seconds),
    }
    if isinstance(job.spectrum.window, NoStates):
        del attrs["evidence_spectrum"], attrs["sectors_spectrum"]
        for name in ("energy", "residual", "sector_index"):
            del coords[name]
    if bath is not None:
        coords |= {"bath_energy": ("bath_state", bath.energies), "bath_sector_index": ("bath_state", bath.sector_index)}
        attrs |= {
            "evidence_bath": json.dumps(asdict(bath.evidence)),
            "sectors_bath": json.dumps([str(b.sector) for b in bath.blocks]),
        }
    dataset = dataset.assign_coords(coords).assign_attrs(attrs)
    dataset = dataset.assign_coords({d: np.arange(n) for d, n in dataset.sizes.items() if d not in dataset.coords})
    if failure:
        raise Uncertified(failure, dataset)
    return dataset


def _uncertified(shared: Realization, states: Eigenstates) -> str | None:
    """Why the windows may not be used: one was not certified; with ``accept_unverified``, one is known to be incomplete."""
    for name, window in (("spectrum", states), ("bath", shared.bath)):
        try:
            if window is not None:
                window.require_complete(accept_unverified=shared.job.accept_unverified)
        except IncompleteWindow as error:
            return f"[{name}] {error}"
    return None
