"""Seconds and memory of engines against the number of spins: python tests/benchmarks/engines_figure.py ROWS PNG

ROWS: what engines.py --json writes. engines.jsonl holds the rows of T(L), k = 100, that docs/performance.md prints.
"""

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

from bigbath.plots import save, style

PANELS = {"seconds": "(a)  time of the solve (s)", "peak_GB": "(b)  peak memory (GB)"}


@style.styled
def draw(rows: list[dict]) -> Figure:
    """A panel for time and one for memory, a curve for each engine."""
    figure, axes = style.panels(1, 2, height=3.2)
    for axis, (key, label) in zip(axes[0], PANELS.items(), strict=True):
        for number, engine in enumerate(dict.fromkeys(row["engine"] for row in rows)):
            points = sorted((row["spins"], row[key]) for row in rows if row["engine"] == engine)
            axis.plot(*zip(*points, strict=True), label=engine, **style.look(number))
        axis.set(xlabel="number of spins", ylabel=label, yscale="log")
    style.shared_legend(figure, axes[0, 0])
    return figure


if __name__ == "__main__":
    found = [json.loads(text) for text in Path(sys.argv[1]).read_text().splitlines()]
    save(draw([row for row in found if "failed" not in row and row["k"] == 100 and not row["ring"]]), Path(sys.argv[2]))
