"""Figs. 2-5 of the entropy paper from result files."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.broadening.interaction import SquareWave
from bigbath.broadening.regression import Line
from bigbath.plots import style
from bigbath.plots.unresolved import plot_points, resolved

#: Points that are drawn over others, which they must not hide.
MOST_OVER = 1500

_EPSILON = r"energy $\epsilon_\mu$ of the bath state (coupling)"


@style.styled
def plot_interaction(ds: xr.Dataset, fits: Mapping[tuple[int, int], SquareWave], *, ax: Axes | None = None) -> Figure:
    """Fig. 2: F^2 of one bath state in bath shells, with its fits."""
    figure, axis = style.one_panel(ax, height=3.0)
    x = ds.bath_shell_energy.values
    fine = np.linspace(np.nanmin(x), np.nanmax(x), 600)
    for number, ((i, j), wave) in enumerate(fits.items()):
        axis.plot(
            x,
            ds.F2.sel(branch=i, other_branch=j),
            "o",
            ms=4,
            mfc="none",
            color=style.colour(number),
            label=rf"$F^2_{{{i},{j}}}$",
        )
        axis.plot(fine, wave(fine), "-", lw=1, color=style.colour(number))
    axis.set(
        xlabel=r"energy $\epsilon_\nu$ of the other bath state (coupling)",
        ylabel=rf"$F^2_{{i,j}}$ from $\epsilon_\mu = {float(ds.bath_energy):.3f}$ (coupling²)",
    )
    style.legend(axis)
    return figure


@style.styled
def plot_parameters(ds: xr.Dataset, lines: Sequence[Line]) -> Figure:
    """Fig. 3: (a) chi and (b) a + Delta of every initial state with its regression; hollow: not resolved by the shells."""
    figure, axes = style.panels(1, 2, height=3.0)
    left, right = axes[0]
    x = ds.bath_energy.values
    dots: dict[str, Any] = {"marker": "o", "ms": 1, "rasterized": True}
    one = ds.sel(branch=1)
    plot_points(left, x, one.chi.values, resolved(one, "chi"), None, color=style.colour(0), **dots)
    ceiling = 2 * float(np.nanquantile(ds.chi, 0.99))
    left.set(xlabel=_EPSILON, ylabel=r"(a)  width $\chi_{\mu 1}$ (coupling)", ylim=(0, ceiling))
    for number, line in enumerate(lines):
        one, colour = ds.isel(branch=number), style.colour(number)
        plot_points(right, x, one.centre.values, resolved(one, "centre"), None, color=colour, **dots)
        label = rf"$i = {number + 1}$: ${line.slope:.3f}\,\epsilon_\mu {line.intercept:+.3f}$"
        right.plot(x, line(x), ("-", "--")[number % 2], lw=1.2, color="k", label=label)
    right.set(xlabel=_EPSILON, ylabel=r"(b)  centre $a_{\mu i} + \Delta_{\mu i}$ (coupling)")
    style.legend(left)
    style.legend(right)
    return figure


@style.styled
def plot_self_consistency(ds: xr.Dataset, branch: int = 2) -> Figure:
    """Fig. 4: fitted (orange) and reconstructed (blue) width (a) and shift (b); hollow: fits not resolved by the shells."""
    one = ds.sel(branch=branch)
    x, good = ds.bath_energy.values, resolved(one, "chi")
    fitted = one.centre - x - one.system_energy - one.V_diagonal
    figure, axes = style.panels(1, 2, height=3.0)
    panels = (
        (one.chi, one.chi_reconstructed, r"width $\chi_{\mu i}$ (coupling)"),
        (fitted, one.shift_reconstructed, r"shift $\Delta_{\mu i} - V_{\mu i}$ (coupling)"),
    )
    words = "Eqs. 36, 37, 43" + (f", {MOST_OVER:,} of the states" if x.size > 2 * MOST_OVER else "")
    for axis, (orange, blue, name), title in zip(axes[0], panels, "ab", strict=True):
        plot_points(
            axis, x, orange.values, good, "fitted", marker="o", ms=1.5, color=style.colour(4), rasterized=True
        )  # fmt: skip
        few = slice(None, None, max(1, x.size // MOST_OVER))
        axis.plot(x[few], blue[few], ".", ms=1, color=style.colour(0), label=words, rasterized=True)
        low, high = (float(np.nanquantile(orange, q)) for q in (0.005, 0.995))
        axis.set(xlabel=_EPSILON, ylabel=f"({title})  {name}", ylim=(min(0.0, 1.3 * low), max(0.0, 1.3 * high)))
        style.legend(axis, markerscale=3)
    return figure


@style.styled
def plot_entropies(ds: xr.Dataset, branch: int = 1, *, ax: Axes | None = None) -> Figure:
    """Fig. 5: von Neumann, observational and predicted entropy of every initial state."""
    figure, axis = style.one_panel(ax, height=3.0)
    one = ds.sel(branch=branch)
    for name, label in (("von_neumann", "von Neumann"), ("observational", "observational")):
        axis.plot(ds.bath_energy, one[name], ".", ms=1, label=label, rasterized=True)
    axis.plot(ds.bath_energy, one.predicted, "k-", lw=1, label="Eq. 49")
    axis.set(xlabel=_EPSILON, ylabel="entropy (nats)", ylim=(0, None))
    style.legend(axis)
    return figure
