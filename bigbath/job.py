"""A job: everything that a run depends on, read from a TOML file and validated before any work starts."""

import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from bigbath.choice import choice
from bigbath.errors import FileError, JobError
from bigbath.measure import Measures
from bigbath.models import Model
from bigbath.solvers import Auto, Dense, Engine, Interval, Whole, Window
from bigbath.sweep import Sweep, substituted


@choice
class Spectrum:
    """Which eigenstates of a Hamiltonian, and how they are found.

    ``symmetries``: names of declared symmetries to use (absent: all; []: none). ``sector``: labels to restrict to, as
    ``{reflection = -1}``. ``shells``: cut a whole spectrum or an interval into so many energy shells, each a task of
    its own.
    """

    window: Window
    engine: Engine = Auto()
    symmetries: tuple[str, ...] | None = None
    sector: dict[str, int] | None = None
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
    """Disorder: realization indices ``first`` ... ``first + realizations - 1`` of master ``seed``."""

    seed: Annotated[int, Field(ge=0)] = 1
    realizations: Annotated[int, Field(ge=1)] = 1
    first: Annotated[int, Field(ge=0)] = 0


@choice
class Job:
    """A run: model, eigenstates of H (``spectrum``), initial states (``bath``), measurements, disorder, sweep.

    ``accept_unverified``: let measurements use windows whose completeness was not certified.
    """

    title: str = ""
    model: Model
    spectrum: Spectrum
    bath: Spectrum | None = None
    measure: Measures = Measures()
    ensemble: Ensemble = Ensemble()
    sweep: Sweep | None = None
    accept_unverified: bool = False


_JOB = TypeAdapter(Job)


def resolved(job: Job) -> dict[str, Any]:
    """The job with every default spelled out, as JSON data."""
    return _JOB.dump_python(job, mode="json")


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
    content = _JOB.dump_python(job, mode="json", exclude_none=True)
    del content["title"]
    return content


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def point_jobs(job: Job) -> tuple[Job, ...]:
    """The job of each point of the sweep, without sweep; JobError names the point whose values cannot be."""
    if job.sweep is None:
        return (job,)
    data = resolved(job)
    del data["sweep"]
    jobs = []
    for parameters in job.sweep.points():
        try:
            jobs.append(_parse(substituted(data, parameters)))
        except JobError as error:
            point = ", ".join(f"{key} = {value}" for key, value in parameters.items())
            raise JobError(f"sweep, at {point}: {error}") from None
    return tuple(jobs)


def parse_job(data: dict[str, Any]) -> Job:
    """A job from the tables of a TOML file, every point of its sweep checked; JobError names each wrong key and the
    remedy.
    """
    job = _parse(data)
    point_jobs(job)
    return job


def _parse(data: dict[str, Any]) -> Job:
    try:
        return _JOB.validate_json(json.dumps(data))
    except (TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            raise JobError(
                "the job is not valid:\n" + "\n".join(f"  {line}" for line in _explain(error, data))
            ) from None
        raise JobError(
            f"the job holds a value that is neither text, number, truth value, list nor table: {error}"
        ) from None


def load_job(path: str | Path) -> Job:
    """A job from a TOML file. FileError when it cannot be read, JobError when it is wrong."""
    try:
        text = Path(path).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read the job file {path}: {error}") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"{path} is not valid TOML: {error}") from None
    return parse_job(data)


def _explain(error: ValidationError, data: dict[str, Any]) -> list[str]:
    lines = []
    for problem in error.errors():
        location = _location(problem["loc"], data)
        message = problem["msg"].removeprefix("Value error, ")
        key = location.rpartition(".")[2]
        if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            message = "unknown key" + _nearest(key)
        elif problem["type"] == "missing":
            message = "is missing"
        elif problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
            context = problem["ctx"]
            tags = context.get("expected_tags", "")
            tag = context["discriminator"].strip("'")
            close = difflib.get_close_matches(str(context.get("tag", "")), [t.strip(" '") for t in tags.split(",")], 1)
            message = f"{tag} must be one of {tags}" + (f"; did you mean {close[0]!r}?" if close else "")
        elif problem["type"] not in ("value_error",):
            value = problem.get("input")
            message = f"{message[0].lower()}{message[1:]}, got {value!r:.80}"
        lines.append(f"{location or 'job'}: {message}")
    return lines


def _location(loc: tuple[int | str, ...], data: Any) -> str:
    """The key as the user wrote it: without the tags that a choice between types adds."""
    parts: list[str] = []
    for step in loc:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            if "." not in str(step) and (step != loc[-1] or step in _TAGS):
                continue
        parts.append(str(step))
    return ".".join(parts)


def _names() -> tuple[set[str], set[str]]:
    """Every key that a job may hold, and every tag that tells types apart."""
    schema = _JOB.json_schema()
    properties = [d.get("properties", {}) for d in (schema, *schema.get("$defs", {}).values())]
    tags = {str(v["const"]) for p in properties for v in p.values() if "const" in v}
    return {key for p in properties for key in p}, tags | {"range", "list"}


_KEYS, _TAGS = _names()


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, sorted(_KEYS), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
