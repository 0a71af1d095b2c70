"""What a job would need, before it is started: dimensions, nonzeros, engine, memory, time."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from bigbath.cluster.realize import refuse_fine_grids
from bigbath.dynamics import Propagator
from bigbath.errors import in_section
from bigbath.job import Job, Spectrum, point_jobs
from bigbath.models import Composite, SpinComposite, draw
from bigbath.operators import Hamiltonian, Part, build, is_matrix_free, pauli_strings, size
from bigbath.operators.size import VECTORS, size_of_strings
from bigbath.resources import memory_limit
from bigbath.solvers import Auto, Dense, Density, Filter, Interval, Nearest, NoStates, ShiftInvert, Whole, choose, petsc
from bigbath.solvers.dense import required_memory
from bigbath.solvers.filter import FEWEST, forecast
from bigbath.solvers.real_form import real_form
from bigbath.solvers.solve import prepare
from bigbath.spaces import Sector, sectors
from bigbath.tasks import tasks_of

#: Sectors up to this dimension have their density of states sampled for a forecast.
SAMPLED = 2**18


@dataclass(frozen=True, kw_only=True)
class PartEstimate:
    """One Hamiltonian of a job, "H" or "B", or the "evolution" of ``measure.dynamics``. ``dim``: configurations, those with the charges of the selected sector.

    ``nnz``: at most so many nonzeros. ``bytes``: the largest single need,
    factorisation, basis of the filter or LAPACK workspace. ``shared``: so many of these bytes are shared out among ranks
    that share a task. ``factor``: "mumps" or "blocks". ``products``: the filter's matrix-vector products."""

    part: str
    dim: int
    nnz: int
    sectors: int
    largest_sector: int
    engine: str
    reason: str
    factor: str | None
    factor_entries: int | None
    products: int | None
    bytes: int
    shared: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """``parts`` of the realization that needs most memory, at ``point`` of ``points`` of the sweep (counted from 0).

    ``grids``: bytes of its measurements' energy shells. ``realizations`` at each point; ``tasks`` and rough ``seconds`` of the
    whole job on one process; memory that is ``free`` here.
    """

    parts: tuple[PartEstimate, ...]
    grids: int
    point: int
    points: int
    realizations: int
    tasks: int
    seconds: float
    free: int

    @property
    def bytes(self) -> int:
        """The largest need of one realization."""
        return max(p.bytes for p in self.parts) + self.grids

    @property
    def fits(self) -> bool:
        """Whether every realization fits into the memory that is free."""
        return self.bytes <= self.free


def estimate(job: Job) -> Estimate:
    """Needs of a job, from the first realization at each point of its sweep that can differ from the others in size.

    A factorisation's from its symbolic analysis, the filter's from the density of states. Builds sparse matrices at most.
    ImpossibleRequest when even they do not fit.
    """
    points = point_jobs(job)
    known: dict[str, tuple[tuple[PartEstimate, ...], int]] = {}
    needs = []
    for point in points:
        composite = draw(point.model, seed=point.ensemble.seed, realization=point.ensemble.first)
        refuse_fine_grids(point, build(composite), None if point.bath is None else build(composite, "B"))
        key = repr((size(composite), point.spectrum, point.bath, point.measure.distribution, point.measure.dynamics))
        if key not in known:
            known[key] = (_parts(composite, point), _grids(composite, point))
        needs.append(known[key])
    worst = max(range(len(points)), key=lambda i: max(p.bytes for p in needs[i][0]) + needs[i][1])
    seconds = [sum(map(seconds_of, parts)) for parts, _ in needs]
    return Estimate(
        parts=needs[worst][0],
        grids=needs[worst][1],
        point=worst,
        points=len(points),
        realizations=job.ensemble.realizations,
        tasks=len(tasks_of(job)),
        seconds=float(sum(s * point.ensemble.realizations for s, point in zip(seconds, points, strict=True))),
        free=memory_limit(),
    )


def _parts(composite: Composite, job: Job) -> tuple[PartEstimate, ...]:
    parts = []
    if not isinstance(job.spectrum.window, NoStates):
        with in_section("spectrum"):
            parts.append(_part(composite, "H", job.spectrum))
    if job.measure.dynamics is not None:
        with in_section("measure.dynamics"):
            parts.append(_evolution(composite, job))
    if job.bath is not None:
        with in_section("bath"):
            parts.append(_part(composite, "B", job.bath))
    return tuple(parts)


def _evolution(composite: Composite, job: Job) -> PartEstimate:
    """The evolution of ``measure.dynamics``: products with H, and its vectors."""
    chosen, h = job.measure.dynamics, build(composite)
    assert chosen is not None
    sector = chosen.sector_in(h, job.spectrum.symmetries, job.spectrum.sector)
    propagator = Propagator.of(h, sector)
    products, needed = propagator.needs(chosen.instants, is_real=chosen.initial.kind not in ("random", "product"))
    if chosen.autocorrelation is not None:
        products += 2 * chosen.autocorrelation.vectors * propagator.products(chosen.instants, is_real=False)
    return PartEstimate(
        part="evolution",
        dim=sector.space.dim,
        nnz=size_of_strings(h.terms, sector.space.dim).nnz if h.terms else size(composite).nnz,
        sectors=1,
        largest_sector=sector.dim,
        engine="chebyshev",
        reason=f"{chosen.instants.size:,} times",
        factor=None,
        factor_entries=None,
        products=products,
        bytes=needed,
        shared=0,
    )


