"""The directory ``<result>.parts`` of a run at work: one result file for each task that is done, a note for each failure.

Result file and directory belong to one family of jobs. A task has the same numbers in every job of its family.
"""

import json
import os
import shutil
import socket
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import xarray as xr

from bigbath.checkpoint import ENDING, Checkpoint
from bigbath.choice import path_of
from bigbath.errors import FileError, JobError
from bigbath.job import Job, family, job_hash, resolved
from bigbath.store.replacing import PATIENCE, alone_in, directory, lock, write_json
from bigbath.store.result import (
    Changed,
    Header,
    KnownJob,
    Result,
    known_job,
    load_tasks,
    merge_results,
    open_result,
    read_header,
    write_result,
)
from bigbath.tasks import Task, covering, lasting_name, lasting_names, tasks_of

#: Bytes of a result file's name; drafts of it have the host's name as well.
LONGEST_NAME = 160


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is of a run: where each task that is ``done`` lies, ``failed`` tasks with their last error's record,
    ``missing`` ones, files that are ``corrupt`` or ``foreign``, and shards whose tasks are ``duplicate``.

    Tasks are numbered as in ``job``, which covers all that is asked for and all that was found. ``groups``: the name that
    a task has in its file. ``merged``: tasks that are in the result file, of which ``version`` tells a later one.
    """

    job: Job
    done: dict[Task, Path]
    groups: dict[Task, str]
    merged: frozenset[Task]
    failed: dict[Task, dict[str, Any]]
    missing: tuple[Task, ...]
    corrupt: tuple[Path, ...]
    foreign: tuple[Path, ...]
    duplicate: tuple[Path, ...]
    version: tuple[int, ...] | None

    def numbers(self, job: Job) -> dict[Task, Task]:
        """Every task of a ``job`` that was surveyed, and the same task as it is numbered here."""
        if job.sweep == self.job.sweep:
            return {task: task for task in tasks_of(job)}
        here = {name: task for task, name in lasting_names(self.job).items()}
        return {task: here[name] for task, name in lasting_names(job).items()}

    def sources(self) -> dict[Path, dict[Task, str]]:
        """For each file its tasks that are to be taken from it, and their names there."""
        found: dict[Path, dict[Task, str]] = {}
        for task, path in sorted(self.done.items()):
            found.setdefault(path, {})[task] = self.groups[task]
        return found


class Shards:
    """Shards of the run that will write ``output``; every file appears by renaming, whole or not at all."""

    def __init__(self, output: Path, job: Job) -> None:
        self.output, self.job = output, job
        self.directory = directory_of(output)
        self._family = family(job)
        self._descriptor: int | None = None

    @classmethod
    def found(cls, output: Path, others: Sequence[Path] = ()) -> "Shards":
        """Those of a run that was begun, whose job is found beside them, or in ``others``; FileError when there is none."""
        where = directory_of(output)
        recorded = _recorded(where)
        job = recorded.job if recorded else None
        files = [*sorted(where.glob("*.h5")), *([output] if os.path.exists(output) else []), *others]
        while job is None and files:
            try:
                job = read_header(files.pop(0)).job
            except FileError:
                if not files and not where.exists():
                    raise
        if job is None:
            raise FileError(f"there is no result file {output}, nor shards of one in {where}")
        return cls(output, job)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Within the block this process may write here, perhaps with others that run jobs of the same family.

        FileError when the place cannot be written, or belongs to another family. An unfinished run of another family of
        which nothing is done, and which no process of this machine is at work on, gives way.
        """
        try:
            descriptor = self._enter()
        except OSError as error:
            raise FileError(f"cannot write to {self.directory.parent}: {error}") from None
        self._descriptor = descriptor
        try:
            with alone_in(self.directory.parent):
                self._take_over(descriptor)
                self._record()
            yield
        finally:
            self._descriptor = None
            os.close(descriptor)

    def _enter(self) -> int:
        """Make the directory and lock it together with other runs."""
        self.directory.mkdir(parents=True, exist_ok=True)
        place = Path(os.path.realpath(self.output)).parent
        if not os.access(place, os.W_OK):
            raise PermissionError(f"no permission to write in {place}")
        deadline = time.monotonic() + PATIENCE
        while True:
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
            mine = lock(descriptor, exclusive=False) or time.monotonic() > deadline
            with suppress(FileNotFoundError):  # removed by the run that held it
                if mine and os.path.samestat(os.fstat(descriptor), os.stat(self.directory)):
                    return descriptor
            os.close(descriptor)
            time.sleep(1e-3)

    def _take_over(self, descriptor: int) -> None:
        """FileError if the directory belongs to another family, unless nothing of that is done or being done."""
        if self._owners() <= {self._family}:
            return
        if not lock(descriptor, exclusive=True):
            raise FileError(f"{self.directory}: a run of another job is at work there; choose another name with -o")
        if any(self.directory.glob("*.h5")) or any(self.directory.glob(f"*{ENDING}")):
            raise FileError(
                f"{self.directory} holds the unfinished run of another job; choose another name with -o, or remove it"
            )
        for note in self.directory.glob("*.json"):
            note.unlink()
        lock(descriptor, exclusive=False)

    def _owners(self) -> set[str]:
        """The families whose directory this is: that of job.json, or of the shards if that is lost."""
        recorded = _recorded(self.directory)
        if recorded is not None:
            return {recorded.family}
        found = set()
        for path in self.directory.glob("*.h5"):
            with suppress(FileError):
                found.add(read_header(path).family or f"an earlier version's, {path}")
        return {self._family} if self._family in found else found

    def _record(self) -> None:
        """Write job.json: the job that covers this one and those of its family that are at work here."""
        recorded = _recorded(self.directory)
        content = resolved(_covering(self.job, [recorded.job] if recorded else []).job)
        try:
            if recorded is None or resolved(recorded.job) != content:
                write_json(self.directory / "job.json", content)
        except OSError as error:
            raise FileError(f"cannot write to {self.directory}: {error}") from None

    @contextmanager
    def _owned(self) -> Iterator[None]:
        """FileError if the directory was given to another family; a job.json that is lost is written again."""
        recorded = _recorded(self.directory)
        if recorded is None:
            with alone_in(self.directory.parent):
                self._record()
        elif recorded.family != self._family:
            raise FileError(
                f"{self.directory} now belongs to a run of another job, which was started with the same -o; what this run "
                "was computing is dropped"
            )
        yield

    @cached_property
    def _names(self) -> dict[Task, str]:
        return lasting_names(self.job)

    def path(self, task: Task) -> Path:
        """Where the shard of a task lies."""
        return self.directory / f"{self._names[task]}.h5"

    def checkpoint(self, task: Task, *, writes: bool = True) -> Checkpoint:
        """Where a task keeps what it has reached until it is done; ``writes``: whether this process does."""
        return Checkpoint(path=self.directory / f"{self._names[task]}{ENDING}", writes=writes)

    def write(self, task: Task, dataset: xr.Dataset, provenance: dict[str, Any]) -> None:
        """Keep a task's result; an earlier failure of it, and what it had reached before, are forgotten."""
        self._make()
        write_result(self.path(task), self.job, [(task, dataset)], provenance, self._owned)
        self._failure(task).unlink(missing_ok=True)
        for reached in self.directory.glob(f"{self._names[task]}.*{ENDING}"):
            reached.unlink(missing_ok=True)

    def keep_uncertified(self, task: Task, dataset: xr.Dataset, provenance: dict[str, Any]) -> Path:
        """Write the states of a window that is not certified complete beside the shards; returns where. The task is not done."""
        path = self.directory / "uncertified" / f"{task.name}.h5"
        path.parent.mkdir(exist_ok=True)
        write_result(path, self.job, [(task, dataset)], provenance)
        return path

    def fail(self, task: Task, error: Exception) -> None:
        """Record why a task failed."""
        record = {
            "error": f"{type(error).__name__}: {error}",
            "traceback": "".join(traceback.format_exception(error)),
            "host": socket.gethostname(),
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._make()
        try:
            with self._owned():
                write_json(self._failure(task), record)
        except OSError as problem:
            raise FileError(f"cannot write to {self.directory}: {problem}") from error

    def _make(self) -> None:
        """Make the directory again if someone has removed it."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot write to {self.directory.parent}: {error}") from None

    def _failure(self, task: Task) -> Path:
        return self.directory / f"{self._names[task]}.failed.json"

    def survey(self, others: Sequence[Path] = ()) -> Survey:
        """Read every file, ``others``: also these results. A task that is in several is taken from the first by name.

        FileError when the result file, or one of the others, is damaged or belongs to another family.
        """
        headers: dict[Path, Header] = {}
        corrupt, foreign = [], []
        for path in sorted(self.directory.glob("*.h5")):
            try:
                header = read_header(path)
            except FileError:
                if path.exists():
                    corrupt.append(path)
                continue
            if header.family == self._family:
                headers[path] = header
            else:
                foreign.append(path)
        version = _version(self.output)  # after the shards: what is no longer there has been merged into it
        merged = None if version is None else header_of(self.output, self._family)
        more = {path: header_of(path, self._family) for path in others}
        recorded = _recorded(self.directory)
        jobs = {h.job_hash: h.job for h in (*headers.values(), *([merged] if merged else []), *more.values())}
        if recorded is not None and recorded.family == self._family:
            jobs[recorded.job_hash] = recorded.job
        cover = _covering(self.job, jobs.values())
        wanted: dict[str, list[Task]] = {}
        for task in tasks_of(cover.job):
            wanted.setdefault(lasting_name(task, cover.points), []).append(task)
        done: dict[Task, Path] = {}
        groups: dict[Task, str] = {}
        duplicate = []
        for path, header in [*headers.items(), *([(self.output, merged)] if merged else []), *more.items()]:
            tasks = {task: there.name for name, there in header.names.items() for task in wanted.get(name, ())}
            if path in headers and not done.keys().isdisjoint(tasks):
                duplicate.append(path)
            done = dict.fromkeys(tasks, path) | done
            groups = tasks | groups
        failed: dict[Task, dict[str, Any]] = {}
        for path in self.directory.glob("*.failed.json"):
            with suppress(OSError, ValueError):
                record = json.loads(path.read_text())
                tasks_here = wanted.get(path.name.removesuffix(".failed.json"), ())
                failed |= {task: record for task in tasks_here if task not in done}
        return Survey(
            job=cover.job, done=done, groups=groups, failed=failed,
            merged=frozenset(t for name in (merged.names if merged else ()) for t in wanted.get(name, ())),
            missing=tuple(t for each in wanted.values() for t in each if t not in done and t not in failed),
            corrupt=tuple(corrupt), foreign=tuple(foreign), duplicate=tuple(duplicate), version=version,
        )  # fmt: skip

    def merge(self, survey: Survey, provenance: dict[str, Any], *, keep: bool = False) -> None:
        """Write the result file of all that is done, with what it held before; ``keep``: leave the shards.

        Changed when another process has changed files since they were surveyed.
        """
        if survey.version is None or not survey.done.keys() <= survey.merged:
            merge_results(self.output, survey.job, survey.sources(), provenance, lambda: self._unchanged(survey))
        if not keep:
            self.tidy(survey)

    @contextmanager
    def _unchanged(self, survey: Survey) -> Iterator[None]:
        """Changed if the result file is another than was surveyed; meanwhile nobody else replaces it."""
        with alone_in(Path(os.path.realpath(self.output)).parent):
            if _version(self.output) != survey.version:
                raise Changed(f"{self.output} was changed by another process")
            yield

    def tidy(self, survey: Survey) -> None:
        """Remove the shards whose tasks are in the result file, and the directory unless others need it."""
        for path in {*survey.done.values(), *survey.duplicate}:
            if path.parent == self.directory:
                with suppress(OSError):
                    path.unlink()
        if survey.failed or survey.foreign:
            return
        with suppress(OSError), directory(self.directory) as opened:
            alone = lock(opened if self._descriptor is None else self._descriptor, exclusive=True)
            if alone and set(self.directory.glob("*.h5")) <= set(survey.corrupt):
                shutil.rmtree(self.directory)


def header_of(output: Path, its_family: str) -> Header:
    """The header of a result file; FileError when it is damaged or of another family, and is left as it is."""
    try:
        header = read_header(output)
    except FileError as error:
        raise FileError(f"{error} It is left as it is; choose another name with -o.") from None
    if header.family is None:
        raise FileError(
            f"{output} was written by another version of bigbath, for which its job meant something else; choose another "
            "name with -o"
        )
    if header.family != its_family:
        raise FileError(f"{output} holds the result of another job; choose another name with -o, or remove it")
    return header


def directory_of(output: Path) -> Path:
    """Where the shards of a result file are kept until it is whole.

    FileError, before anything is touched, for what cannot be the name of a result file.
    """
    try:
        if "\0" in str(output) or output.is_dir() or not output.name:
            raise FileError(f"{str(output)!r} cannot be a result file; give the name of a file, as -o result.h5")
    except OSError as error:
        raise FileError(f"{str(output)[:200]!r} cannot be a result file: {error.strerror}") from None
    if len(os.fsencode(output.name)) > LONGEST_NAME:
        raise FileError(f"the name {output.name[:40]}... is too long for a result file, at most {LONGEST_NAME} bytes")
    return output.with_name(output.name + ".parts")


def open_run(path: str | Path) -> Result:
    """A result file, or what there is of it so far: with the shards of a run that is still at work or was interrupted.

    FileError when there is neither.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), ensemble=bb.Ensemble(realizations=4))
    >>> _ = bb.run(job, "part.h5", share=(0, 2))
    >>> len(bb.open_run("part.h5").tasks)
    2
    """
    path = Path(str(path_of(path)).removesuffix(".parts"))
    if not directory_of(path).exists() and path.exists():
        return open_result(path)
    survey = Shards.found(path).survey()
    if not survey.done:
        raise FileError(f"no task of {path} is done yet ({len(survey.missing)} to do, {len(survey.failed)} failed)")
    tasks: dict[Task, xr.Dataset] = {}
    for source, groups in survey.sources().items():
        tasks |= load_tasks(source, groups)
    before = read_header(path).provenance if survey.version else {"seconds": {}}
    return Result(
        path=path, job=survey.job, job_hash=job_hash(survey.job), provenance=before, tasks=dict(sorted(tasks.items()))
    )


def _covering(job: Job, others: Iterable[Job]) -> KnownJob:
    """The job that covers several; FileError when one of its points cannot be."""
    try:
        return known_job(json.dumps(resolved(covering(job, others))))
    except (JobError, ValueError) as error:
        raise FileError(f"these jobs do not go into one result file: {error}") from None


def _recorded(where: Path) -> KnownJob | None:
    """The job in job.json; None if that is missing or damaged."""
    try:
        return known_job((where / "job.json").read_text())
    except (OSError, ValueError, TypeError, JobError):
        return None


def _version(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is replaced; None if there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size
