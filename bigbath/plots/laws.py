"""Where the Lorentzian law holds: widths of neighbouring states, their spread and the share of reached states against N."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.broadening.porter_thomas import shannon_deficit
from bigbath.plots import style


@style.styled
def plot_laws(rows: Sequence[Any], states: Mapping[str, xr.Dataset]) -> Figure:
    """(a) chi of single states over its median, (b) relative spread of chi, (c) share of the shells' levels, against N.

    Dashed: the shells do not resolve chi.

    ``rows``: ``bigbath.studies.laws.Law``; ``states``: for each model the initial states of the largest size. Widths that no shell
    resolves are not shown in (a) and (b).
    """
    figure, grid = style.panels(1, 3, height=3.0)
    axes = grid[0]
    for number, (name, ds) in enumerate(states.items()):
        look, mine = style.look(number), [row for row in rows if row.model == name]
        if mine[-1].resolved > 0.1:
            ratio = ds.chi_integrated.sel(branch=1) / mine[-1].chi
            axes[0].plot(ds.bath_energy, ratio, ".", ms=1.5, color=look["color"], rasterized=True)
            dashes = "-" if mine[-1].verdict != "unresolved" else "--"
            axes[1].plot([row.N for row in mine], [row.spread for row in mine], ls=dashes, **look)
        axes[2].plot([row.N for row in mine], [row.share for row in mine], label=name, **look)
    axes[0].set(
        xlabel=r"energy $\epsilon_\mu$ of the bath state (coupling)",
        ylabel=r"(a)  width $\chi_{\mu 1}$ / median",
        ylim=(0, 4),
    )
    axes[1].set(xlabel="number of spins N", ylabel=r"(b)  spread of $\chi$ / median", ylim=(0, None))
    axes[2].axhline(np.exp(-shannon_deficit(1)), color="k", lw=0.7, ls=":", label="Porter-Thomas")
    axes[2].set(
        xlabel="number of spins N",
        ylabel=r"(c)  share $\langle e^{S_\mathrm{vN} - S_\mathrm{obs}} \rangle$ of own levels",
        yscale="log",
    )
    style.shared_legend(figure, axes[2])
    return figure
