"""Mistakes in a job file or a Python call, in words: the key as the user wrote it, what is wrong, what would be right."""

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


def explain(error: ValidationError, cls: type) -> list[str]:
    """One line for each mistake in the data of a ``cls``; that a list is too short is not said of one whose items are wrong."""
    problems = error.errors()
    wrong = {problem["loc"][:-1] for problem in problems}
    return [_line(p, cls) for p in problems if not (p["type"] == "too_short" and p["loc"] in wrong)]


def _line(problem: Any, cls: type) -> str:
    message, kind = problem["msg"].removeprefix("Value error, "), problem["type"]
    keys, table = _located(problem["loc"], cls, unknown=kind in _UNKNOWN)
    if kind in _UNKNOWN:
        message = "unknown key" + _nearest(str(problem["loc"][-1]), table)
    elif kind == "missing":
        message = "is missing"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        message = _wrong_tag(problem["ctx"])
    elif kind == "dict_type":
        message = f"must be a table, got {shown(problem['input'])}"
    elif kind == "dataclass_type":
        message = f"must be a table with the keys {', '.join(sorted(table))}, got {shown(problem['input'])}"
    elif kind == "too_short":
        message = f"needs at least {problem['ctx']['min_length']} value(s), got {shown(problem['input'])}"
    elif kind != "value_error":
        message = f"{message[0].lower()}{message[1:]}, got {shown(problem.get('input'))}"
    return f"{'.'.join(keys)}: {message}" if keys else message


def shown(value: Any) -> str:
    """The beginning of a value as Python writes it."""
    if isinstance(value, dict) and value.keys() == {"re", "im"}:  # how a complex number is passed on
        return f"{value['re']:g}{value['im']:+g}j"
    try:
        return f"{value!r:.80}"
    except (ValueError, RecursionError):  # too many digits, too deep
        return f"a very large {type(value).__name__}"


def _wrong_tag(context: dict[str, Any]) -> str:
    tags = context.get("expected_tags", "")
    names = [tag.strip(" '") for tag in tags.split(",")]
    key = context["discriminator"].strip("'")
    if "tag" not in context:
        return f"{key} is missing" + (f": one of {tags}" if tags else "")
    return f"{key} must be one of {tags}, got {shown(context['tag'])}" + did_you_mean(str(context["tag"]), names)


def _nearest(key: str, table: set[str]) -> str:
    return did_you_mean(key, table) or (f"; the keys here are: {', '.join(sorted(table))}" if table else "")


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The nearest of the words, whatever its case."""
    by_lower = {w.lower(): w for w in words}
    close = difflib.get_close_matches(word.lower(), sorted(by_lower), 1)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


@cache
def _schema(cls: type) -> dict[str, Any]:
    return TypeAdapter(cls).json_schema()


def _located(loc: tuple[int | str, ...], cls: type, *, unknown: bool) -> tuple[list[str], set[str]]:
    """The keys of a mistake's place, without the names of types that pydantic adds; the keys that its table may hold.

    ``unknown``: the last key is no valid one.
    """
    schema = _schema(cls)
    keys, here = [], _alternatives(schema, schema)
    for number, step in enumerate(loc):
        tagged = [reference for node in here for reference in _tagged(node, step)]
        inner = [child for node in here if (child := _child(node, step)) is not None]
        if tagged:
            here = [a for reference in tagged for a in _alternatives({"$ref": reference}, schema)]
        elif inner:
            keys.append(str(step))
            here = [a for node in inner for a in _alternatives(node, schema)]
        elif isinstance(step, int) or (unknown and number == len(loc) - 1):
            keys.append(str(step))
    return keys, _properties(here)


def _properties(nodes: list[dict[str, Any]]) -> set[str]:
    return {key for node in nodes for key in node.get("properties", {})}


def _alternatives(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a node of a JSON schema may be, references followed; a union that tells its types by a tag is one itself."""
    if "$ref" in node:
        return _alternatives(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    if "mapping" in node.get("discriminator", {}):
        return [node]
    either = node.get("anyOf") or node.get("oneOf")
    return [a for inner in either for a in _alternatives(inner, schema)] if either else [node]


def _tagged(node: dict[str, Any], step: int | str) -> list[str]:
    reference = node.get("discriminator", {}).get("mapping", {}).get(step)
    return [reference] if reference else []


def _child(node: dict[str, Any], step: int | str) -> dict[str, Any] | None:
    """The schema of a key or of an element of a list."""
    if isinstance(step, int):
        before = node.get("prefixItems", [])
        return before[step] if step < len(before) else node.get("items") or None
    if step in node.get("properties", {}):
        return node["properties"][step]
    more = node.get("additionalProperties")
    return more if isinstance(more, dict) else {} if more is True else None
