"""What tasks cost: relative costs for scheduling, and how many ranks must share a factorisation."""

from collections.abc import Callable
from functools import cache

from bigbath.cluster.communicator import on_root
from bigbath.cluster.estimate import PartEstimate, estimate
from bigbath.hamiltonian import size
from bigbath.job import Job, point_jobs
from bigbath.models import draw
from bigbath.resources import launched_ranks_here, memory_limit
from bigbath.solvers import Comm
from bigbath.tasks import Task


def relative_cost(job: Job) -> Callable[[Task], float]:
    """Cost of a task in units that only order tasks: the cube of its dimension, by parameter point."""
    points = point_jobs(job)

    @cache
    def of_point(number: int) -> float:
        point = points[number]
        composite = draw(point.model, seed=point.ensemble.seed, realization=point.ensemble.first)
        return float(size(composite).dim) ** 3 / (point.spectrum.shells or 1)

    return lambda task: of_point(task.point)


def ranks_per_task(job: Job, comm: Comm) -> int:
    """The fewest ranks over which the largest factorisation of the job fits into their memory; 1 for LAPACK."""
    if comm is None or comm.size == 1:
        return 1
    return on_root(comm, lambda: _fewest(job, comm.size))


def _fewest(job: Job, ranks: int) -> int:
    points, cost = point_jobs(job), relative_cost(job)
    largest = max(range(len(points)), key=lambda number: cost(Task(point=number, realization=0)))
    part = estimate(points[largest]).parts[0]
    if part.engine == "dense":
        return 1
    needed = -(-part.bytes // max(1, memory_limit() // launched_ranks_here()))
    return next((size for size in range(1, ranks) if ranks % size == 0 and size >= needed), ranks)


def seconds_of(part: PartEstimate) -> float:
    """Rough time of one solve on two cores of 2020s hardware, from the laws measured in docs/performance.md."""
    if part.engine == "dense":
        return 1e-10 * part.sectors * part.largest_sector**3
    if part.factor_entries is not None:  # 14 s for 4.05e7 entries (Imbrie, 14 spins), and the count at both edges
        return 2.5 * 14 * part.sectors * (part.factor_entries / 4.05e7) ** 1.2
    return 20 * part.sectors * (part.largest_sector / 2**16) ** 2.1
