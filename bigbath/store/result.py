"""Result files: HDF5, versioned, written aside and renamed, sealed by a digest. See docs/result-file.md.

At the root ``job`` and ``provenance`` (JSON), attributes ``bigbath_schema`` and ``job_hash``. One group for each task
(``realization_<index>``, with its point of a sweep and its energy shell where there are any) holds its labelled arrays,
with the evidence of its eigenstates as JSON attributes.
"""

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from bigbath.choice import path_of
from bigbath.compact import Compact
from bigbath.errors import FileError, JobError
from bigbath.explain import shown
from bigbath.job import Job, family, job_hash, parse_job, resolved
from bigbath.solvers import Evidence, partition
from bigbath.store.arrays import load, save
from bigbath.store.replacing import draft_of, rename
from bigbath.store.seal import ADVICE, USER_BLOCK, check_seal, locked, seal
from bigbath.tasks import Task, coordinates, lasting_name, point_names
from bigbath.variables import described

SCHEMA = 2

#: Tasks whose evidence is read for a short form.
MOST_LOOKED_AT = 100

#: What reading a damaged file raises, depending on where the damage is.
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, JobError)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result(Compact):
    """A result in memory: ``job``, ``provenance``, and one dataset for each task that is there.

    ``path`` of its file: None if it was not kept.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), measure={"entanglement": {}})
    >>> result = bb.run(job)
    >>> result.evidence(0)["complete"], result.dataset.entanglement.dims
    ('yes', ('realization', 'state'))
    """

    path: Path | None
    job: Job
    job_hash: str
    provenance: dict[str, Any]
    tasks: Mapping[Task, xr.Dataset]

    def _facts(self) -> dict[str, Any]:
        job = self.job
        made_of = [f"{job.ensemble.realizations} realizations"]
        made_of += [
            f"{key} in {shown(list(values))}" for key, values in (job.sweep.values() if job.sweep else {}).items()
        ]
        measured = [f.name for f in fields(job.measure) if getattr(job.measure, f.name) is not None]
        complete = [self.evidence(task)["complete"] == "yes" for task in list(self.tasks)[:MOST_LOOKED_AT]]
        more = f" of the first {MOST_LOOKED_AT}" if len(self.tasks) > MOST_LOOKED_AT else ""
        return {
            "job": f"{job.title or job.model.name}, {self.job_hash}",
            "tasks": f"{len(self.tasks)} done: {' x '.join(made_of)}",
            "certified": f"{sum(complete)} of {len(complete)} windows{more}",
            "measured": ", ".join(measured) or "energies",
            "file": self.path or "not kept",
            "look at it": ".dataset, .average(name), .to_dataframe(name), .tasks; bb.plot_result(result)",
        }

    @property
    def realizations(self) -> dict[int, xr.Dataset]:
        """The datasets by realization index, for a job without sweep and without energy shells."""
        if self.job.sweep or self.job.spectrum.shells:
            raise JobError("this job has a sweep or energy shells: use .dataset, or .tasks[Task(point=..., ...)]")
        return {task.realization: dataset for task, dataset in self.tasks.items()}

    @cached_property
    def swept(self) -> dict[str, str]:
        """The name of each swept key in ``dataset`` and in tables: {"model.W": "W"}."""
        taken = {str(name) for dataset in self.tasks.values() for name in (*dataset.variables, *dataset.dims)}
        return _python_names(list(coordinates(self.job)[0]), taken)

    @cached_property
    def dataset(self) -> xr.Dataset:
        """All tasks as one labelled dataset.

        Dimensions ``realization``, ``energy_shell`` if the spectrum was cut into shells, and one for each swept
        parameter: "W" for model.W, or "model_W" where something else is called W; the attribute ``key`` has the job's key.
        ``E_min``, ``E_max`` of each task are variables. What is missing or shorter is padded with NaN.
        """
        points, swept = coordinates(self.job), self.swept
        names = [*swept.values(), "realization", *(["energy_shell"] if self.job.spectrum.shells else [])]
        labelled = []
        for task, dataset in sorted(self.tasks.items()):
            label = [v if np.isscalar(v) else json.dumps(v) for v in points[task.point].values()]
            labelled.append(((*label, task.realization, task.shell), _bare(dataset)))
        dataset = described(_stack(labelled, names))
        for key, name in swept.items():
            section, _, last = key.rpartition(".")
            words = f"parameter {last} of the model" if section == "model" else f"{last.replace('_', ' ')} ({section})"
            dataset[name].attrs = {"long_name": words, "key": key}
        return dataset

    def to_dataframe(self, *variables: str) -> pd.DataFrame:
        """A table of variables: a row for each task and each of their labels, a column for each dimension and variable.

        What is missing is left out. JobError for a name that the result does not hold.

        >>> import bigbath as bb
        >>> job = bb.Job(model=bb.Imbrie(L=5), spectrum=bb.Spectrum(window="whole"), measure={"gap_ratio": {}})
        >>> list(bb.run(job, report=bb.silent).to_dataframe("gap_ratio").columns)
        ['realization', 'sector', 'gap_ratio']
        """
        held = [str(name) for name in self.dataset.data_vars]
        for name in variables:
            if name not in held:
                raise JobError(f"{name}: this result holds {', '.join(held)}")
        if not variables:
            raise JobError(f"name the variables of the table: this result holds {', '.join(held)}")
        chosen = self.dataset[list(variables)].reset_coords(drop=True)
        return chosen.to_dataframe().dropna(how="all").reset_index()

    def average(self, name: str) -> xr.Dataset:
        """``mean`` of a variable over the realizations, its standard ``error`` and how many ``count`` went into it."""
        if name not in self.dataset:
            raise JobError(f"{name}: this result holds {', '.join(map(str, self.dataset.data_vars))}")
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


