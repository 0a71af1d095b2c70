"""Progress reports: a function (label, done, total); who listens decides what to show."""

from collections.abc import Callable

Report = Callable[[str, float, float], None]


def silent(label: str, done: float, total: float) -> None:
    """Report nothing."""
