"""The directory ``<result>.parts`` of a run at work: one result file for each task that is done, a note for each failure."""

import json
import os
import socket
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from bigbath.errors import FileError
from bigbath.job import Job, job_hash, parse_job, resolved
from bigbath.store.result import Result, open_result, read_header, write_result
from bigbath.tasks import Task, tasks_of


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is of a run: where each task that is ``done`` lies, ``failed`` tasks with their last error's record,
    ``missing`` ones, files that are ``corrupt`` or ``foreign``, and files whose tasks are ``duplicate``.
    """

    done: dict[Task, Path]
    failed: dict[Task, dict[str, Any]]
    missing: tuple[Task, ...]
    corrupt: tuple[Path, ...] = ()
    foreign: tuple[Path, ...] = ()
    duplicate: tuple[Path, ...] = field(default=())


class Shards:
    """Shards of the run that will write ``output``; every file appears by renaming, whole or not at all."""

    def __init__(self, output: Path, job: Job) -> None:
        self.output, self.job = output, job
        self.directory = directory_of(output)

    def prepare(self) -> None:
        """Make the directory and prove that it can be written; FileError if not, or if it belongs to another job."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                if job_hash(job_of(self.output)) != job_hash(self.job):
                    self._take_over()
            _write(self.directory / "job.json", resolved(self.job))
        except OSError as error:
            raise FileError(f"cannot write to {self.directory.parent}: {error}") from None

    def _take_over(self) -> None:
        """Make the directory of another job ours, if nothing of that is done yet."""
        if any(self.directory.glob("*.h5")):
            raise FileError(
                f"{self.directory} holds the unfinished run of another job; choose another name with -o, or remove it"
            )
        for note in self.directory.glob("*.failed.json"):
            note.unlink()

    def path(self, task: Task) -> Path:
        """Where the shard of a task lies."""
        return self.directory / f"{task.name}.h5"

    def write(self, task: Task, dataset: xr.Dataset, provenance: dict[str, Any]) -> None:
        """Keep a task's result; an earlier failure of it is forgotten."""
        write_result(self.path(task), self.job, [(task, dataset)], provenance)
        self._failure(task).unlink(missing_ok=True)

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
        try:
            _write(self._failure(task), record)
        except OSError as problem:
            raise FileError(f"cannot write to {self.directory}: {problem}") from error

    def survey(self) -> Survey:
        """Check every shard. A task that is in several files is taken from the first by name."""
        done: dict[Task, Path] = {}
        corrupt, foreign, duplicate = [], [], []
        wanted = tasks_of(self.job)
        for path in sorted(self.directory.glob("*.h5")):
            try:
                header = read_header(path)
            except FileError:
                corrupt.append(path)
                continue
            if header["job_hash"] != job_hash(self.job):
                foreign.append(path)
                continue
            if any(task in done for task in header["tasks"]):
                duplicate.append(path)
            done = dict.fromkeys(header["tasks"], path) | done
        failed = {}
        for path in self.directory.glob("*.failed.json"):
            task = Task.parse(path.name.removesuffix(".failed.json"))
            with suppress(OSError, ValueError):
                if task is not None and task not in done:
                    failed[task] = json.loads(path.read_text())
        missing = tuple(task for task in wanted if task not in done and task not in failed)
        return Survey(
            done=done, failed=failed, missing=missing,
            corrupt=tuple(corrupt), foreign=tuple(foreign), duplicate=tuple(duplicate),
        )  # fmt: skip

    def _failure(self, task: Task) -> Path:
        return self.directory / f"{task.name}.failed.json"


def directory_of(output: Path) -> Path:
    """Where the shards of a result file are kept until it is whole."""
    return output.with_name(output.name + ".parts")


def job_of(output: Path) -> Job:
    """The job of a run at work; FileNotFoundError when there is none."""
    return parse_job(json.loads((directory_of(output) / "job.json").read_text()))


def open_run(path: str | Path) -> Result:
    """A result file, or what there is of it so far: the shards of a run that is still at work or was interrupted.

    FileError when there is neither.
    """
    path = Path(str(path).removesuffix(".parts"))
    if path.exists():
        return open_result(path)
    try:
        job = job_of(path)
    except OSError:
        raise FileError(f"there is no result file {path}, nor shards of one in {directory_of(path)}") from None
    survey = Shards(path, job).survey()
    if not survey.done:
        raise FileError(f"no task of {path} is done yet ({len(survey.missing)} to do, {len(survey.failed)} failed)")
    tasks = {task: open_result(where).tasks[task] for task, where in sorted(survey.done.items())}
    return Result(path=path, job=job, job_hash=job_hash(job), provenance={"seconds": {}}, tasks=tasks)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON aside and rename."""
    draft = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.part")
    draft.write_text(json.dumps(content))
    os.replace(draft, path)
