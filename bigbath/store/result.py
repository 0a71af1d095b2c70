"""Result files: HDF5, versioned, written aside and renamed, sealed by a digest. See docs/result-file.md.

At the root ``job`` and ``provenance`` (JSON), attributes ``bigbath_schema`` and ``job_hash``. One group for each task
(``realization_<index>``, with its point of a sweep and its energy shell where there are any) holds its labelled arrays,
with the evidence of its eigenstates as JSON attributes. The first 512 bytes, HDF5's user block, hold the SHA-256 of
the rest.
"""

import hashlib
import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from bigbath.errors import FileError, JobError
from bigbath.job import Job, job_hash, parse_job, resolved
from bigbath.solvers import Evidence, partition
from bigbath.store.arrays import load, save
from bigbath.tasks import Task, coordinates

SCHEMA = 2
USER_BLOCK = 512
SEAL = b"bigbath result, sha256 of what follows byte 512: "

#: What reading a damaged file raises, depending on where the damage is.
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, JobError)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A result in memory: ``job``, ``provenance``, and one dataset for each task that is there."""

    path: Path
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


def write_result(path: Path, job: Job, datasets: Iterable[tuple[Task, xr.Dataset]], provenance: dict[str, Any]) -> None:
    """Write a complete result file; an existing one is replaced only when the new one is whole on disk.

    FileError when the place cannot be written.
    """
    with _written(path, job, provenance) as file:
        for task, dataset in datasets:
            save(file.create_group(task.name), dataset)


def merge_results(path: Path, job: Job, sources: Mapping[Task, Path], provenance: dict[str, Any]) -> None:
    """Write a result file of tasks that lie in others, by copying; otherwise as ``write_result``."""
    with _written(path, job, provenance) as file:
        for task, source in sources.items():
            with h5py.File(source, "r") as shard:
                shard.copy(task.name, file)


@contextmanager
def _written(path: Path, job: Job, provenance: dict[str, Any]) -> Iterator[h5py.File]:
    """A draft to be filled, which then is sealed, synced and takes the place of ``path``."""
    draft = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}.part")
    try:
        with h5py.File(draft, "w", userblock_size=USER_BLOCK) as file:
            yield file
            file.attrs["bigbath_schema"] = SCHEMA
            file.attrs["job_hash"] = job_hash(job)
            file["job"] = json.dumps(resolved(job))
            file["provenance"] = json.dumps(provenance)
        with open(draft, "r+b") as raw:
            seal = _seal(raw)
            raw.seek(0)
            raw.write(seal)
            os.fsync(raw.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _seal(file: BufferedReader | BufferedRandom) -> bytes:
    """What the user block of a result file must be: the digest of all that follows it, and zeros."""
    file.seek(USER_BLOCK)
    return (SEAL + hashlib.file_digest(file, "sha256").hexdigest().encode()).ljust(USER_BLOCK, b"\0")


def _first(file: BufferedReader | BufferedRandom) -> bytes:
    file.seek(0)
    return file.read(USER_BLOCK)


def read_header(path: Path) -> dict[str, Any]:
    """What a result file says of itself: ``job``, ``job_hash``, ``provenance``, ``tasks``; its digest is checked.

    FileError when it is missing, damaged, or not one of bigbath's.
    """
    if not path.exists():
        raise FileError(f"there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            schema = file.attrs.get("bigbath_schema")
            if schema == SCHEMA:
                header = {
                    "job": parse_job(json.loads(file["job"][()])),
                    "job_hash": str(file.attrs["job_hash"]),
                    "provenance": json.loads(file["provenance"][()]),
                    "tasks": sorted(task for task in map(Task.parse, file) if task is not None),
                }
        with open(path, "rb") as raw:
            whole = _seal(raw) == _first(raw)
    except DAMAGE as error:
        raise FileError(
            f"{path} is truncated or not an HDF5 file ({error}). Run the job again, with -o elsewhere or after removing it."
        ) from None
    if schema is None:
        raise FileError(f"{path} is an HDF5 file, but not a bigbath result")
    if schema != SCHEMA:
        raise FileError(
            f"{path} has schema {schema}; this bigbath reads schema {SCHEMA}: use the version that wrote it"
        )
    if not whole:
        raise FileError(
            f"{path} is damaged (its content does not match its SHA-256). Run the job again, with -o elsewhere or after "
            "removing it."
        )
    return header


def open_result(path: str | Path) -> Result:
    """Read a result file into memory. FileError when it is missing, damaged or not one of bigbath's."""
    path = Path(path)
    header = read_header(path)
    with h5py.File(path, "r") as file:
        tasks = {task: load(file[task.name]) for task in header["tasks"]}
    return Result(
        path=path, job=header["job"], job_hash=header["job_hash"], provenance=header["provenance"], tasks=tasks
    )
