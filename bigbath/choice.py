"""Frozen keyword-only dataclasses for everything that a user chooses, validated where they are made.

Whether a choice comes from a job file or from Python, it is read as JSON, by the same rules and with the same messages:
NumPy's numbers and arrays, lists and tables are welcome wherever a number, a tuple or a choice is.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast, dataclass_transform

import numpy as np
from pydantic import BeforeValidator, ConfigDict, RootModel, ValidationError
from pydantic.dataclasses import dataclass, is_pydantic_dataclass

from bigbath.errors import JobError
from bigbath.explain import explain, shown

T = TypeVar("T")

#: The square of a larger number, times the dimension of a space, would overflow.
LARGEST = 1e152
#: Python refuses to write longer whole numbers as text.
_LONGEST_DIGITS = 4000


@dataclass_transform(kw_only_default=True, frozen_default=True)
def choice(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen keyword-only dataclass.

    JobError names what it refuses: unknown keys, wrong types, NaN, infinity and numbers beyond ``LARGEST``.
    """
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    setattr(cls, "__post_init__", _refuse_overflow)  # noqa: B010 - for mypy
    return reads_like_a_job_file(cast(type[T], dataclass(frozen=True, kw_only=True, config=config)(cls)))


def reads_like_a_job_file(cls: type[T]) -> type[T]:
    """Let the constructor of a pydantic class take what a job file may hold, and explain mistakes as it does."""

    def __init__(self: Any, *values: Any, **chosen: Any) -> None:
        if issubclass(cls, RootModel):
            validated(cls, values[0] if values else chosen, instance=self)
        elif values:
            names = [f.name for f in fields(cls) if f.name not in ("name", "kind")]  # type: ignore[arg-type]
            raise JobError(f"{cls.__name__} takes keywords only: {', '.join(names) or 'none'}")
        else:
            validated(cls, chosen, instance=self)

    setattr(cls, "__init__", __init__)  # noqa: B010 - for mypy
    return cls


def validated(
    cls: type[T], data: Any, *, name: str = "", instance: Any = None, context: Mapping[str, Any] | None = None
) -> T:
    """``data``, tables as in a job file, as a ``cls``; JobError explains each mistake, under ``name``.

    ``instance``: an empty object to be filled. ``context``: what validators may ask for, the ``directory`` of a job file.
    """
    try:
        text = json.dumps(tables(data))
        return cls.__pydantic_validator__.validate_json(text, self_instance=instance, context=context)  # type: ignore[attr-defined]
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in explain(error, cls))
        raise JobError(f"{name or cls.__name__} is not valid:\n{lines}") from None
    except RecursionError:
        raise JobError(f"{name or cls.__name__} is not valid: it is nested too deeply") from None


def tables(value: Any, where: str = "") -> Any:
    """Choices, arrays and numbers of any kind as JSON data: tables, lists, numbers, text. JobError for anything else.

    A complex number becomes ``{"re": ..., "im": ...}``, which only fields for complex numbers take.
    """
    if isinstance(value, np.generic | np.ndarray):
        return tables(value.tolist(), where)
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 3 * _LONGEST_DIGITS:
        raise JobError(f"{where or 'value'}: a whole number of so many digits is too large")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, complex):
        return {"re": value.real, "im": value.imag} if value.imag else value.real
    if isinstance(value, Mapping):
        return {_key(key, where): tables(inner, _join(where, key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | range | set | frozenset):
        return [tables(inner, _join(where, number)) for number, inner in enumerate(value)]
    if isinstance(value, RootModel):
        return tables(value.root, where)
    if is_pydantic_dataclass(type(value)):
        return {f.name: tables(getattr(value, f.name), _join(where, f.name)) for f in fields(value)}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    kind = type(value).__name__
    raise JobError(f"{where or 'value'}: a value of type {kind} is neither text, number, truth value, list nor table")


def path_of(value: Any) -> Path:
    """A path; JobError for what is none."""
    if not isinstance(value, str | os.PathLike):
        raise JobError(f"the path of a file must be text, got {shown(value)}")
    return Path(value)


def _join(where: str, step: Any) -> str:
    return f"{where}.{step}" if where else str(step)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise JobError(f"{where or 'table'}: a key must be text, got {shown(key)}")
    return key


def _refuse_overflow(self: Any) -> None:
    for f in fields(self):
        for number in _numbers(getattr(self, f.name)):
            if abs(number) > LARGEST:
                raise ValueError(f"{f.name}: {shown(number)} is too large, at most {LARGEST:g}")


def _numbers(value: Any) -> Any:
    """All numbers in nested tuples and tables."""
    if isinstance(value, tuple | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value


def _name_to_table(value: Any) -> Any:
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict):  # past this validator strictness no longer takes a JSON list for a tuple
        return {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
    return value


#: Lets a job file say ``engine = "dense"`` for ``engine = {kind = "dense"}``.
KindShorthand = BeforeValidator(_name_to_table)
