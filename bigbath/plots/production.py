"""Entropy production in time."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style


@style.styled
def plot_production(found: Mapping[int, Mapping[int, xr.Dataset]], late: float) -> Figure:
    """(a) S_obs(t) and its steady value, (b) the same per spin, (c) the population, (d) fluctuations against Eq. 51.

    ``found``: N -> level of the system at t = 0 -> result; ``late``: where late times begin.
    """
    figure, axes = style.panels(2, 2, height=2.9)
    for number, (N, states) in enumerate(found.items()):
        ds = states[1]
        early = ds.isel(t=ds.t.values < late)
        colour = style.colour(number)
        for axis, over in ((axes[0, 0], 1), (axes[0, 1], N)):
            axis.plot(early.t, early.observational_entropy / over, color=colour, label=f"N = {N}")
            if "observational_entropy_steady" in ds:
                axis.axhline(float(ds.observational_entropy_steady) / over, color=colour, ls="--", lw=0.8)
            else:
                later = ds.observational_entropy[ds.t.values >= late]
                axis.axhline(float(later.mean()) / over, color=colour, ls=":", lw=0.8)
        axes[1, 0].plot(early.t, early.population.sel(branch=1), color=colour, label=f"N = {N}")
        if "renyi2_steady" in ds:
            steady, width = float(ds.population_steady.sel(branch=1)), float(np.exp(-ds.renyi2_steady / 2))
            axes[1, 0].fill_between(early.t, steady - width, steady + width, color=colour, alpha=0.12, lw=0)
    axes[0, 0].plot([], [], color="0.45", ls="--", lw=0.8, label="steady state")
    if any("renyi2_steady" not in states[1] for states in found.values()):
        axes[0, 0].plot([], [], color="0.45", ls=":", lw=0.8, label="late mean")
    _fluctuations(axes[1, 1], found, late)
    axes[0, 0].set(ylabel="observational entropy (nats)", ylim=(0, None))
    axes[0, 1].set(ylabel="observational entropy per spin", ylim=(0, None))
    axes[1, 0].set(ylabel="population of the initial level")
    for axis in (axes[0, 0], axes[0, 1], axes[1, 0]):
        axis.set(xlabel="time (1/coupling)", xlim=(0, None))
    for axis in (*axes[0], axes[1, 0], axes[1, 1]):
        style.legend(axis)
    return figure


def _fluctuations(axis: Axes, found: Mapping[int, Mapping[int, xr.Dataset]], late: float) -> None:
    """Mean square fluctuations of both initial states against N, beside exp(-S_2)."""
    exact = {N: states for N, states in found.items() if all("renyi2_steady" in ds for ds in states.values())}
    curves: dict[str, list[tuple[int, float]]] = {}
    for N, states in exact.items():
        for branch, ds in states.items():
            later = ds.isel(t=ds.t.values >= late)
            squares = ((later.shell_probability_t - ds.shell_probability_t_steady) ** 2).mean("t")
            own = ((later.population - ds.population_steady) ** 2).mean("t").sel(branch=branch)
            for name, value in (
                (r"bound $e^{-S_2}$, Eq. 51", np.exp(-ds.renyi2_steady)),
                ("population", own),
                ("largest of a level and shell", squares.max()),
            ):
                curves.setdefault(name, []).append((N, float(value)))
    for number, (name, points) in enumerate(curves.items()):
        N, value = np.array(points).T
        axis.plot(N, value, ls="", label=name, **style.look(number))
    axis.set(xlabel="number of spins N", ylabel="mean square fluctuation", yscale="log", xticks=list(exact))
