"""A thermometer in time: exact dynamics, direct and theory propagator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.diffusion import TITLES


@style.styled
def plot_thermometer(rows: Sequence[Any]) -> Figure:
    """Above C(t) of each model: exact solid with error bars, direct propagator as crosses, theory dashed; below theory - exact.

    ``rows``: of ``bigbath.studies.thermometer``. Dotted: beside the theory of the largest bath that has eigenstates.
    """
    models = list(dict.fromkeys(row.model for row in rows))
    figure, axes = style.panels(2, len(models), width=3.3, height=2.7)
    for model, (above, below) in zip(models, axes.T, strict=True):
        sizes = list(dict.fromkeys(row.size for row in rows if row.model == model))
        for number, size in enumerate(sizes):
            mine = [row for row in rows if (row.model, row.size) == (model, size)]
            _curves(above, below, mine, style.colour(number))
        below.axhline(0, color="0.45", lw=0.8)
        above.set(xscale="log", ylabel=rf"{TITLES.get(model, model)}: $\langle\tau^z(t)\tau^z\rangle$")
        below.set(xscale="log", xlabel="time (1/coupling)", ylabel="theory − exact")
        style.legend(above)
    return figure


def _curves(above: Axes, below: Axes, mine: Sequence[Any], colour: str) -> None:
    """One bath."""
    times, exact = (np.array([getattr(row, key) for row in mine]) for key in ("time", "exact"))
    bars = np.nan_to_num([row.exact_error for row in mine])
    above.errorbar(times, exact, bars, color=colour, lw=1, capsize=2, label=f"L = {mine[0].size}")
    if mine[0].direct is not None:
        above.plot(times, [row.direct for row in mine], "x", color=colour, ms=5)
    if mine[0].difference is None:
        return
    own = mine[0].theory_size == mine[0].size
    if own:
        above.plot(times, [row.theory for row in mine], "--", color=colour, lw=1)
    difference = [row.difference for row in mine]
    bars = np.nan_to_num([row.difference_error for row in mine])
    below.errorbar(times, difference, bars, color=colour, marker="o" if own else "s", mfc=colour if own else "none",
                   ls="-" if own else ":", lw=1, ms=4, capsize=2)  # fmt: skip
