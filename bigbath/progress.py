"""Progress reports: a function (label, done, total); who listens decides what to show."""

from collections.abc import Callable

#: How the label of a report on all tasks of a run begins.
TASKS = "tasks"

Report = Callable[[str, float, float], None]


def silent(label: str, done: float, total: float) -> None:
    """Report nothing."""


def unfailing(report: Report) -> Report:
    """The same report until it cannot be written: a terminal that is gone, or a full disk, does not fail the work."""
    listener = report

    def reported(label: str, done: float, total: float) -> None:
        nonlocal listener
        try:
            listener(label, done, total)
        except (OSError, ValueError):  # ValueError: the stream was closed
            listener = silent

    return reported
