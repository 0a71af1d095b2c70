"""Figs. 2-5 of the entropy paper from result files."""

import matplotlib

matplotlib.use("Agg")
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.broadening.interaction import SquareWave
from bigbath.broadening.regression import Line

_EPSILON = r"$\epsilon_\mu$"


def plot_interaction(ds: xr.Dataset, fits: Mapping[tuple[int, int], SquareWave]) -> Figure:
    """Fig. 2: F^2 of one bath state in bath shells, with its fits."""
    figure, axis = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
    x = ds.bath_shell_energy.values
    fine = np.linspace(np.nanmin(x), np.nanmax(x), 600)
    for number, ((i, j), wave) in enumerate(fits.items()):
        axis.plot(
            x,
            ds.F2.sel(branch=i, other_branch=j),
            "o",
            ms=4,
            mfc="none",
            color=f"C{number}",
            label=rf"$F^2_{{{i},{j}}}$",
        )
        axis.plot(fine, wave(fine), "-", lw=1, color=f"C{number}")
    axis.set(xlabel=r"$\epsilon_\nu$", ylabel=r"$F^2_{i,j}$", title=rf"$\epsilon_\mu = {float(ds.bath_energy):.3f}$")
    axis.legend(frameon=False)
    return figure


def plot_parameters(ds: xr.Dataset, lines: Sequence[Line]) -> Figure:
    """Fig. 3: (a) chi and (b) a + Delta of every initial state with its regression."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    x = ds.bath_energy.values
    left.plot(x, ds.chi.sel(branch=1), ".", ms=1, rasterized=True)
    ceiling = 2 * float(np.nanquantile(ds.chi, 0.99))
    left.set(xlabel=_EPSILON, ylabel=r"$\chi_{\mu 1}$", title="(a)", ylim=(0, ceiling))
    for number, line in enumerate(lines):
        right.plot(x, ds.centre.isel(branch=number), ".", ms=1, color=f"C{number}", rasterized=True)
        label = rf"$i = {number + 1}$: ${line.slope:.3f}\,\epsilon_\mu {line.intercept:+.3f}$"
        right.plot(x, line(x), "-", lw=1, color="k", label=label)
    right.set(xlabel=_EPSILON, ylabel=r"$a_{\mu i} + \Delta_{\mu i}$", title="(b)")
    right.legend(frameon=False)
    return figure


def plot_self_consistency(ds: xr.Dataset, branch: int = 2) -> Figure:
    """Fig. 4: fitted (orange) and reconstructed (blue) width (a) and shift (b)."""
    one = ds.sel(branch=branch)
    x = ds.bath_energy.values
    fitted = one.centre - x - one.system_energy - one.V_diagonal
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    panels = (
        (one.chi, one.chi_reconstructed, r"$\chi_{\mu i}$"),
        (fitted, one.shift_reconstructed, r"$\Delta_{\mu i} - V_{\mu i}$"),
    )
    for axis, (orange, blue, name), title in zip(axes, panels, "ab", strict=True):
        axis.plot(x, orange, ".", ms=1, color="C1", label="fitted", rasterized=True)
        axis.plot(x, blue, ".", ms=1, color="C0", label="Eqs. 36, 37, 43", rasterized=True)
        low, high = (float(np.nanquantile(orange, q)) for q in (0.005, 0.995))
        axis.set(xlabel=_EPSILON, ylabel=name, title=f"({title})", ylim=(min(0.0, 1.3 * low), max(0.0, 1.3 * high)))
        axis.legend(frameon=False, markerscale=8)
    return figure


def plot_entropies(ds: xr.Dataset, branch: int = 1) -> Figure:
    """Fig. 5: von Neumann, observational and predicted entropy of every initial state."""
    figure, axis = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
    one = ds.sel(branch=branch)
    for name, label in (("von_neumann", "von Neumann"), ("observational", "observational")):
        axis.plot(ds.bath_energy, one[name], ".", ms=1, label=label, rasterized=True)
    axis.plot(ds.bath_energy, one.predicted, "k-", lw=1, label="Eq. 49")
    axis.set(xlabel=_EPSILON, ylabel="entropy", ylim=(0, None))
    axis.legend(frameon=False)
    return figure
