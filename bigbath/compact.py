"""Short forms of objects, for a terminal and for a notebook: a title and a few facts, never whole arrays."""

from dataclasses import fields
from html import escape
from typing import Any

import numpy as np

#: Characters of a line on a terminal.
WIDTH = 100
#: Characters of a value.
LONGEST = 60


class Compact:
    """Gives a class ``__repr__`` and ``_repr_html_`` from its ``_facts``: those of a dataclass are its fields."""

    def _facts(self) -> dict[str, Any]:
        """Name -> fact, the most important first."""
        chosen = [field.name for field in fields(self) if not field.name.startswith("_")]  # type: ignore[arg-type]
        return {name: brief(getattr(self, name)) for name in chosen}

    def __repr__(self) -> str:
        return as_text(type(self).__name__, self._facts())

    def _repr_html_(self) -> str:
        return as_html(type(self).__name__, self._facts())


def brief(value: Any) -> str:
    """A value in one line: an array by its shape, type and range, an object by its name and first fact."""
    if isinstance(value, Compact):
        return f"{type(value).__name__}, {next(iter(value._facts().values()))}"
    if isinstance(value, np.ndarray):
        shape = " x ".join(map(str, value.shape)) or "one"
        return f"{shape} {value.dtype}{_range(value)}"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, tuple | list) and (len(value) > 4 or any(isinstance(one, tuple | Compact) for one in value)):
        return f"{len(value)} of them"
    if value is None or isinstance(value, bool | int | str | tuple | list):
        text = str(value)
        return text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."
    return type(value).__name__


def _range(values: np.ndarray) -> str:
    """Smallest and largest of the real numbers that are finite."""
    if values.dtype.kind not in "fiu" or not (finite := np.isfinite(values)).any():
        return ""
    return f", {values[finite].min():.4g} to {values[finite].max():.4g}"


def as_text(title: str, facts: dict[str, Any]) -> str:
    """A line for the title and one for each fact; "<Title: fact>" for a single one."""
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    if len(lines) == 1:
        return f"<{title}: {facts[next(iter(facts))]}>"
    return "\n".join(
        [f"<{title}>", *(f"  {line if len(line) < WIDTH else line[: WIDTH - 5] + ' ...'}" for line in lines)]
    )


def as_html(title: str, facts: dict[str, Any]) -> str:
    """The same as a table."""
    rows = "".join(
        f'<tr><th style="text-align:left">{escape(str(name))}</th><td style="text-align:left">{escape(str(fact))}</td></tr>'
        for name, fact in facts.items()
    )
    return f"<div><b>{escape(title)}</b><table>{rows}</table></div>"
