"""Short forms of objects, for a terminal and for a notebook: a title and a few facts, never whole arrays."""

from html import escape
from typing import Any

#: Characters of a line on a terminal.
WIDTH = 100


class Compact:
    """Gives a class ``__repr__`` and ``_repr_html_`` from its ``_facts``."""

    def _facts(self) -> dict[str, Any]:
        """Name -> fact, the most important first."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(type(self).__name__, self._facts())

    def _repr_html_(self) -> str:
        return as_html(type(self).__name__, self._facts())


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
