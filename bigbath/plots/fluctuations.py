"""Fluctuations of p_n about the mean of a shell, and entropies with them, against N."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.porter_thomas import porter_thomas

#: How rows of one sector end.
PART = ", momentum 0"


@style.styled
def plot_fluctuations(rows: Sequence[Any], fluctuations: np.ndarray, freedom: int) -> Figure:
    """(a) p_n over its mean against Porter-Thomas, largest ring; (b) entropies, predicted - measured, and (c) moments against N;
    open: the sector of momentum 0 alone.

    ``rows``: of ``bigbath.studies.fluctuations``; ``fluctuations``: p_n over its mean.
    """
    figure, grid_of_axes = style.panels(1, 3, height=3.2)
    axes = grid_of_axes[0]
    label = rf"$p_n/\langle p_n\rangle$, N = {max(r.N for r in rows)}"
    porter_thomas(axes[0], fluctuations, freedom, largest=60, least=1e-6, label=label)
    axes[0].set(ylabel=r"$y\,\rho(y)$")
    for axis, start in ((axes[1], "S_"), (axes[2], "<p^")):
        names = dict.fromkeys(row.name.removesuffix(PART) for row in rows if row.name.startswith(start))
        for number, name in enumerate(names):
            for which, look in ((name, {"lw": 1, "label": _short(name)}), (name + PART, {"ls": "", "mfc": "none"})):
                mine = [row for row in rows if row.name == which]
                values = [row.predicted - row.measured if axis is axes[1] else row.measured for row in mine]
                axis.plot([row.N for row in mine], values, **(style.look(number) | look))
        axis.set(xlabel="number of spins N")
    axes[1].axhline(0, color="k", lw=0.5)
    axes[2].axhline(1, color="k", lw=0.5)
    axes[1].set(ylabel="entropy, predicted - measured")
    axes[2].set(ylabel="moments over Porter-Thomas", yscale="log")
    for axis in axes:
        style.legend(axis)
    return figure


def _short(name: str) -> str:
    """A row's name as fits into a legend."""
    for long, short in (
        (" from the shells' P and Porter-Thomas", ", shells"),
        (" from |V|^2 alone", ", |V|²"),
        (" over Porter-Thomas", ""),
    ):
        name = name.replace(long, short)
    return re.sub(r"<p\^(\d)>/<p>\^\d", r"$\\langle p^\1\\rangle/\\langle p\\rangle^\1$", name)
