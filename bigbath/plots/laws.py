"""Where the Lorentzian law holds: widths of neighbouring states, their spread and the share of reached states against N."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.broadening.porter_thomas import shannon_deficit


def plot_laws(rows: Sequence[Any], states: Mapping[str, xr.Dataset]) -> Figure:
    """(a) chi of single states over its median, (b) relative spread of chi, (c) share of the shells' levels, against N.

    Dashed: the shells do not resolve chi.

    ``rows``: ``bigbath.studies.laws.Law``; ``states``: for each model the initial states of the largest size. Widths that no shell
    resolves are not shown in (a) and (b).
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for number, (name, ds) in enumerate(states.items()):
        colour, mine = f"C{number}", [row for row in rows if row.model == name]
        if mine[-1].resolved > 0.1:
            ratio = ds.chi_integrated.sel(branch=1) / mine[-1].chi
            axes[0].plot(ds.bath_energy, ratio, ".", ms=1.5, color=colour, label=name, rasterized=True)
            style = "o-" if mine[-1].verdict != "unresolved" else "o--"
            axes[1].plot([row.N for row in mine], [row.spread for row in mine], style, ms=4, lw=1, color=colour)
        axes[2].plot([row.N for row in mine], [row.share for row in mine], "o-", ms=4, lw=1, color=colour, label=name)
    axes[0].set(xlabel=r"$\epsilon_\mu$", ylabel=r"$\chi_{\mu 1}$ / median", ylim=(0, 4), title="(a) largest size")
    axes[0].legend(frameon=False, fontsize="small", markerscale=6)
    axes[1].set(xlabel="N", ylabel=r"spread of $\chi$ / median", title="(b)", ylim=(0, None))
    axes[2].axhline(np.exp(-shannon_deficit(1)), color="k", lw=0.7, ls=":", label="Porter-Thomas")
    axes[2].set(xlabel="N", ylabel=r"$\langle e^{S_\mathrm{vN} - S_\mathrm{obs}} \rangle$, own levels", title="(c)", yscale="log")
    axes[2].legend(frameon=False, fontsize="small")
    return figure
