"""Frozen keyword-only dataclasses for everything that a user chooses, validated where they are made."""

from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import BeforeValidator, ConfigDict
from pydantic.dataclasses import dataclass

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def choice(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen keyword-only dataclass that refuses unknown keys, wrong types, NaN and infinity."""
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return cast(type[T], dataclass(frozen=True, kw_only=True, config=config)(cls))


def _name_to_table(value: Any) -> Any:
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict):  # past this validator strictness no longer takes a JSON list for a tuple
        return {key: tuple(v) if isinstance(v, list) else v for key, v in value.items()}
    return value


#: Lets a job file say ``engine = "dense"`` for ``engine = {kind = "dense"}``.
KindShorthand = BeforeValidator(_name_to_table)
