"""What tasks cost: relative costs for scheduling, and how many ranks must share a factorisation."""

from collections.abc import Callable, Sequence

import numpy as np

from bigbath.cluster.communicator import on_root
from bigbath.cluster.estimate import PartEstimate, estimate
from bigbath.job import Job, point_jobs
from bigbath.models import SpinComposite, draw
from bigbath.operators import build, size
from bigbath.resources import launched_ranks_here, memory_limit
from bigbath.solvers import Comm
from bigbath.solvers.dense import required_memory
from bigbath.spaces import spaces_of
from bigbath.tasks import Task


def dimensions(job: Job) -> tuple[int, ...]:
    """Number of configurations at each parameter point: all of them, or those with the charges of the selected sector.

    From counts alone: no state is listed.
    """
    return tuple(_dimension(point) for point in point_jobs(job))


def _dimension(point: Job) -> int:
    composite, spectrum = draw(point.model, seed=point.ensemble.seed, realization=point.ensemble.first), point.spectrum
    if not spectrum.sector or not isinstance(composite, SpinComposite):
        return size(composite).dim
    spaces = spaces_of(build(composite), use=spectrum.symmetries, only=spectrum.sector)
    return max(1, sum(space.dim for space in spaces))


def relative_cost(job: Job, dims: Sequence[int]) -> Callable[[Task], float]:
    """Cost of a task in units that only order tasks: the cube of its point's dimension, over its energy shells."""
    shells = (point.spectrum.shells or 1 for point in point_jobs(job))
    costs = [float(dim) ** 3 / n for dim, n in zip(dims, shells, strict=True)]
    return lambda task: costs[task.point]


def ranks_per_task(job: Job, dims: Sequence[int], comm: Comm) -> int:
    """The fewest ranks over which the largest factorisation of the job fits into their memory; 1 for LAPACK.

    That factorisation is analysed only where even LAPACK's workspace would not fit into the memory of a rank.
    """
    if comm is None or comm.size == 1:
        return 1
    return on_root(comm, lambda: _fewest(job, dims, comm.size))


def _fewest(job: Job, dims: Sequence[int], ranks: int) -> int:
    largest, memory = int(np.argmax(dims)), memory_limit() // launched_ranks_here()
    if required_memory(dims[largest]) <= memory:
        return 1
    part = estimate(point_jobs(job)[largest]).parts[0]
    if part.engine in ("dense", "chebyshev"):
        return 1
    return next((n for n in range(1, ranks) if ranks % n == 0 and _share(part, n) <= memory), ranks)


def _share(part: PartEstimate, ranks: int) -> float:
    """Memory of the rank that has most: MUMPS shares a factorisation out unevenly (measured for two)."""
    if ranks == 1:
        return part.bytes
    return part.bytes - part.shared + part.shared * (1.7 if part.factor == "mumps" else 1.1) / ranks
