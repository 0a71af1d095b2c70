"""Progress with ETA: a bar on a terminal, one line that changes in a notebook, a line every ten seconds in a log."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

#: Seconds between lines when there is no terminal.
HEARTBEAT = 10.0
#: Seconds between changes of the line in a notebook.
REFRESH = 0.5


class ProgressReport:
    """A ``Report`` that writes to standard error; use it in a ``with`` block."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        self._label = ""
        self._width = 0
        self._since = self._spoken = time.monotonic()

    def __enter__(self) -> "ProgressReport":
        if self._console.is_terminal and not self._quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=1.0)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._console.is_jupyter and not self._quiet:
            print("\r" + " " * self._width, end="\r", file=sys.stderr, flush=True)

    def __call__(self, label: str, done: float, total: float) -> None:
        """Show that ``done`` of ``total`` is done."""
        if self._quiet:
            return
        stage = label.split(",")[0]
        if stage != self._label:
            self._label, self._since = stage, time.monotonic()
            if self._bar is not None:
                self._bar.reset(self._task)
        fraction = min(1.0, done / total) if total else 0.0
        if self._bar is not None:
            self._bar.update(self._task, description=label, completed=fraction)
            return
        now = time.monotonic()
        notebook = self._console.is_jupyter
        if now - self._spoken >= (REFRESH if notebook else HEARTBEAT):
            self._spoken = now
            left = f", about {(now - self._since) * (1 / fraction - 1):.0f} s left" if 0.02 < fraction < 1 else ""
            line = f"{label}: {100 * fraction:.0f} %{left}"
            if notebook:
                self._width = max(self._width, len(line))
                print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
            else:
                print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)
