"""What a job would need, before it is started: dimensions, nonzeros, engine, memory of the factorisation."""

from dataclasses import dataclass

from bigbath.job import Job, Spectrum
from bigbath.models import Composite, draw
from bigbath.operators import build, is_matrix_free, size
from bigbath.resources import memory_limit
from bigbath.solvers import Auto, Filter, ShiftInvert, choose, petsc
from bigbath.solvers.dense import required_memory
from bigbath.solvers.filter import forecast
from bigbath.solvers.solve import prepare
from bigbath.spaces import sectors


@dataclass(frozen=True, kw_only=True)
class PartEstimate:
    """One Hamiltonian of a job: "H" or "B". ``nnz``: at most so many nonzeros. ``bytes``: the largest single need, factorisation, basis of
    the filter or LAPACK workspace. ``shared``: so many of these bytes are shared out among ranks
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
    """``parts`` of one realization, how many ``realizations``, and the memory that is ``free`` here."""

    parts: tuple[PartEstimate, ...]
    realizations: int
    free: int

    @property
    def fits(self) -> bool:
        """Whether one realization fits into the memory that is free."""
        return max(p.bytes for p in self.parts) <= self.free


def estimate(job: Job) -> Estimate:
    """Needs of a job from its first realization; the factorisation's from its symbolic analysis.

    The filter's from the density of states.
    Builds sparse matrices at most. ImpossibleRequest when even they do not fit.
    """
    composite = draw(job.model, seed=job.ensemble.seed, realization=job.ensemble.first)
    parts = [_part(composite, "H", job.spectrum)]
    if job.bath is not None:
        parts.append(_part(composite, "B", job.bath))
    return Estimate(parts=tuple(parts), realizations=job.ensemble.realizations, free=memory_limit())


def _part(composite: Composite, part: str, spectrum: Spectrum) -> PartEstimate:
    h, matrix = build(composite, part), size(composite, part)  # type: ignore[arg-type]
    parts = sectors(h, use=spectrum.symmetries, only=spectrum.sector)
    largest = max(parts, key=lambda s: s.dim)
    engine, reason = spectrum.engine, "chosen in the job"
    if isinstance(engine, Auto):
        engine, reason = choose(h, parts, spectrum.window)
    shared, factor, products, needed = 0, None, None, required_memory(largest.dim, 16 if h.is_complex else 8)
    if isinstance(engine, ShiftInvert):
        _, factor = petsc.distribute(h.restricted(largest), None, engine.chosen_factor)
        needed = factor.bytes_total
        shared = 8 * factor.entries if factor.by == "blocks" else needed
    if isinstance(engine, Filter):
        problem = prepare(h, spectrum.window, symmetries=spectrum.symmetries, sector=spectrum.sector)
        needed, products = forecast(problem, engine)
        shared = needed
    return PartEstimate(
        part=part,
        dim=h.dim,
        nnz=matrix.nnz,
        sectors=len(parts),
        largest_sector=largest.dim,
        engine=engine.kind,
        reason=reason,
        factor=factor.by if factor else None,
        factor_entries=factor.entries if factor else None,
        products=products,
        bytes=needed + (0 if isinstance(engine, Filter) and all(is_matrix_free(h, s) for s in parts) else matrix.bytes),
        shared=shared,
    )