def _grids(composite: Composite, job: Job) -> int:
    """Bytes of P, of the counts and of the edges on the energy shells of ``measure.distribution``, from a bound of ||H||."""
    if job.measure.distribution is None or not isinstance(composite, SpinComposite):
        return 0
    terms, *_ = pauli_strings(composite, "H")
    bound = sum(abs(coupling[0]) for _, couplings in terms for coupling in couplings)
    return int(8 * (composite.dims[0] + 2) * 2 * bound / job.measure.distribution.shell_width)


def _part(composite: Composite, part: Part, spectrum: Spectrum) -> PartEstimate:
    h = build(composite, part)
    parts = sectors(h, use=spectrum.symmetries, only=spectrum.sector)
    largest = max(parts, key=lambda s: s.dim)
    engine, reason = spectrum.engine, "chosen in the job"
    if isinstance(engine, Auto):
        engine, reason = choose(h, parts, spectrum.window)
    itemsize = h.dtype.itemsize
    shared, factor, products, needed = 0, None, None, required_memory(largest.dim, itemsize)
    if isinstance(engine, ShiftInvert):
        entries = h.restricted(largest)
        _, factor = petsc.distribute(real_form(entries) if h.is_complex else entries, None, engine.chosen_factor)
        needed = factor.bytes_total
        shared = 8 * factor.entries if factor.by == "blocks" else needed
    elif isinstance(engine, Filter):
        needed, products = _filter(h, parts, spectrum, engine)
        shared = needed
    if not isinstance(engine, Filter):
        needed += itemsize * _columns(spectrum, engine, parts)
    free = isinstance(engine, Filter) and all(is_matrix_free(h, s) for s in parts)
    if free:
        stored = 8 * VECTORS * largest.dim
    elif h.terms:
        stored = size_of_strings(h.terms, max(s.space.dim for s in parts)).bytes
    else:
        stored = size(composite, part).bytes
    spaces = dict.fromkeys(s.space for s in parts)
    dim = sum(space.dim for space in spaces)
    return PartEstimate(
        part=part,
        dim=dim,
        nnz=size_of_strings(h.terms, dim).nnz if h.terms else size(composite, part).nnz,
        sectors=len(parts),
        largest_sector=largest.dim,
        engine=engine.kind,
        reason=reason,
        factor=factor.by if factor else None,
        factor_entries=factor.entries if factor else None,
        products=products,
        bytes=needed + stored,
        shared=shared,
    )


def _columns(spectrum: Spectrum, engine: Dense | ShiftInvert, parts: tuple[Sector, ...]) -> int:
    """Entries of the vectors that are kept beside an engine's own needs."""
    window = spectrum.window
    if isinstance(window, Whole):
        return sum(s.dim**2 for s in parts) // (spectrum.shells or 1)
    if isinstance(window, Nearest | Density):
        krylov = 1.0 if isinstance(engine, Dense) else 3.3  # the Krylov space and the states
        return int(krylov * window.k * max(s.dim for s in parts))
    return 0


def _filter(h: Hamiltonian, parts: tuple[Sector, ...], spectrum: Spectrum, engine: Filter) -> tuple[int, int]:
    """Bytes of the filter's basis and products with H; for large spaces from a normal density of states."""
    dim, window = max(s.dim for s in parts), spectrum.window
    if dim <= SAMPLED or not h.terms:
        problem = prepare(h, window, symmetries=spectrum.symmetries, sector=spectrum.sector)
        return forecast(problem, engine)
    squares = [coupling[0] ** 2 for letters, couplings in h.terms if set(letters) != {"I"} for coupling in couplings]
    mean = sum(coupling[0] for letters, couplings in h.terms if set(letters) == {"I"} for coupling in couplings)
    sigma = float(np.sqrt(np.real(sum(squares))))
    states = 0.0
    if isinstance(window, Nearest | Density):
        states = window.k
    elif isinstance(window, Interval):
        below = ndtr((np.array([window.lower, window.upper]) - np.real(mean)) / sigma)
        states = dim * float(below[1] - below[0])
    columns = 1.3 * max(states, FEWEST) + 8
    return int(h.dtype.itemsize * columns * dim), int(2 * np.sqrt(2 * np.log(dim)) * dim)


def seconds_of(part: PartEstimate) -> float:
    """Rough time of one solve on two cores of 2020s hardware, from the laws measured in docs/performance.md."""
    if part.engine == "chebyshev":
        return (part.products or 0) * part.nnz / 4e9
    if part.engine == "dense":
        return 1e-10 * part.sectors * part.largest_sector**3
    if part.factor_entries is not None and part.factor == "blocks":  # 250 solutions and three factorisations
        return part.sectors * (1.1e-6 * part.factor_entries + 5e-11 * part.factor_entries**1.5)
    if part.factor_entries is not None:  # 14 s for 4.05e7 entries (Imbrie, 14 spins), and the count at both edges
        return 2.5 * 14 * part.sectors * (part.factor_entries / 4.05e7) ** 1.2
    return 20 * part.sectors * (part.largest_sector / 2**16) ** 2.1
