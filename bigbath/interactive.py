"""A job run from Python: with progress on the screen, and its result as the value."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from bigbath.choice import choice, path_of
from bigbath.cli.progress import ProgressReport
from bigbath.cluster.run import run as run_job
from bigbath.errors import FailedTasks, JobError, Stopped
from bigbath.job import Job, load_job
from bigbath.progress import Report
from bigbath.solvers import Comm
from bigbath.store import Result, Shards, open_run


@choice
class _Chosen:
    share: tuple[int, int]
    group_size: Annotated[int, Field(ge=1)] | None
    retry_failed: bool

    @model_validator(mode="after")
    def _check(self) -> "_Chosen":
        if not 0 <= self.share[0] < self.share[1]:
            raise ValueError(f"share = {self.share}: give (i, n) with 0 <= i < n, as (3, 16)")
        return self


def run(
    job: Job | str | Path,
    output: str | Path | None = None,
    *,
    comm: Comm = None,
    group_size: int | None = None,
    share: tuple[int, int] = (0, 1),
    retry_failed: bool = False,
    report: Report | None = None,
) -> Result | None:
    """Compute what is missing of a job and return its result; a finished one is read.

    ``job``: a ``Job``, or the path of a job file. ``output``: the result file (None: the result is not kept on disk).
    ``share`` = (i, n): only the i-th of n shares of the tasks; then, and on all ranks of ``comm`` but the first, None is
    returned. ``group_size``: ranks that share a task. ``retry_failed``: try failed tasks again. ``report``: told of the
    progress (None: a bar on a terminal, a line in a notebook or a log).

    Raises JobError and FileError before any work starts, the error of a job's only task, and FailedTasks when some of
    several failed: ``open_run(output)`` has the others.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), measure={"gap_ratio": {}})
    >>> len(bb.run(job, "gap_ratio.h5").tasks)
    1
    """
    job = _job(job)
    chosen = _Chosen(share=share, group_size=group_size, retry_failed=retry_failed)
    if output is not None:
        return _run(job, path_of(output), comm, chosen, report)
    if chosen.share[1] > 1 or (comm is not None and comm.size > 1):
        raise JobError("shares of a job, and several ranks, need a result file that all of them see: give output")
    directory = Path(tempfile.mkdtemp(prefix="bigbath-"))
    result = _run(job, directory / "result.h5", comm, chosen, report)  # what is done is kept if this raises
    (directory / "result.h5").unlink()
    directory.rmdir()
    return None if result is None else replace(result, path=None)


def _job(job: object) -> Job:
    if isinstance(job, str | Path):
        return load_job(job)
    if not isinstance(job, Job):
        raise JobError(f"run takes a Job or the path of a job file, not a {type(job).__name__}")
    return job


def _run(job: Job, output: Path, comm: Comm, chosen: _Chosen, report: Report | None) -> Result | None:
    first = comm is None or comm.rank == 0
    with ProgressReport(quiet=report is not None or not first) as shown:
        state = run_job(
            job,
            output,
            comm=comm,
            group_size=chosen.group_size,
            share=chosen.share,
            retry_failed=chosen.retry_failed,
            report=report or shown,
        )
    if state == "stopped":
        raise Stopped("stopped by a signal; run the same job again to go on")
    if state == "failed":
        failed = Shards(output, job).survey().failed
        errors = "".join(f"\n  {task.name}: {record['error']}" for task, record in list(failed.items())[:3])
        raise FailedTasks(
            f"{len(failed)} task(s) failed; open_run({str(output)!r}) has the others, retry_failed=True tries again:{errors}"
        )
    return open_run(output) if first and state in ("done", "was done") else None
