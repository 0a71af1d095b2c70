"""Distributions of product states over eigenstates, as in Fig. 1 of the entropy paper."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.unresolved import plot_lorentzian

#: At most this many distributions in one figure.
MOST = 4


@style.styled
def plot_distribution(ds: xr.Dataset, title: str = "", *, ax: Axes | None = None) -> Figure:
    """(a) p_n against the eigenstate's number, when it was kept; (b) shell-binned P with Lorentzian fits.

    Dotted: fits below the width of the shells, which mean nothing.

    ``ds``: a task's dataset with ``measure.distribution``. With ``ax`` only (b) is drawn, there.

    >>> import bigbath as bb
    >>> whole = bb.Spectrum(window="whole")
    >>> job = bb.Job(model=bb.Imbrie(L=5), spectrum=whole, bath=whole, measure={"distribution": {"shell_width": 0.5}})
    >>> figure = bb.plot_distribution(bb.run(job).realizations[0])
    >>> figure.savefig("distribution.png")
    """
    if "kept_bath_state" in ds:
        p = ds.p.rename(kept_state="bath_state")
        ds = ds.drop_vars("p").isel(bath_state=ds.kept_bath_state.values).assign(p=p.variable)
    kept = "p" in ds and ax is None
    if kept:
        figure, axes = style.panels(1, 2, height=3.4)
        first, second = axes[0]
    else:
        figure, second = style.one_panel(ax, height=3.4)
    chosen = np.unique(np.linspace(0, ds.sizes["bath_state"] - 1, min(MOST, ds.sizes["bath_state"])).astype(int))
    filled = ds.shell_count.values > 0
    x = ds.shell_energy.values[filled]
    for number, mu in enumerate(chosen):
        one, look = ds.isel(bath_state=mu, branch=0), style.look(number)
        label = rf"$\epsilon_\mu = {float(one.bath_energy):.3f}$"
        if kept:
            numbers = np.arange(1, one.sizes["state"] + 1)
            first.plot(numbers, one.p, lw=0.4, color=look["color"], label=label, rasterized=True)
        if "chi" in one:
            centre, chi = float(one.centre), float(one.chi)
            fine = np.linspace(x.min(), x.max(), 800)
            plot_lorentzian(second, one, fine, ds.attrs["shell_width"], color=look["color"])
            label += rf", fit at {centre:.3f}, $\chi$ = {chi:.3f}"
        second.plot(x, one.P.values[filled], ls="", mfc="none", **look, label=label)
    if kept:
        first.set(xlabel="number n of the eigenstate", ylabel="(a)  probability $p_n$, branch 1")
        style.legend(first)
    second.set(
        xlabel="energy of the shell (coupling)", ylabel=("(b)  " if kept else "") + "probability in an energy shell"
    )
    style.legend(second)
    if title and ax is None:
        figure.suptitle(style.typeset(title), fontsize="medium")
    return figure
