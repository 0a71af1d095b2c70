"""Griffe extension: examples in docstrings (>>> ...) are shown as code."""

import re

import griffe

EXAMPLE = re.compile(r"^[ \t]*>>> .*?(?=\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)


class Doctests(griffe.Extension):
    """Fences around each example, unless it has them."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Called for everything that has a docstring."""
        if obj.docstring and ">>> " in obj.docstring.value and "```" not in obj.docstring.value:
            obj.docstring.value = EXAMPLE.sub(fenced, obj.docstring.value)


def fenced(found: re.Match) -> str:
    """The lines of one example, without their indentation, between fences."""
    lines = found[0].splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(["```pycon", *(line[indent:] for line in lines), "```"])
