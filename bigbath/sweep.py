"""Sweeps: parameters of a job that take several values, all combinations of them."""

import itertools
import math
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Discriminator, Field, RootModel, Tag, model_validator

from bigbath.choice import choice, reads_like_a_job_file

#: More points than this are taken for a slip of the pen.
MOST_POINTS = 100_000


@choice
class Range:
    """Values from ``start`` to ``stop``, both included: ``count`` of them (equally spaced, or in ratio if ``log``), or
    every ``step``. Whole numbers stay whole.

    >>> import bigbath as bb
    >>> bb.Range(start=1, stop=8, count=4, log=True).values()
    (1.0, 2.0, 4.0, 8.0)
    """

    start: float | int
    stop: float | int
    count: Annotated[int, Field(ge=2)] | None = None
    step: float | int | None = None
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Range":
        if (self.count is None) == (self.step is None):
            raise ValueError("a range needs either count or step")
        if self.step is not None and (self.step == 0 or (self.stop - self.start) / self.step < 0):
            raise ValueError(f"step = {self.step} does not lead from {self.start} to {self.stop}")
        steps = 0.0 if self.step is None else self.stop / self.step - self.start / self.step
        if max(steps, self.count or 0) >= MOST_POINTS:
            raise ValueError(f"more than {MOST_POINTS:,} values")
        if self.step is not None and self.log:
            raise ValueError("log goes with count, not with step")
        if self.log and min(self.start, self.stop) <= 0:
            raise ValueError("a range with log needs positive ends")
        return self

    def __len__(self) -> int:
        return self.count or 1 + math.floor((self.stop - self.start) / (self.step or 1) + 1e-9)

    def values(self) -> tuple[float | int, ...]:
        """The values, in order."""
        count = len(self)
        if self.log:
            return tuple(float(v) for v in np.geomspace(self.start, self.stop, count))
        if self.step is not None:
            return tuple(self.start + i * self.step for i in range(count))
        spaced = np.linspace(self.start, self.stop, count)
        whole = isinstance(self.start, int) and isinstance(self.stop, int) and np.all(spaced == np.round(spaced))
        return tuple(int(v) if whole else float(v) for v in spaced)


def _flat(tables: Any) -> Any:
    """{"model": {"W": [1, 2]}} as {"model.W": [1, 2]}; ranges, which are tables too, have a ``start``."""
    if not isinstance(tables, dict):
        return tables
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and "start" not in value:
            flat |= {f"{key}.{rest}": inner for rest, inner in _flat(value).items()}
        else:
            flat[key] = value
    return flat


_Values = Annotated[
    Annotated[Range, Tag("range")] | Annotated[tuple[Any, ...], Tag("list")],
    Discriminator(lambda value: "range" if isinstance(value, dict | Range) else "list"),
]


@reads_like_a_job_file
class Sweep(RootModel[Annotated[dict[str, _Values], BeforeValidator(_flat)]]):
    """Dotted key of the job file -> its values, a list or a ``Range``. Points are all combinations, the last key fastest.

    >>> import bigbath as bb
    >>> bb.Sweep({"model.W": [1.0, 2.0], "model.g": [0.1, 0.2]}).points()[1]
    {'model.W': 1.0, 'model.g': 0.2}
    """

    model_config = {"frozen": True}

    @model_validator(mode="after")
    def _check(self) -> "Sweep":
        for key, values in self.root.items():
            if key.partition(".")[0] not in ("model", "spectrum", "bath", "measure"):
                raise ValueError(
                    f"{key}: a sweep is over keys of [model], [spectrum], [bath] or [measure.*], as model.W"
                )
            if isinstance(values, tuple) and not values:
                raise ValueError(f"{key}: the list of values is empty")
            if isinstance(values, tuple) and (twice := _repeated(values)) is not None:
                raise ValueError(f"{key}: {twice!r} stands twice")
        if not self.root:
            raise ValueError("the sweep names no key; leave [sweep] out")
        if (count := math.prod(map(len, self.root.values()))) > MOST_POINTS:
            raise ValueError(f"{count:,} points, more than {MOST_POINTS:,}")
        return self

    def values(self) -> dict[str, tuple[Any, ...]]:
        """The values of each key."""
        return {key: v.values() if isinstance(v, Range) else v for key, v in self.root.items()}

    def points(self) -> list[dict[str, Any]]:
        """All combinations."""
        values = self.values()
        return [dict(zip(values, combination, strict=True)) for combination in itertools.product(*values.values())]


def _repeated(values: tuple[Any, ...]) -> Any:
    """The first value that equals an earlier one, None if all differ."""
    seen = set()
    for value in values:
        same = float(value) if isinstance(value, int | float) else repr(value)
        if same in seen:
            return value
        seen.add(same)
    return None


def substituted(data: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Tables of a job file with some dotted keys set to new values; the original is left alone."""
    result = dict(data)
    for key, value in parameters.items():
        head, _, rest = key.partition(".")
        if rest:
            inner = result.get(head)
            result[head] = substituted(inner if isinstance(inner, dict) else {}, {rest: value})
        else:
            result[head] = value
    return result
