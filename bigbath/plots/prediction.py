"""Entropies with fluctuations, predicted and measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.broadening.entropy import observational
from bigbath.plots import style
from bigbath.plots.porter_thomas import porter_thomas


@style.styled
def plot_prediction(rows: Sequence[Any], ds: xr.Dataset, fluctuations: np.ndarray, freedom: int) -> Figure:
    """(a) p_n over its mean against Porter-Thomas, (b) entropies of all states against theory, (c) differences against N.

    ``rows``: ``bigbath.studies.prediction.Prediction``; ``ds``: the largest ring; ``fluctuations``: p_n over its mean.
    """
    figure, grid_of_axes = style.panels(1, 3, height=4.0)
    axes = grid_of_axes[0]
    porter_thomas(axes[0], fluctuations, freedom, largest=30, least=1e-4, label=r"$p_n/\langle p_n\rangle$")
    axes[0].set(ylabel=r"(a)  density $y\,\rho(y)$")
    measured = {"observational": observational(ds.P.values, ds.shell_count.values)[:, 0]}
    measured |= {"von Neumann": ds.shannon.values[:, 0], "Rényi-2": ds.renyi2.values[:, 0]}
    for number, ((label, values), name) in enumerate(
        zip(measured.items(), ("observational_closed", "von_neumann_closed", "renyi2_closed"), strict=True)
    ):
        axes[1].plot(ds.bath_energy, values, ".", ms=1, color=style.colour(number), label=label, rasterized=True)
        axes[1].plot(ds.bath_energy, ds[name].sel(branch=1), "k.", ms=0.5, rasterized=True)
    axes[1].set(
        xlabel=r"energy $\epsilon_\mu$ of the bath state (coupling)",
        ylabel=r"(b)  entropy (nats); black: by $|V|^2$ alone",
        ylim=(0, None),
    )
    names = dict.fromkeys(row.name for row in rows if row.name.startswith("S_"))
    for number, name in enumerate(names):
        mine = [row for row in rows if row.name == name]
        axes[2].plot(
            [row.N for row in mine],
            [row.predicted - row.measured for row in mine],
            lw=1,
            label=name,
            **style.look(number),
        )
    axes[2].axhline(0, color="k", lw=0.5)
    axes[2].set(xlabel="number of spins N", ylabel="(c)  predicted minus measured entropy (nats)")
    for axis in axes:
        style.legend(axis, markerscale=4 if axis is axes[1] else 1)
    return figure
