"""Mistakes in a job file or a Python call, in words: the key as the user wrote it, what is wrong, what would be right."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")


@dataclass(frozen=True, kw_only=True)
class _Mistake:
    """``wanted``: what would be right in place of ``value``; else ``message`` says what is wrong under ``keys``."""

    keys: tuple[str, ...]
    message: str = ""
    wanted: str = ""
    value: Any = None
    words: tuple[str, ...] = ()
    too_short: bool = False


def explain(error: ValidationError, cls: type) -> list[str]:
    """One line for each mistake in the data of a ``cls``.

    Where a value may be of several types, only the one that was meant is explained: that which it looks like.
    """
    mistakes = [_mistake(problem, cls) for problem in error.errors()]
    inside = {m.keys[:n] for m in mistakes for n in range(len(m.keys))}
    short = {m.keys for m in mistakes if m.too_short}
    kept = [
        m for m in mistakes if not (m.wanted and m.keys in inside | short) and not (m.too_short and m.keys in inside)
    ]
    lines = {}
    for m in kept:
        others = [o for o in kept if o.keys == m.keys and o.wanted] if m.wanted else [m]
        lines[m.keys, (m.wanted and "wanted") or m.message] = _line(others)
    return list(lines.values())


def _line(mistakes: Sequence[_Mistake]) -> str:
    """Mistakes about one key that are different ways to say that its value is of a wrong type, or a single other one."""
    first, message = mistakes[0], mistakes[0].message
    if first.wanted:
        wanted = ", or ".join(dict.fromkeys(m.wanted for m in mistakes))
        words = [word for m in mistakes for word in m.words]
        message = f"must be {wanted}, got {shown(first.value)}" + did_you_mean(str(first.value), words)
    return f"{'.'.join(first.keys)}: {message}" if first.keys else message


#: What pydantic calls it -> what a user does.
_WORDS = {
    "a valid array": "a list", "a valid tuple": "a list", "a valid integer": "a whole number", "a valid number": "a number",
    "a valid boolean": "true or false", "a valid string": "text", "a valid dictionary": "a table", "an object": "a table",
}  # fmt: skip


def _mistake(problem: Any, cls: type) -> _Mistake:
    message, kind, value = problem["msg"].removeprefix("Value error, "), problem["type"], problem.get("input")
    found, table = _located(problem["loc"], cls, unknown=kind in _UNKNOWN)
    keys, ctx = tuple(found), problem.get("ctx", {})
    if kind in _UNKNOWN:
        return _Mistake(keys=keys, message="unknown key" + _nearest(str(problem["loc"][-1]), table))
    if kind == "missing":
        return _Mistake(keys=keys, message="is missing")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _Mistake(keys=keys, message=_wrong_tag(ctx))
    if kind in ("dict_type", "dataclass_type"):
        wanted = "a table" + (f" with the keys {', '.join(sorted(table))}" if table and kind != "dict_type" else "")
        return _Mistake(keys=keys, wanted=wanted, value=value)
    if kind in ("too_short", "too_long"):
        least, most = ctx.get("min_length"), ctx.get("max_length")
        number = f"at least {least}" if kind == "too_short" else f"at most {most}"
        entries = "entry" if (least or most) == 1 else "entries"
        return _Mistake(keys=keys, message=f"must have {number} {entries}, got {shown(value)}", too_short=True)
    if kind == "value_error":
        inner = re.match(r"(\w+(?:\.\w+)*): ", message)
        if inner and inner[1].split(".")[0] in table:
            return _Mistake(keys=(*keys, *inner[1].split(".")), message=message[inner.end() :])
        return _Mistake(keys=keys, message=message)
    wanted = re.sub(r"^Input should be ", "", message)
    for theirs, ours in _WORDS.items():
        wanted = wanted.replace(theirs, ours)
    if wanted == message:
        return _Mistake(keys=keys, message=f"{message[0].lower()}{message[1:]}, got {shown(value)}")
    words = tuple(re.findall(r"'([^']+)'", ctx.get("expected", ""))) if kind == "literal_error" else ()
    return _Mistake(keys=keys, wanted=wanted, value=value, words=words if isinstance(value, str) else ())


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
