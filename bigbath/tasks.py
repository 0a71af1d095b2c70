"""What a job is made of: parameter points of its sweep x disorder realizations x energy shells, in a stable order."""

import re
from dataclasses import dataclass
from typing import Any

from bigbath.job import Job, point_jobs

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
