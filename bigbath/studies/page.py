"""Tables that a study writes into a page of the documentation, between two marks."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bigbath.errors import FileError

#: Rows of a study -> Markdown.
Page = Callable[[Sequence[Any]], str]


def write_page(page: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->`` in a Markdown file.

    FileError when the file or one of the two marks, each on a line of its own, is not there.
    """
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    try:
        before = page.read_text()
    except OSError as error:
        raise FileError(f"--page {page}: {error.strerror}") from None
    pattern = re.compile(rf"^{re.escape(first)}\n.*?^{re.escape(last)}$", re.MULTILINE | re.DOTALL)
    if not pattern.search(before):
        raise FileError(
            f"--page {page}: it needs a line {first} and, below, a line {last}; the table goes between them"
        )
    page.write_text(pattern.sub(lambda _: f"{first}\n{text.rstrip()}\n{last}", before))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_error(value: float, error: float) -> str:
    """``1.234(5)``: a value to the digits of its error, which is given in units of the last one; two digits below 3."""
    if not error > 0:
        return f"{value:.3f}"
    decimals = 0
    while decimals < 8 and error * 10**decimals < 2.95:
        decimals += 1
    return f"{value:.{decimals}f}({error * 10**decimals:.0f})"
