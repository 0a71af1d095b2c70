"""A job: everything that a run depends on, read from a TOML file and validated before any work starts."""

import hashlib
import json
import math
import tomllib
from functools import cached_property
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import tomlkit
from pydantic import Field, TypeAdapter, model_validator

from bigbath.choice import choice, path_of, validated
from bigbath.compact import Compact
from bigbath.errors import FileError, JobError
from bigbath.measure import Measures
from bigbath.models import Model
from bigbath.solvers import Dense, Density, Interval, NoStates, Wanted, Whole
from bigbath.sweep import Sweep, substituted

#: More tasks than this are taken for a slip of the pen.
MOST_TASKS = 1_000_000


@choice
class Spectrum(Wanted):
    """Which eigenstates of a Hamiltonian, and how they are found.

    ``shells``: cut a whole spectrum or an interval into so many energy shells, each a task of its own.

    >>> import bigbath as bb
    >>> bb.Spectrum(window=bb.Density(epsilon=0.5, k=50), sector={"magnetisation": 0}).engine.kind
    'auto'
    """

    shells: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _check(self) -> "Spectrum":
        if self.shells and not isinstance(self.window, Whole | Interval):
            raise ValueError('shells cut a window = "whole" or of kind = "interval", not this one')
        if self.shells and isinstance(self.engine, Dense):
            raise ValueError(
                'shells with engine = "dense" would diagonalise the whole matrix for each: leave shells out'
            )
        return self


@choice
class Ensemble:
    """Disorder: realization indices ``first`` ... ``first + realizations - 1`` of master ``seed``.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), ensemble=bb.Ensemble(seed=7, realizations=20))
    >>> job.ensemble.realizations
    20
    """

    seed: Annotated[int, Field(ge=0)] = 1
    realizations: Annotated[int, Field(ge=1)] = 1
    first: Annotated[int, Field(ge=0, le=2**62)] = 0


@choice
class Job(Compact):
    """A run: model, eigenstates of H (``spectrum``), initial states (``bath``), measurements, disorder, sweep.

    ``accept_unverified``: let measurements use windows whose completeness was not certified.

    >>> import bigbath as bb
    >>> job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), measure={"gap_ratio": {}}, sweep={"model.W": [1, 2]})
    >>> print(job.to_toml().splitlines()[0])
    title = ""
    """

    title: str = ""
    model: Model
    spectrum: Spectrum
    bath: Spectrum | None = None
    measure: Measures = Measures()
    ensemble: Ensemble = Ensemble()
    sweep: Sweep | None = None
    accept_unverified: bool = False

    __repr__ = Compact.__repr__

    def _facts(self) -> dict[str, Any]:
        data = _named(resolved(self), _JOB.dump_python(self, mode="json", exclude_none=True, exclude_defaults=True))
        words = {"title": self.title} if self.title else {}
        for section, content in data.items():
            if section != "title" and content != {}:
                words[section] = (
                    ", ".join(f"{k} = {v}" for k, v in content.items()) if isinstance(content, dict) else content
                )
        return words | {"to_toml()": "all of it"}

    @model_validator(mode="after")
    def _check(self) -> "Job":
        if self.bath is not None and self.bath.shells:
            raise ValueError("bath.shells: only [spectrum] can be cut into energy shells")
        if self.bath is not None and not self.bath.vectors:
            raise ValueError("bath.vectors = false: initial states are vectors; remove the key")
        if not self.spectrum.vectors and self.measure.of_vectors:
            sections = ", ".join(f"[measure.{name}]" for name in self.measure.of_vectors)
            raise ValueError(
                f"spectrum.vectors = false keeps energies only, but {sections} needs eigenvectors: set it to true, or "
                "remove what needs them"
            )
        if self.bath is not None and isinstance(self.bath.window, NoStates):
            raise ValueError('bath.window = "none": leave the section [bath] out')
        if isinstance(self.spectrum.window, NoStates) and (needing := self.measure.need_states):
            raise ValueError(
                f'spectrum.window = "none": measure.{needing[0]} is made of eigenstates of H; choose a window for it'
            )
        shells = self.spectrum.shells or 1
        if math.prod((shells, self.ensemble.realizations)) <= MOST_TASKS:
            shells = sum(point.spectrum.shells or 1 for point in point_jobs(self))
        if (tasks := shells * self.ensemble.realizations) > MOST_TASKS:
            raise ValueError(
                f"ensemble.realizations, shells and sweep make {tasks:,} tasks, more than {MOST_TASKS:,}: use several jobs"
            )
        return self

    @cached_property
    def _points(self) -> tuple["Job", ...]:
        """The job of each point of the sweep, validated once."""
        assert self.sweep is not None
        data = resolved(self)
        del data["sweep"]
        jobs = []
        for parameters in self.sweep.points():
            point = ", ".join(f"{key} = {value}" for key, value in parameters.items())
            swept = substituted(data, parameters)
            try:
                jobs.append(validated(Job, swept, context={"sweep": True}))
            except JobError as error:
                _, _, mistakes = str(error).partition("\n")
                raise JobError(f"sweep, at {point:.200}:\n{indent(mistakes, '  ')}") from None
        return tuple(jobs)

    def to_toml(self) -> str:
        """The job as a job file, with every default spelled out but without what is absent."""
        try:
            return tomlkit.dumps(_sections(_JOB.dump_python(self, mode="json", exclude_none=True)))
        except TypeError:
            raise JobError("the sweep holds a value None, which a job file cannot say: leave the key out") from None


