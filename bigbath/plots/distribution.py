"""Distributions of product states over eigenstates, as in Fig. 1 of the entropy paper."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bigbath.errors import FileError, JobError

#: At most this many distributions in one figure.
MOST = 4


def plot_distribution(ds: xr.Dataset, title: str = "") -> Figure:
    """(a) p_n against the eigenstate's number, when it was kept; (b) shell-binned P with Lorentzian fits."""
    if "kept_bath_state" in ds:
        p = ds.p.rename(kept_state="bath_state")
        ds = ds.drop_vars("p").isel(bath_state=ds.kept_bath_state.values).assign(p=p.variable)
    kept = "p" in ds
    figure, axes = plt.subplots(
        1, 2 if kept else 1, figsize=(10 if kept else 5.5, 3.8), squeeze=False, layout="constrained"
    )
    chosen = np.unique(np.linspace(0, ds.sizes["bath_state"] - 1, min(MOST, ds.sizes["bath_state"])).astype(int))
    filled = ds.shell_count.values > 0
    x = ds.shell_energy.values[filled]
    for number, mu in enumerate(chosen):
        one = ds.isel(bath_state=mu, branch=0)
        label = rf"$\epsilon_\mu = {float(one.bath_energy):.3f}$"
        colour = f"C{number}"
        if kept:
            axes[0, 0].plot(
                np.arange(1, one.sizes["state"] + 1), one.p, lw=0.4, color=colour, label=label, rasterized=True
            )
        axis = axes[0, -1]
        axis.plot(x, one.P.values[filled], "o", ms=3.5, mfc="none", color=colour, label=label)
        if "chi" in one:
            centre, chi = float(one.centre), float(one.chi)
            fine = np.linspace(x.min(), x.max(), 800)
            density = chi / np.pi / ((fine - centre) ** 2 + chi**2)
            axis.plot(
                fine,
                ds.attrs["shell_width"] * density,
                "-",
                lw=1,
                color=colour,
                label=rf"fit: {centre:.3f}, $\chi$ = {chi:.3f}",
            )
    if kept:
        axes[0, 0].set(xlabel=r"eigenstate $n$", ylabel=r"$p_n^{\mu i}$, $i = 1$", title="(a)")
        axes[0, 0].legend(frameon=False)
    axes[0, -1].set(
        xlabel=r"$\overline{\lambda}$", ylabel=r"$P(\mathcal{M}_{\lambda,\Delta})$", title="(b)" if kept else ""
    )
    axes[0, -1].legend(frameon=False, fontsize="small")
    figure.suptitle(title, fontsize="medium")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the format is the path's ending (pdf, png, svg). JobError for another, FileError for a bad place."""
    endings = figure.canvas.get_supported_filetypes()
    if path.suffix.removeprefix(".") not in endings:
        raise JobError(f"{path}: no figures with the ending {path.suffix!r} can be written; use .pdf, .png or .svg")
    try:
        figure.savefig(path, dpi=160)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error}") from error
    finally:
        plt.close(figure)
