"""What failed tasks have in common: the kind of error, the job's keys that decide it, the points that share it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigbath.errors import BigbathError, ImpossibleRequest, IncompleteWindow
from bigbath.job import Job
from bigbath.tasks import Task, coordinates


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Errors of one kind: ``pattern`` of "Type: text", the job's ``keys`` that decide it, ``remedy``, class to raise."""

    name: str
    pattern: str
    keys: tuple[str, ...]
    remedy: str
    raised: type[BigbathError]


KINDS = (
    Kind(
        name="memory",
        pattern=r"MemoryError|error code 55\b|INFOG?\(1\) ?= ?-(9|13)\b",
        keys=("model.L", "model.N", "spectrum.window", "spectrum.engine"),
        remedy="`bigbath estimate` says what the job needs; reduce the first of these keys, or take fewer ranks at a time",
        raised=ImpossibleRequest,
    ),
    Kind(
        name="linear algebra",
        pattern=r"LinAlgError|Arpack\w*|error code (71|76|77)\b|did not converge|singular",
        keys=("spectrum.engine", "spectrum.window"),
        remedy="choose another engine, or move the window a little",
        raised=IncompleteWindow,
    ),
)


def kind_of(error: str) -> Kind | None:
    """The kind of an error given as "Type: text"."""
    return next((kind for kind in KINDS if re.search(kind.pattern, error)), None)


def keys_of(kind: Kind, job: Job) -> str:
    """The keys that decide an error of a kind, with the job's values: "model.L = 12, spectrum.engine = dense"."""
    swept = coordinates(job)[0]
    words = []
    for key in kind.keys:
        section, name = key.split(".")
        value = getattr(getattr(job, section), name, None)
        if value is not None:
            shown = (
                "swept" if any(s == key or s.startswith(f"{key}.") for s in swept) else getattr(value, "kind", value)
            )
            words.append(f"{key} = {shown}")
    return ", ".join(words)


@contextmanager
def named(job: Job) -> Iterator[None]:
    """Turn an error of a known kind, which would be a traceback, into one that names the keys of ``job`` behind it."""
    try:
        yield
    except (MemoryError, np.linalg.LinAlgError) as error:
        text = f"{type(error).__name__}: {error}"
        kind = kind_of(text)
        if kind is None:
            raise
        raise kind.raised(f"{text}\n  {kind.name}: decided by {keys_of(kind, job)}; {kind.remedy}") from error


def summary(job: Job, done: Mapping[Task, Any], failed: Mapping[Task, Mapping[str, Any]]) -> list[str]:
    """One paragraph for each kind of failure, the most frequent first: how many tasks share it, at which values of the
    sweep alone, an example, and what decides it.
    """
    groups: dict[str, list[Task]] = {}
    for task, record in sorted(failed.items()):
        groups.setdefault(_likeness(record["error"]), []).append(task)
    lines = []
    for tasks in sorted(groups.values(), key=len, reverse=True):
        error = str(failed[tasks[0]]["error"])
        others = [*done, *(task for task in failed if task not in tasks)]
        where = _only_at(job, tasks, others)
        text = f"{len(tasks)} of {len(done) + len(failed)} tasks{where}, the first {tasks[0].name}: {error}"
        if kind := kind_of(error):
            text += f"\n   {kind.name}: decided by {keys_of(kind, job)}; {kind.remedy}"
        lines.append(text)
    return lines


def _likeness(error: str) -> str:
    """An error without its numbers: two that differ only in these are of one kind."""
    kind = kind_of(error)
    return kind.name if kind else re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", error)


def _only_at(job: Job, tasks: list[Task], others: list[Task]) -> str:
    """Values of swept keys that the tasks have and no other task has."""
    points = coordinates(job)
    found = []
    for key in points[0]:
        mine, theirs = ({str(points[task.point][key]): None for task in some} for some in (tasks, others))
        if not mine.keys() & theirs.keys() and theirs:
            found.append(f"{key} = {', '.join(mine)}")
    return f", all of those at {' and '.join(found)}" if found else ""
