"""What a job would need, before it is started: dimensions, nonzeros, engine, memory, time."""

from dataclasses import dataclass, replace

from bigbath.cluster.realize import refuse_fine_grids
from bigbath.dynamics import Propagator
from bigbath.errors import in_section
from bigbath.job import Job, Spectrum, point_jobs
from bigbath.measure import MeasureEvolution
from bigbath.models import Composite, SpinComposite, draw
from bigbath.operators import Hamiltonian, Part, build, is_matrix_free, pauli_strings, size
from bigbath.operators.size import VECTORS, size_of_strings
from bigbath.resources import memory_limit
from bigbath.solvers import Auto, Dense, Density, Engine, Filter, Nearest, NoStates, Problem, ShiftInvert, Whole, petsc
from bigbath.solvers.dense import required_memory
from bigbath.solvers.filter import sampled_forecast
from bigbath.solvers.real_form import real_form
from bigbath.solvers.solve import prepare
from bigbath.spaces import Sector, everything, sectors
from bigbath.tasks import tasks_of

#: Sectors up to this dimension have their density of states sampled for a forecast.
SAMPLED = 2**20


@dataclass(frozen=True, kw_only=True)
class PartEstimate:
    """One Hamiltonian of a job, "H" or "B", or the "evolution" of ``measure.dynamics`` or of the vectors of ``measure.evolution``. ``dim``: configurations, those with the charges of the selected sector.

    ``nnz``: at most so many nonzeros. ``bytes``: the largest single need,
    factorisation, basis of the filter or LAPACK workspace. ``shared``: so many of these bytes are shared out among ranks
    that share a task. ``factor``: "mumps" or "blocks". ``products``: the filter's matrix-vector products. ``seconds``: rough
    time of one solve on two cores of 2020s hardware."""

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
    seconds: float


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
        key = repr(
            (
                size(composite),
                point.spectrum,
                point.bath,
                point.measure.distribution,
                point.measure.dynamics,
                point.measure.evolution,
            )
        )
        if key not in known:
            known[key] = (_parts(composite, point), _grids(composite, point))
        needs.append(known[key])
    worst = max(range(len(points)), key=lambda i: max(p.bytes for p in needs[i][0]) + needs[i][1])
    seconds = [sum(part.seconds for part in parts) for parts, _ in needs]
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
            parts.append(_dynamics(composite, job))
    if job.measure.evolution is not None and job.measure.evolution.vectors:
        with in_section("measure.evolution"):
            parts.append(_vectors(build(composite), job.measure.evolution))
    if job.bath is not None:
        with in_section("bath"):
            parts.append(_part(composite, "B", job.bath))
    return tuple(parts)


def _dynamics(composite: Composite, job: Job) -> PartEstimate:
    """The evolution of ``measure.dynamics``, and the random vectors of its autocorrelation."""
    chosen, h = job.measure.dynamics, build(composite)
    assert chosen is not None
    sector = chosen.sector_in(h, job.spectrum.symmetries, job.spectrum.sector)
    propagator = Propagator.of(h, sector)
    products, needed = 0, 0
    if chosen.evolves:
        is_real = chosen.initial.kind not in ("random", "product")
        products, needed = propagator.needs(chosen.instants, is_real=is_real)
    if "survival" in chosen.observe:  # two moments a product
        products += propagator.products(chosen.instants[-1:]) // 2
        needed = max(needed, VECTORS * 8 * sector.dim)
    if chosen.survival_moments is not None:
        products += chosen.survival_moments // 2
        needed = max(needed, VECTORS * 8 * sector.dim)
    if chosen.autocorrelation is not None:
        each, most = propagator.needs(chosen.instants, is_real=False)
        products += 2 * chosen.autocorrelation.vectors * each
        needed = max(needed, 2 * most)
    return _evolution(h, sector, chosen.instants.size, products, needed)


def _vectors(h: Hamiltonian, chosen: MeasureEvolution) -> PartEstimate:
    """The random vectors of ``measure.evolution``: one evolution for each level of the system."""
    propagator, levels = Propagator.of(h), h.dims[0]
    each, needed = propagator.needs(sorted(chosen.times), is_real=not h.is_complex)
    products = (chosen.vectors or 0) * levels * each
    return _evolution(h, everything(h.dim), len(chosen.times), products, levels * needed)


def _evolution(h: Hamiltonian, sector: Sector, times: int, products: int, needed: int) -> PartEstimate:
    """So many products with H, and vectors of so many bytes."""
    assert h.composite is not None
    nnz = size_of_strings(h.terms, sector.space.dim).nnz if h.terms else size(h.composite).nnz
    return PartEstimate(
        part="evolution",
        dim=sector.space.dim,
        nnz=nnz,
        sectors=1,
        largest_sector=sector.dim,
        engine="chebyshev",
        reason=f"{times:,} times",
        factor=None,
        factor_entries=None,
        products=products,
        bytes=needed,
        shared=0,
        seconds=products * nnz / 4e9,
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
    problem = replace(Problem.outline(h, parts, spectrum.window), vectors=spectrum.vectors)
    engine: Engine = spectrum.engine
    reason = "chosen in the job"
    if isinstance(engine, Auto):
        engine, reason = engine.choose(problem)
    itemsize, forecast = h.dtype.itemsize, engine.forecast(problem)
    shared, factor, needed, seconds = 0, None, required_memory(largest.dim, itemsize), forecast.seconds
    products = forecast.products or None
    if isinstance(engine, ShiftInvert):
        entries = h.restricted(largest)
        _, factor = petsc.distribute(real_form(entries) if h.is_complex else entries, None, engine.chosen_factor)
        needed = factor.bytes_total
        shared = 8 * factor.entries if factor.by == "blocks" else needed
        seconds = _factor_seconds(factor, len(parts))
    elif isinstance(engine, Filter):
        needed = forecast.bytes
        if largest.dim <= SAMPLED or not h.terms:
            exact = prepare(h, spectrum.window, symmetries=spectrum.symmetries, sector=spectrum.sector)
            forecast = sampled_forecast(replace(exact, vectors=spectrum.vectors), engine)
            needed, products, seconds = forecast.bytes, forecast.products, forecast.seconds
        shared = needed
    if not isinstance(engine, Filter):
        needed += itemsize * _columns(spectrum, engine, parts)
    free = isinstance(engine, Filter) and all(is_matrix_free(h, s) for s in parts)
    if free:
        assert isinstance(engine, Filter)
        stored = itemsize * (VECTORS * (engine.b + 1) + 1) * largest.dim  # those of each chain, and the diagonal
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
        seconds=seconds,
    )


def _columns(spectrum: Spectrum, engine: Engine, parts: tuple[Sector, ...]) -> int:
    """Entries of the vectors that are kept beside an engine's own needs."""
    window = spectrum.window
    if isinstance(window, Whole):
        return sum(s.dim**2 for s in parts) // (spectrum.shells or 1)
    if isinstance(window, Nearest | Density):
        krylov = 1.0 if isinstance(engine, Dense) else 3.3  # the Krylov space and the states
        return int(krylov * window.k * max(s.dim for s in parts))
    return 0


def _factor_seconds(factor: petsc.FactorEstimate, sectors: int) -> float:
    """Time of shift-invert from the entries of the factor, by the laws measured in docs/performance.md."""
    if factor.by == "blocks":  # 250 solutions and three factorisations
        return sectors * (1.1e-6 * factor.entries + 5e-11 * factor.entries**1.5)
    # 14 s for 4.05e7 entries (Imbrie, 14 spins), and the count at both edges
    return 2.5 * 14 * sectors * (factor.entries / 4.05e7) ** 1.2
