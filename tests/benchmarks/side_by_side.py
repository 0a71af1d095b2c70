"""Rows of a comparison: each engine in a process of its own, one after the other, stopped after a limit, kept as JSON lines."""

import json
import pathlib
import resource
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

Row = dict[str, Any]

HEAD = "| engine | problem | k | solve / s | process / s | peak / GB | states, residual | complete |"


def measured(command: list[str], limit: float) -> Row:
    """The row that the process prints, or why there is none: its last word, or its memory when it was stopped."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 2**20
        process.kill()
        process.communicate()
        return {"failed": f"stopped after {limit:.0f} s, {peak:.2f} GB", "peak_GB": peak}
    if process.returncode:
        return {"failed": (err.strip().splitlines() or [f"ended with {process.returncode}"])[-1][:200]}
    return json.loads(out.strip().splitlines()[-1]) | {"process_seconds": time.perf_counter() - start}


def answer(row: Row) -> None:
    """Print the row of this process, with its peak of memory, for ``measured`` to read."""
    print(json.dumps(row | {"peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))


def rows_of(file: str | None) -> list[Row]:
    """Rows that are in a file already; none without a file."""
    path = pathlib.Path(file) if file else None
    return [json.loads(text) for text in path.read_text().splitlines()] if path and path.exists() else []


def repeated(
    name: Mapping[str, Any],
    command: list[str],
    *,
    limit: float,
    repeat: int,
    file: str | None,
    line: Callable[[Row], str],
) -> None:
    """Run a command until ``file`` has ``repeat`` rows of this ``name``; print and keep the new ones."""
    done = sum(name.items() <= row.items() for row in rows_of(file))
    for _ in range(repeat - done):
        row = dict(name) | measured(command, limit)
        print(line(row), flush=True)
        if file:
            with open(file, "a") as lines:
                lines.write(json.dumps(row) + "\n")


def cells(row: Row, where: str) -> list[str]:
    """What the columns of ``HEAD`` say of a row; ``where``: its problem."""
    first = [row["engine"], where, str(row["k"])]
    if "failed" in row:
        return [*first, row["failed"], "", "", "", ""]
    residual = "-" if row["residual"] is None else f"{row['residual']:.0e}"
    times = [f"{row['seconds']:.2f}", f"{row['process_seconds']:.1f}", f"{row['peak_GB']:.2f}"]
    return [*first, *times, f"{row['states']}, {residual}", row["complete"]]


def markdown(texts: list[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(texts)} |"


def header(head: str) -> str:
    """A table's head with the rule below it."""
    return f"{head}\n" + "|---" * (head.count("|") - 1) + "|"
