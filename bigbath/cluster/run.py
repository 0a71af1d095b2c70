"""Run a job: every task once, each kept as a shard until the result file is whole."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Literal

from threadpoolctl import threadpool_limits

from bigbath.cluster.communicator import on_root, this_rank
from bigbath.cluster.cost import dimensions, ranks_per_task, relative_cost
from bigbath.cluster.realize import Realization, Uncertified, matrix_key, measured, prepare, refuse_unresolved
from bigbath.cluster.schedule import Scheduler
from bigbath.cluster.stop import listening
from bigbath.cluster.workers import work
from bigbath.errors import FileError, IncompleteWindow, JobError
from bigbath.job import Job, family, point_jobs
from bigbath.progress import TASKS, Report, silent, unfailing
from bigbath.resources import count_in, peak_memory
from bigbath.solvers import Comm, petsc
from bigbath.store import Changed, Shards, Survey, header_of, provenance
from bigbath.tasks import Task, lasting_names, tasks_of

#: How a run ended: the result file is written, was there already; a share of the tasks is done; some tasks failed; a
#: signal asked to stop.
State = Literal["done", "was done", "share done", "failed", "stopped"]

#: Where no sector has more states, threads of LAPACK save nothing, and on a machine that others use they wait for each other.
SMALL = 1000

#: Times that merging begins anew since other processes have changed the files meanwhile.
ATTEMPTS = 20


def run(
    job: Job,
    output: str | Path,
    *,
    comm: Comm = None,
    group_size: int | None = None,
    share: tuple[int, int] = (0, 1),
    retry_failed: bool = False,
    report: Report = silent,
) -> State:
    """Compute what is missing of a job and write ``output``.

    Finished tasks are kept in ``<output>.parts/`` and taken from there when an interrupted run is repeated; failed ones
    are noted there, and tried again only with ``retry_failed``. An ``output`` of the same family of jobs, which differ in
    realizations or in the values of the sweep only, is extended. ``share`` = (i, n): do only the i-th of n shares of the
    tasks (0 <= i < n), for job arrays, and leave merging to ``merge``. With a communicator its ranks form groups of
    ``group_size`` (None: as few as the memory allows), each of which takes tasks; rank 0 writes the result file.

    Raises FileError when ``output`` exists and belongs to another family, or cannot be written, and UnresolvedSpectrum
    for statistics of unresolved levels: before any work starts. An error of a job's only task is raised. A ``report`` that
    cannot be written is dropped.
    """
    output, report = Path(output), unfailing(report)
    shards = Shards(output, job)
    if comm is not None:
        petsc.start(this_rank())
    if on_root(comm, lambda: _was_done(shards)):
        return "was done"
    for point in point_jobs(job):
        refuse_unresolved(point)
    with ExitStack() as stack:
        on_root(comm, lambda: stack.enter_context(shards.at_work()))
        tasks, dims = tasks_of(job), dimensions(job)
        cost = relative_cost(job, dims)
        index, count = share
        mine = set(sorted(tasks, key=cost)[index::count])
        todo = [task for task in on_root(comm, lambda: _todo(shards, retry_failed)) if task in mine]
        ranks = 1 if comm is None else comm.size
        start = time.perf_counter()
        if todo:
            scheduler = Scheduler(todo, cost, _matrices(job))
            worker = _Worker(job, shards, scheduler, ranks, report)
            fail = _raise if len(tasks) == 1 else shards.fail
            with listening() as stop, _threads(dims):
                size = group_size or ranks_per_task(job, dims, comm)
                if work(scheduler, worker.compute, fail, comm, size, stop, report):
                    return "stopped"
        if count > 1:
            return "share done"
        where = provenance(ranks=ranks, seconds={"total": time.perf_counter() - start}, seed=job.ensemble.seed)
        return on_root(comm, lambda: _finish(shards, where))


def _threads(dims: Sequence[int]) -> AbstractContextManager[object]:
    """One thread while all tasks are small, else as many as the process has."""
    return threadpool_limits(1) if max(dims) <= SMALL else nullcontext()


def _todo(shards: Shards, retry_failed: bool) -> list[Task]:
    """The tasks of a job that are neither done nor, unless they are to be tried again, failed."""
    survey = shards.survey()
    ended = survey.done.keys() | (() if retry_failed else survey.failed.keys())
    return [task for task, there in survey.numbers(shards.job).items() if there not in ended]


def _matrices(job: Job) -> Callable[[Task], tuple[int, int]]:
    """Number of the matrix of a task: the first point of the sweep that has the same one, and the realization."""
    first: dict[str, int] = {}
    numbers = [first.setdefault(matrix_key(point), number) for number, point in enumerate(point_jobs(job))]
    return lambda task: (numbers[task.point], task.realization)


class _Worker:
    """Computes tasks, one after the other, and keeps what the next one may share with the last."""

    def __init__(self, job: Job, shards: Shards, scheduler: Scheduler, ranks: int, report: Report) -> None:
        self._points, self._shards, self._scheduler, self._ranks = point_jobs(job), shards, scheduler, ranks
        self._alone, self._report = scheduler.left == 1, report
        self._last: Realization | None = None

    def compute(self, task: Task, group: Comm) -> None:
        """Compute a task on the ranks of ``group``; its first rank writes the shard."""
        begun, processor = time.perf_counter(), time.process_time()
        report = self._labelled(task)
        point = self._points[task.point]
        last = self._last
        if last is None or (matrix_key(last.job), last.number) != (matrix_key(point), task.realization):
            self._last = last = None  # two Hamiltonians at a time would double the memory
            last = prepare(point, task.realization, group, report)
        elif last.job != point:
            last = last.at(point)
        self._last = last
        first = group is None or group.rank == 0
        try:
            dataset = measured(last, task.shell, report, self._shards.checkpoint(task, writes=first))
        except Uncertified as error:
            if not first:
                raise
            kept = self._shards.keep_uncertified(task, error.dataset, provenance(ranks=1, seconds={"total": 0.0}))
            raise IncompleteWindow(f"{error} The states found are in {kept}.") from None
        seconds = {"total": time.perf_counter() - begun, "processor": time.process_time() - processor}
        peaks = [peak_memory()] if group is None else group.allgather(peak_memory())
        where = provenance(ranks=len(peaks), seconds=seconds, peak_memory_bytes=max(peaks))
        if first:
            self._shards.write(task, dataset.assign_attrs(provenance=json.dumps(where)), where)

    def _labelled(self, task: Task) -> Report:
        if self._alone:
            return self._report
        if self._ranks > 1:  # rank 0 reports how many tasks are done, and nothing of each
            return silent
        self._report(f"{TASKS}, {self._scheduler}", self._scheduler.fraction, 1.0)
        label = f"{task.name.replace('_', ' ')}: "
        return lambda text, *numbers: self._report(label + text, *numbers)


def _raise(task: Task, error: Exception) -> None:
    raise error


def _finish(shards: Shards, where: dict) -> State:
    """Merge if everything is there."""
    for _ in range(ATTEMPTS):
        survey = shards.survey()
        mine = set(survey.numbers(shards.job).values())
        if mine & survey.failed.keys():
            return "failed"
        if lost := mine - survey.done.keys():
            raise FileError(
                f"{len(lost)} task(s) that were computed are no longer in {shards.directory}: run the same command again"
            )
        with suppress(Changed):
            shards.merge(survey, where)
            return "done"
    raise FileError(f"other processes keep changing {shards.output} and its shards: run the same command again")


def merge(output: str | Path, *, partial: bool = False, others: Sequence[Path] = ()) -> Survey:
    """Make the result file of its shards, each task once; returns what was there. Repeating it changes nothing.

    What the file held before, and what is in ``others``, results of the same family, goes into it too. FileError when
    tasks are missing, unless ``partial``: then the file holds what there is, and the shards are kept.
    """
    shards = Shards.found(Path(output), others)
    for _ in range(ATTEMPTS):
        survey = shards.survey(others)
        left = bool(survey.missing or survey.failed)
        if left and not partial:
            raise FileError(
                f"{len(survey.missing)} task(s) are missing and {len(survey.failed)} failed: run the job again (with "
                "--retry-failed), or merge what there is with --partial. `bigbath status` lists them."
            )
        where = provenance(ranks=1, seconds={"total": 0.0}, seed=survey.job.ensemble.seed)
        with suppress(Changed):
            shards.merge(survey, where, keep=left)
            return survey
    raise FileError(f"other processes keep changing {output} and its shards: merge it again when they have ended")


def _was_done(shards: Shards) -> bool:
    """Whether the result file has every task; then shards that a killed run has left beside it are removed."""
    if not whole(shards.output, shards.job):
        return False
    if shards.directory.exists():
        with suppress(FileError), shards.at_work():
            survey = shards.survey()
            if survey.done.keys() <= survey.merged:
                shards.tidy(survey)
    return True


def whole(output: Path, job: Job) -> bool:
    """Whether ``output`` has every task of this job; FileError when it is of another family, or no result."""
    if not output.exists():
        return False
    return set(lasting_names(job).values()) <= header_of(output, family(job)).names.keys()


def share_of_array(text: str | None, environment: dict[str, str]) -> tuple[int, int]:
    """(i, n) of "i/n", or of SLURM's array variables; JobError when these do not say which share is meant."""
    if text is not None:
        try:
            index, count = map(int, text.split("/"))
        except ValueError:
            index, count = -1, 0
        if not 0 <= index < count:
            raise JobError(f"--share {text}: give I/N with 0 <= I < N, as 3/16")
        return index, count
    member, first, last = (count_in(f"SLURM_ARRAY_TASK_{name}", environment, least=0) for name in ("ID", "MIN", "MAX"))
    count = count_in("SLURM_ARRAY_TASK_COUNT", environment) or 1
    if member is None:
        return 0, 1
    if (first or 0, last or 0) != (0, count - 1) or member >= count:
        raise JobError(
            "this is a SLURM array whose indices are not 0 ... N-1: say which share of the tasks each member does, as "
            "--share $SLURM_ARRAY_TASK_ID/16"
        )
    return member, count
