"""Progress with ETA: bars on a terminal, one line that changes in a notebook, a line every ten seconds in a log.

A run of several tasks has a bar for all of them beside that of the work at hand.
"""

import sys
import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bigbath.progress import TASKS

#: Seconds between lines when there is no terminal.
HEARTBEAT = 10.0
#: Seconds between changes of the line in a notebook.
REFRESH = 0.5
#: Until this fraction has been done nothing is said of the time that is left.
EARLY = 0.01


@dataclass(kw_only=True)
class _Stage:
    """Work that has a beginning: its ``label``, the ``fraction`` that is done, what it was at ``first`` and ``since`` when."""

    label: str
    first: float
    fraction: float
    since: float

    def left(self, now: float) -> str:
        """Time that is left, if the rest goes on as it went so far; "" where that cannot be said."""
        made = self.fraction - self.first
        if made < EARLY or self.fraction >= 1:
            return ""
        return f"about {duration((now - self.since) * (1 - self.fraction) / made)} left"

    def line(self, now: float) -> str:
        """All of it in words."""
        return ", ".join(filter(None, (f"{self.label}: {100 * self.fraction:.0f} %", self.left(now))))


def duration(seconds: float) -> str:
    """ "35 s", "2 min 5 s", "3 h 20 min", "4 d 2 h": two units at most."""
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    rest = round(seconds)
    parts: list[tuple[int, str]] = []
    for name, size in units:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, name))
    shown = " ".join(f"{count} {name}" for count, name in parts[:2] if count)
    return shown or "0 s"


class ProgressReport:
    """A ``Report`` that writes to standard error; use it in a ``with`` block."""

    def __init__(self, *, quiet: bool = False, heartbeat: float = HEARTBEAT) -> None:
        self._quiet, self._heartbeat = quiet, heartbeat
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._bars: dict[str, TaskID] = {}
        self._stages: dict[str, _Stage] = {}
        self._width = 0
        self._spoken = time.monotonic()

    def __enter__(self) -> "ProgressReport":
        if self._console.is_terminal and not self._quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._console.is_jupyter and not self._quiet:
            print("\r" + " " * self._width, end="\r", file=sys.stderr, flush=True)

    def __call__(self, label: str, done: float, total: float) -> None:
        """Show that ``done`` of ``total`` is done, of all tasks if ``label`` begins with ``TASKS``."""
        if self._quiet:
            return
        row, fraction = "all" if label.startswith(TASKS) else "one", min(1.0, done / total) if total else 0.0
        stage = self._stages.get(row)
        if stage is None or stage.label.split(",")[0] != label.split(",")[0]:
            stage = self._stages[row] = _Stage(label=label, first=fraction, fraction=fraction, since=time.monotonic())
            self._begin(row)
        stage.label, stage.fraction = label, fraction
        if self._bar is not None:
            self._bar.update(
                self._bars[row], description=label, completed=stage.fraction, left=stage.left(time.monotonic())
            )
        elif time.monotonic() - self._spoken >= (REFRESH if self._console.is_jupyter else self._heartbeat):
            self._speak()

    def _begin(self, row: str) -> None:
        if self._bar is None:
            return
        if row in self._bars:
            self._bar.reset(self._bars[row])
        else:
            self._bars[row] = self._bar.add_task("", total=1.0, left="")

    def _speak(self) -> None:
        """Say how far all tasks are, and the work at hand."""
        self._spoken = time.monotonic()
        line = "; ".join(self._stages[row].line(self._spoken) for row in ("all", "one") if row in self._stages)
        if self._console.is_jupyter:
            self._width = max(self._width, len(line))
            print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
        else:
            print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