def _python_names(keys: list[str], taken: set[str]) -> dict[str, str]:
    """A name of a dimension for each key of a job: its last part, or all of it where that is taken."""
    last = [key.rpartition(".")[2] for key in keys]
    return {
        key: short if last.count(short) == 1 and short not in taken and short.isidentifier() else key.replace(".", "_")
        for key, short in zip(keys, last, strict=True)
    }


def _bare(dataset: xr.Dataset) -> xr.Dataset:
    """A task's dataset without attributes, the ends of its spectrum as variables."""
    ends = {end: ((), float(dataset.attrs[end])) for end in ("E_min", "E_max") if end in dataset.attrs}
    bare = dataset.assign(ends) if ends else dataset.copy()
    bare.attrs = {}
    for variable in bare.variables.values():
        variable.attrs = {}
    return bare


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


#: Files up to this size in bytes are kept in memory as they are, and their tasks read when they are looked at.
LAZY = 2**28


class _Stored(Mapping[Task, xr.Dataset]):
    """The datasets of a result file in memory, each decoded when it is first asked for."""

    def __init__(self, image: bytes, groups: Mapping[Task, str]) -> None:
        self._image, self._groups = image, groups
        self._read: dict[Task, xr.Dataset] = {}

    def __getitem__(self, task: Task) -> xr.Dataset:
        if task not in self._read:
            self._read[task] = load(self._file[self._groups[task]])
        return self._read[task]

    @cached_property
    def _file(self) -> h5py.File:
        return h5py.File(io.BytesIO(self._image), "r")

    def __iter__(self) -> Iterator[Task]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


def load_tasks(path: Path, groups: Mapping[Task, str]) -> dict[Task, xr.Dataset]:
    """The datasets of some groups of a result file whose seal was checked."""
    with _opened(path) as file:
        return {task: load(file[group]) for task, group in groups.items()}


def open_result(path: str | Path) -> Result:
    """Read a result file into memory. FileError when it is missing, damaged or not one of bigbath's.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), measure={"gap_ratio": {}})
    >>> _ = bb.run(job, "result.h5")
    >>> len(bb.open_result("result.h5").tasks)
    1
    """
    path = path_of(path)
    header = read_header(path)
    groups = {task: task.name for task in header.tasks}
    with _opened(path):  # FileError where it is gone, or being written
        small = path.stat().st_size <= LAZY
        image = path.read_bytes() if small else b""
    tasks = _Stored(image, groups) if small else load_tasks(path, groups)
    return Result(path=path, job=header.job, job_hash=header.job_hash, provenance=header.provenance, tasks=tasks)
