"""Entropy production in time."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style

#: What the points of panel (d) are, with S_2 of the levels' weights, or with an estimate of it.
BOUND, ESTIMATE = r"bound $e^{-S_2}$, Eq. 51", r"$e^{-S_2}$, estimated"
POPULATION, LARGEST = "population", "largest of a level and shell"


@style.styled
def plot_production(
    found: Mapping[int, Mapping[int, xr.Dataset]], late: float, renyi2: Callable[[xr.Dataset], float]
) -> Figure:
    """(a) S_obs(t) and its steady value, (b) the same per spin, (c) the population, (d) fluctuations against Eq. 51.

    ``found``: N -> level of the system at t = 0 -> result; ``late``: where late times begin. ``renyi2``: S_2 of the initial
    state of a result, as far as it is known.
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
    _fluctuations(axes[1, 1], found, late, renyi2)
    axes[0, 0].set(ylabel="observational entropy (nats)", ylim=(0, None))
    axes[0, 1].set(ylabel="observational entropy per spin", ylim=(0, None))
    axes[1, 0].set(ylabel="population of the initial level")
    for axis in (axes[0, 0], axes[0, 1], axes[1, 0]):
        axis.set(xlabel="time (1/coupling)", xlim=(0, None))
    style.shared_legend(figure, axes[0, 0])
    style.legend(axes[1, 1])
    return figure


def _fluctuations(
    axis: Axes, found: Mapping[int, Mapping[int, xr.Dataset]], late: float, renyi2: Callable[[xr.Dataset], float]
) -> None:
    """Mean square fluctuations of both initial states against N, beside exp(-S_2)."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for N, states in found.items():
        for branch, ds in states.items():
            later = ds.isel(t=ds.t.values >= late)
            known = "renyi2_steady" in ds or "renyi2_initial" in ds
            for name, value in (
                (BOUND if known else ESTIMATE, np.exp(-renyi2(ds))),
                (POPULATION, _square(later.population, ds.get("population_steady")).sel(branch=branch)),
                (LARGEST, _square(later.shell_probability_t, ds.get("shell_probability_t_steady")).max()),
            ):  # fmt: skip
                curves.setdefault(name, []).append((N, float(value)))
    looks = {
        BOUND: style.look(0),
        ESTIMATE: style.look(0) | {"mfc": "white"},
        POPULATION: style.look(1),
        LARGEST: style.look(2),
    }
    for name in (name for name in looks if name in curves):
        axis.plot(*np.array(curves[name]).T, ls="", label=name, **looks[name])
    axis.set(xlabel="number of spins N", ylabel="mean square fluctuation", yscale="log", xticks=list(found))


def _square(values: xr.DataArray, steady: xr.DataArray | None) -> xr.DataArray:
    """Mean square of what is seen at late times about the steady state, or about the mean where that is not known."""
    return ((values - (values.mean("t") if steady is None else steady)) ** 2).mean("t")
