"""What a job is made of: parameter points of its sweep x disorder realizations x energy shells, in a stable order."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from bigbath.job import Ensemble, Job, family, point_jobs
from bigbath.sweep import Sweep

_NAME = re.compile(r"(?:point_(\d+)_)?realization_(\d+)(?:_shell_(\d+))?")


@dataclass(frozen=True, kw_only=True, order=True)
class Task:
    """One unit of work: energy ``shell`` of disorder ``realization`` at parameter ``point``, each a number.

    Its numbers follow from the job, the point and (master seed, realization) alone, whoever computes it.
    """

    point: int = 0
    realization: int
    shell: int = 0

    @property
    def name(self) -> str:
        """Name of its group in a result file and of its shard; point and shell 0 are not written."""
        point = f"point_{self.point:04d}_" if self.point else ""
        shell = f"_shell_{self.shell:03d}" if self.shell else ""
        return f"{point}realization_{self.realization:05d}{shell}"

    @classmethod
    def parse(cls, name: str) -> "Task | None":
        """The task of a name, None for a name of something else."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        point, realization, shell = (int(number or 0) for number in match.groups())
        return cls(point=point, realization=realization, shell=shell)


def tasks_of(job: Job) -> tuple[Task, ...]:
    """Every task of a job, by point, realization and shell."""
    chosen = range(job.ensemble.first, job.ensemble.first + job.ensemble.realizations)
    return tuple(
        Task(point=number, realization=realization, shell=shell)
        for number, point in enumerate(point_jobs(job))
        for realization in chosen
        for shell in range(point.spectrum.shells or 1)
    )


def coordinates(job: Job) -> list[dict[str, Any]]:
    """The swept parameters of each point, as {"model.W": 2.0}; one empty dictionary without a sweep."""
    return [{}] if job.sweep is None else job.sweep.points()


def point_names(job: Job) -> tuple[str, ...]:
    """A name for each point of the sweep that depends on its parameters alone, not on its number; () without a sweep."""
    return () if job.sweep is None else tuple(f"point_{family(point)}_" for point in point_jobs(job))


def lasting_name(task: Task, points: tuple[str, ...]) -> str:
    """The name of a task in every job of its family, whatever the number of its point; ``points``: ``point_names``."""
    return (points[task.point] if points else "") + replace(task, point=0).name


def lasting_names(job: Job) -> dict[Task, str]:
    """Every task of a job and its lasting name; two tasks have the same one if a value is twice in the sweep."""
    points = point_names(job)
    return {task: lasting_name(task, points) for task in tasks_of(job)}


def covering(job: Job, others: Iterable[Job]) -> Job:
    """The smallest job that has every task of ``job`` and of ``others`` of its family; ``job`` itself if it has them.

    A job's realizations are consecutive and its points are all combinations, so that it may also have tasks that
    nobody has asked for. JobError if one of these combinations cannot be.
    """
    others = list(others)
    ensembles = [job.ensemble, *(other.ensemble for other in others)]
    first = min(e.first for e in ensembles)
    end = max(e.first + e.realizations for e in ensembles)
    ensemble = Ensemble(seed=job.ensemble.seed, first=first, realizations=end - first)
    sweep = job.sweep
    if sweep is not None:
        values = sweep.values()
        wider: dict[str, Any] = {
            key: _union(values[key], (o.sweep.values()[key] for o in others if o.sweep)) for key in values
        }
        if wider != values:
            sweep = Sweep(wider)
    return job if (ensemble, sweep) == (job.ensemble, job.sweep) else replace(job, ensemble=ensemble, sweep=sweep)


def _union(values: tuple[Any, ...], others: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """``values`` if they hold all the others, else all of them: numbers in ascending order, the rest as they come."""
    more = list(values)
    for other in others:
        more += [value for value in other if value not in more]
    if len(more) == len(values):
        return values
    return tuple(sorted(more) if all(isinstance(value, int | float) for value in more) else more)
