"""Result files: HDF5, versioned, written aside and renamed, sealed by a digest. See docs/result-file.md.

At the root ``job`` and ``provenance`` (JSON), attributes ``bigbath_schema`` and ``job_hash``. One group for each task
(``realization_<index>``, with its point of a sweep and its energy shell where there are any) holds its labelled arrays,
with the evidence of its eigenstates as JSON attributes.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from bigbath.choice import path_of
from bigbath.errors import FileError, JobError
from bigbath.job import Job, family, job_hash, parse_job, resolved
from bigbath.solvers import Evidence, partition
from bigbath.store.arrays import load, save
from bigbath.store.replacing import draft_of, rename
from bigbath.store.seal import ADVICE, USER_BLOCK, check_seal, locked, seal
from bigbath.tasks import Task, coordinates, lasting_name, point_names

SCHEMA = 2

#: What reading a damaged file raises, depending on where the damage is.
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, JobError)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A result in memory: ``job``, ``provenance``, and one dataset for each task that is there.

    ``path`` of its file: None if it was not kept.
    """

    path: Path | None
    job: Job
    job_hash: str
    provenance: dict[str, Any]
    tasks: dict[Task, xr.Dataset]

    @property
    def realizations(self) -> dict[int, xr.Dataset]:
        """The datasets by realization index, for a job without sweep and without energy shells."""
        if self.job.sweep or self.job.spectrum.shells:
            raise JobError("this job has a sweep or energy shells: use .dataset, or .tasks[Task(point=..., ...)]")
        return {task.realization: dataset for task, dataset in self.tasks.items()}

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All tasks as one labelled dataset.

        Dimensions ``realization``, ``energy_shell`` if the spectrum was cut into shells, and one for each swept
        parameter, named by its key ("model.W"). What is missing or shorter is padded with NaN.
        """
        points = coordinates(self.job)
        names = [*points[0], "realization", *(["energy_shell"] if self.job.spectrum.shells else [])]
        labelled = []
        for task, dataset in sorted(self.tasks.items()):
            label = [v if np.isscalar(v) else json.dumps(v) for v in points[task.point].values()]
            labelled.append(((*label, task.realization, task.shell), dataset.drop_attrs()))
        return _stack(labelled, names)

    def average(self, name: str) -> xr.Dataset:
        """``mean`` of a variable over the realizations, its standard ``error`` and how many ``count`` went into it."""
        values = self.dataset[name]
        count = values.notnull().sum("realization")
        error = (
            values.std("realization", ddof=1) / np.sqrt(count) if values.sizes["realization"] > 1 else np.nan * count
        )
        return xr.Dataset({"mean": values.mean("realization"), "error": error, "count": count})

    def evidence(self, task: Task | int, part: str = "spectrum") -> dict[str, Any]:
        """Evidence of the eigenstates of "spectrum" or "bath", of a task or of a realization index."""
        task = task if isinstance(task, Task) else Task(realization=task)
        return json.loads(self.tasks[task].attrs[f"evidence_{part}"])

    def gaps(self) -> dict[Task, str]:
        """Spectra that were cut into shells and are not whole without repeats: first task and why."""
        if not self.job.spectrum.shells:
            return {}
        spectra: dict[tuple[int, int], list[Task]] = {}
        for task in sorted(self.tasks):
            spectra.setdefault((task.point, task.realization), []).append(task)
        found = {}
        for tasks in spectra.values():
            whole = self.job.spectrum.window.kind == "whole"
            if [task.shell for task in tasks] != list(range(self.job.spectrum.shells)):
                reason: str | None = "shells are missing"
            else:
                evidence = [Evidence(**self.evidence(task)) for task in tasks]
                reason = partition(evidence, self.tasks[tasks[0]].attrs["dim"] if whole else None)
            if reason:
                found[tasks[0]] = reason
        return found


def _stack(labelled: list[tuple[tuple, xr.Dataset]], names: list[str]) -> xr.Dataset:
    """Datasets with the labels that go with ``names``, stacked along dimensions of these names."""
    if not names:
        return labelled[0][1]
    groups: dict[Any, list[tuple[tuple, xr.Dataset]]] = {}
    for (label, *rest), dataset in labelled:
        groups.setdefault(label, []).append((tuple(rest), dataset))
    return xr.concat(
        [_stack(group, names[1:]) for group in groups.values()],
        dim=xr.DataArray(list(groups), dims=names[0], name=names[0]),
        join="outer",
        coords="different",
        compat="equals",
        data_vars="all",
    )


class Changed(FileError):
    """Another process has changed what was surveyed: look again."""


#: A file takes its place inside such a block, which raises if it must not.
Guard = Callable[[], AbstractContextManager[None]]


def write_result(
    path: Path,
    job: Job,
    datasets: Iterable[tuple[Task, xr.Dataset]],
    provenance: dict[str, Any],
    guard: Guard = nullcontext,
) -> None:
    """Write a complete result file; an existing one is replaced only when the new one is whole on disk.

    FileError when the place cannot be written.
    """
    with _written(path, job, provenance, guard) as file:
        for task, dataset in datasets:
            save(file.create_group(task.name), dataset)


def merge_results(
    path: Path,
    job: Job,
    sources: Mapping[Path, Mapping[Task, str]],
    provenance: dict[str, Any],
    guard: Guard = nullcontext,
) -> None:
    """Write a result file of tasks that lie in others, by copying; otherwise as ``write_result``.

    ``sources``: for each file the tasks to take from it and the names of their groups there. Changed when one is gone.
    """
    with _written(path, job, provenance, guard) as file:
        for source, groups in sources.items():
            with _opened(source) as shard:
                for task, group in groups.items():
                    shard.copy(group, file, task.name)


@contextmanager
def _written(path: Path, job: Job, provenance: dict[str, Any], guard: Guard) -> Iterator[h5py.File]:
    """A draft to be filled, which then is sealed, synced and takes the place of ``path``, or of what that links to."""
    path = Path(os.path.realpath(path))
    draft = draft_of(path)
    try:
        with h5py.File(draft, "w", userblock_size=USER_BLOCK) as file:
            yield file
            file.attrs["bigbath_schema"] = SCHEMA
            file.attrs["job_hash"] = job_hash(job)
            file["job"] = json.dumps(resolved(job))
            file["provenance"] = json.dumps(provenance)
        seal(draft)
        with guard():
            rename(draft, path)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a result file says of itself; ``tasks``: those that are in it.

    ``family``: that of its job, None if the job meant something else to the version of bigbath that wrote the file.
    ``names``: the lasting name of each task.
    """

    job: Job
    job_hash: str
    family: str | None
    names: dict[str, Task]
    provenance: dict[str, Any]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks in the file."""
        return tuple(sorted(self.names.values()))


def read_header(path: Path) -> Header:
    """The header of a result file, whose seal is checked first.

    FileError when it is missing, damaged, or not one of bigbath's.
    """
    check_seal(path)
    try:
        with _opened(path) as file:
            schema = file.attrs.get("bigbath_schema")
            if schema == SCHEMA:
                known = known_job(file["job"][()].decode())
                written = str(file.attrs["job_hash"])
                tasks = [task for task in map(Task.parse, file) if task is not None]
                return Header(
                    job=known.job,
                    job_hash=written,
                    family=known.family if written == known.job_hash else None,
                    names={lasting_name(task, known.points): task for task in tasks},
                    provenance=json.loads(file["provenance"][()]),
                )
    except DAMAGE as error:
        raise FileError(f"{path} is damaged ({error}). {ADVICE}") from None
    if schema is None:
        raise FileError(f"{path} is an HDF5 file, but not a bigbath result")
    raise FileError(f"{path} has schema {schema}; this bigbath reads schema {SCHEMA}: use the version that wrote it")


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """A file whose seal was checked, open for reading; Changed when it is gone, FileError when another process writes it."""
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise Changed(f"{path} has just been removed by another process") from None
    except BlockingIOError:
        raise FileError(locked(path)) from None
    with file:
        yield file


@dataclass(frozen=True, kw_only=True)
class KnownJob:
    """A job with its hash, its family and the names of its points, which take time to compute."""

    job: Job
    job_hash: str
    family: str
    points: tuple[str, ...]


@lru_cache(maxsize=64)
def known_job(text: str) -> KnownJob:
    """A job from its JSON; many shards hold the same one."""
    job = parse_job(json.loads(text))
    return KnownJob(job=job, job_hash=job_hash(job), family=family(job), points=point_names(job))


def load_tasks(path: Path, groups: Mapping[Task, str]) -> dict[Task, xr.Dataset]:
    """The datasets of some groups of a result file whose seal was checked."""
    with _opened(path) as file:
        return {task: load(file[group]) for task, group in groups.items()}


def open_result(path: str | Path) -> Result:
    """Read a result file into memory. FileError when it is missing, damaged or not one of bigbath's."""
    path = path_of(path)
    header = read_header(path)
    tasks = load_tasks(path, {task: task.name for task in header.tasks})
    return Result(path=path, job=header.job, job_hash=header.job_hash, provenance=header.provenance, tasks=tasks)