_JOB = TypeAdapter(Job)


def _named(full: dict[str, Any], brief: dict[str, Any]) -> dict[str, Any]:
    """``brief``, tables without defaults, with the ``name`` or ``kind`` that each table has in ``full``."""
    names = {key: full[key] for key in ("name", "kind") if key in full}
    inner = {key: _named(full[key], value) if isinstance(value, dict) else value for key, value in brief.items()}
    return names | inner


def resolved(job: Job) -> dict[str, Any]:
    """The job with every default spelled out, as JSON data."""
    return _JOB.dump_python(job, mode="json")


def _sections(data: dict[str, Any]) -> tomlkit.TOMLDocument:
    """A job file of resolved data: a section for each table, inline tables in it, so that keys keep their order."""
    document = tomlkit.document()
    for name, section in data.items():
        document[name] = tomlkit.table() if isinstance(section, dict) else section
        for key, value in section.items() if isinstance(section, dict) else ():
            inner = tomlkit.table() if name == "measure" else tomlkit.inline_table()
            if isinstance(value, dict):
                inner.update(value)
            document[name].add(key, inner if isinstance(value, dict) else value)
    return document


def reference(job: Job, written: str) -> list[str]:
    """Which ends of a spectrum the energy densities of a job refer to, a line for each of its parts.

    ``written``: the hash in its result file; another than the job's own is of an earlier meaning.
    """
    lines = []
    for name, part in (("spectrum", job.spectrum), ("bath", job.bath)):
        if part is not None and isinstance(part.window, Density):
            labels = ", ".join(f"{key} = {value}" for key, value in (part.sector or {}).items())
            ends = f"the ends of the selected sector ({labels})" if labels else "the ends of the whole spectrum"
            if labels and written != job_hash(job):
                ends = (
                    "ends that an earlier version chose, those of the whole spectrum or of the sector: see E_min, E_max"
                )
            lines.append(f"{name}: energy density {part.window.epsilon:g} between {ends}")
    return lines


def job_hash(job: Job) -> str:
    """Hash of what decides the numbers: the resolved job without its title and without what is absent."""
    return _digest(_identity(job))


def family(job: Job) -> str:
    """Hash of what the tasks of a job have in common: all of it but title, which realizations, and the swept values.

    Jobs of one family may share a result file. The family of the job of one point tells that point from all others.
    """
    content = _identity(job)
    del content["ensemble"]["realizations"], content["ensemble"]["first"]
    swept = [] if job.sweep is None else sorted(job.sweep.root)
    for key in swept:
        *path, last = key.split(".")
        table: Any = content
        for step in path:
            table = table.get(step, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table.pop(last, None)
    return _digest({**content, "sweep": swept})


def _identity(job: Job) -> dict[str, Any]:
    content = _without_paths(_JOB.dump_python(job, mode="json", exclude_none=True))
    del content["title"]
    swept = () if job.sweep is None else tuple(job.sweep.root)
    for section in ("spectrum", "bath"):
        named = any(key.startswith(f"{section}.sector") for key in swept)
        if content.get(section, {}).get("vectors"):
            del content[section]["vectors"]  # jobs had no such key once, and mean the same
        if section in content and (content[section].get("sector") or named):
            content[section]["ends"] = "sector"  # energy density and shells refer to them; once to the whole spectrum's
    return content


def _without_paths(value: Any) -> Any:
    """Files are told apart by their content, wherever they are."""
    if isinstance(value, list):
        return [_without_paths(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    dropped = {"path"} if "sha256" in value else set()
    return {key: _without_paths(inner) for key, inner in value.items() if key not in dropped}


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def point_jobs(job: Job) -> tuple[Job, ...]:
    """The job of each point of the sweep, without sweep."""
    return (job,) if job.sweep is None else job._points


def parse_job(data: dict[str, Any], directory: Path | None = None) -> Job:
    """A job from the tables of a TOML file, every point of its sweep checked; JobError names each wrong key and the
    remedy. ``directory``: of the job file, where it looks for other files; None for tables of a job that was read before.
    """
    context = None if directory is None else {"directory": directory}
    return validated(Job, data, name="the job", context=context)


def load_job(path: str | Path) -> Job:
    """A job from a TOML file. FileError when it cannot be read, JobError when it is wrong.

    >>> import bigbath as bb
    >>> from pathlib import Path
    >>> _ = Path("job.toml").write_text('[model]\\nname = "imbrie"\\nL = 4\\n[spectrum]\\nwindow = "whole"\\n')
    >>> bb.load_job("job.toml").model.L
    4
    """
    path = path_of(path)
    try:
        text = path.read_bytes().decode()
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read the job file {path}: {error}") from None
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise JobError(f"{path} is not valid: it is nested too deeply") from None
    except ValueError as error:
        raise JobError(f"{path} is not valid TOML: {error}") from None
    return parse_job(data, path.absolute().parent)
