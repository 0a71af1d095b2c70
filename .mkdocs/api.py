"""MkDocs hook: the API page lists every public name of bigbath, by the module that it comes from."""

import dataclasses
import inspect
import re
from typing import Annotated, get_args, get_origin, get_type_hints

import bigbath

GROUP = re.compile(r"^\[\[(bigbath[\w.]*)\]\]$", re.MULTILINE)
WITHOUT_METHODS = ("bigbath.models", "bigbath.measure")  # their methods are for bigbath itself
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def on_page_markdown(markdown: str, page, **_) -> str:
    """Replace each line [[MODULE]] of the API page by the public names of that module."""
    if page.file.src_uri != "api.md":
        return markdown
    named = set(GROUP.findall(markdown))
    for module in sorted(set(bigbath._WHERE) - named):  # a new module is never left out
        markdown += f"\n## {module.removeprefix('bigbath.')}\n\n[[{module}]]\n"
    return GROUP.sub(
        lambda found: "\n".join(entry(name, found[1]) for name in sorted(bigbath._WHERE[found[1]])), markdown
    )


def entry(name: str, module: str) -> str:
    """One public name: its docstring, and the fields of a choice with their defaults."""
    thing = getattr(bigbath, name)
    if not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return f"[](){{#bigbath.{name}}}\n### {name}\n\n`{spelt(thing)}`\n"
    text = f"[](){{#bigbath.{name}}}\n::: {thing.__module__}.{thing.__qualname__}\n"
    if module in WITHOUT_METHODS:
        text += "    options: { members: false }\n"
    return text + "\n" + (fields(thing) if dataclasses.is_dataclass(thing) else "")


def fields(thing: type) -> str:
    """A table of the fields that are given by name."""
    hints, bounded = get_type_hints(thing), get_type_hints(thing, include_extras=True)
    rows = [
        f"| `{field.name}` | `{spelt(hints[field.name])}`{limits(bounded[field.name])} | {default(field)} |"
        for field in dataclasses.fields(thing)
        if field.init and not field.name.startswith("_")
    ]
    return "\n".join(["| field | type | default |", "|---|---|---|", *rows, "", ""]) if rows else ""


def spelt(hint: object) -> str:
    """A type in as few words as Python has for it."""
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    text = re.sub(r"(?<!\w)(?:[A-Za-z_]\w*\.)+", "", text).replace(" | ", " or ")
    return text if len(text) < 70 else text[:67] + "..."


def limits(hint: object) -> str:
    """The bounds of a number, as ", ≥ 1"."""
    bounds = [
        f"{sign} {getattr(bound, name)}"
        for extra in (get_args(hint)[1:] if get_origin(hint) is Annotated else ())
        for bound in getattr(extra, "metadata", ())
        for name, sign in SIGNS.items()
        if hasattr(bound, name)
    ]
    return "".join(f", {bound}" for bound in bounds)


def default(field: dataclasses.Field) -> str:
    """What a field is when it is not given."""
    plain = getattr(field.default, "default", field.default)
    if plain is dataclasses.MISSING or repr(plain) == "PydanticUndefined":
        factory = field.default_factory
        return "required" if factory is dataclasses.MISSING else f"`{factory.__name__}()`"
    return f"`{plain!r}`" if len(repr(plain)) < 40 else "..."
