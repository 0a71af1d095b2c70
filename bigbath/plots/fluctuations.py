"""Fluctuations of p_n about the mean of a shell, and entropies with them, against N."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import chi2

from bigbath.plots import style


@style.styled
def plot_fluctuations(rows: Sequence[Any], fluctuations: np.ndarray, freedom: int) -> Figure:
    """(a) p_n over its mean against Porter-Thomas, largest ring; (b) entropies, predicted - measured, and (c) moments against N.

    ``rows``: of ``bigbath.studies.fluctuations``; ``fluctuations``: p_n over its mean.
    """
    figure, grid_of_axes = style.panels(1, 3, height=3.2)
    axes = grid_of_axes[0]
    grid = np.geomspace(1e-5, 60, 60)
    count = np.histogram(fluctuations, grid)[0] / fluctuations.size / np.diff(np.log(grid))
    middle = np.sqrt(grid[1:] * grid[:-1])
    axes[0].plot(middle, count, "o", ms=3, mfc="none", label=rf"$p_n/\langle p_n\rangle$, N = {max(r.N for r in rows)}")
    axes[0].plot(middle, middle * freedom * chi2.pdf(freedom * middle, freedom), "k-", lw=1, label="Porter-Thomas")
    axes[0].set(
        xscale="log", yscale="log", ylim=(1e-6, 1), xlabel=r"weight over its mean, $y = p_n/\langle p_n \rangle$",
        ylabel=r"$y\,\rho(y)$",
    )  # fmt: skip
    for axis, start in ((axes[1], "S_"), (axes[2], "<p^")):
        for number, name in enumerate(dict.fromkeys(row.name for row in rows if row.name.startswith(start))):
            mine = [row for row in rows if row.name == name]
            values = [row.predicted - row.measured if axis is axes[1] else row.measured for row in mine]
            axis.plot([row.N for row in mine], values, lw=1, label=name, **style.look(number))
        axis.set(xlabel="number of spins N")
    axes[1].axhline(0, color="k", lw=0.5)
    axes[2].axhline(1, color="k", lw=0.5)
    axes[1].set(ylabel="entropy, predicted - measured")
    axes[2].set(ylabel="moments over Porter-Thomas", yscale="log")
    for axis in axes:
        style.legend(axis)
    return figure
