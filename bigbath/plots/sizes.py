"""Width, shift and entropy against the bath energy and against N, from shell averages and single states."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import voigt_profile

from bigbath.plots import style


@style.styled
def plot_sizes(sizes: Sequence[Any], energies: np.ndarray) -> Figure:
    """(a) P in shells with fits, (b) chi, (c) shift of the centre, (d) entropy per spin; (e) chi, spread, (f) entropy against N.

    ``sizes``: ``bigbath.studies.sizes.Size``; crosses are exact numbers from all eigenstates. ``energies``: (B,). Branch 1.
    """
    figure, axes = style.panels(2, 3, height=3.0)
    for number, one in enumerate(sizes):
        look = {**style.look(number), "label": f"N = {one.model.N}"}
        _distribution(axes[0, 0], one, energies, look)
        for axis, name, offset, scale in (
            (axes[0, 1], "chi", 0 * energies, 1.0),
            (axes[0, 2], "centre", energies, 1.0),
            (axes[1, 0], "observational", 0 * energies, 1 / one.model.N),
        ):
            value, error = getattr(one.parameters, name)[0], getattr(one.parameters, f"{name}_error")[0]
            axis.errorbar(energies, scale * (value - offset), scale * error, **look)
            if one.exact is not None:
                axis.plot(energies, scale * (getattr(one.exact, name)[0] - offset), "kx", ms=5, mew=0.8)
        axes[1, 0].plot(energies, one.predicted(0) / one.model.N, ":", lw=1, color=style.colour(number))
    names = (
        r"(b)  width $\chi(\epsilon)$ (coupling)", r"(c)  centre $- \epsilon$ (coupling)", "(d)  observational entropy / N; dotted: Eq. 49"
    )  # fmt: skip
    axes[0, 0].set(xlabel=r"energy $\lambda$ (coupling)", ylabel="(a)  probability in an energy shell")
    for axis, name in zip((axes[0, 1], axes[0, 2], axes[1, 0]), names, strict=True):
        axis.set(xlabel=r"bath energy $\epsilon$ (coupling)", ylabel=name)
    style.legend(axes[0, 1])
    _widths(axes[1, 1], sizes, int(np.abs(energies).argmin()))
    _entropies(axes[1, 2], sizes, int(np.abs(energies).argmin()))
    return figure


def _distribution(axis: Axes, one: Any, energies: np.ndarray, look: dict[str, Any]) -> None:
    """Fig. 1(b): P of branch 1 at two bath energies, as the paper's two states, with the fits."""
    shells = one.average.shells
    fine = np.linspace(-10, 10, 400)
    for level in (0.0, 6.0):
        b = int(np.abs(energies - level).argmin())
        axis.plot(shells.energy, one.average.P[0, b], look["marker"], mfc="none", color=look["color"])
        fit = voigt_profile(fine - one.parameters.centre[0, b], one.average.smear, one.parameters.chi[0, b])
        axis.plot(fine, shells.width * fit, "-", lw=0.8, color=look["color"])
    axis.set(xlim=(-10, 10))


def _widths(axis: Axes, sizes: Sequence[Any], b: int) -> None:
    """chi at the middle of the bath's spectrum and the spread of chi over single states against N."""
    N = [one.model.N for one in sizes]
    chi, error = ([getattr(one.parameters, name)[0, b] for one in sizes] for name in ("chi", "chi_error"))
    axis.errorbar(N, chi, error, fmt="o-", ms=4, lw=1, capsize=2, label=r"$\chi$ of the shell average, $\epsilon = 0$")
    single = [one for one in sizes if one.singles is not None]
    axis.errorbar(
        [one.model.N for one in single], [one.singles.spread for one in single],
        [one.singles.spread_error for one in single], fmt="s-", ms=4, lw=1, capsize=2, label=r"spread of $\chi$, single states",
    )  # fmt: skip
    exact = [one for one in sizes if one.exact is not None]
    axis.plot([one.model.N for one in exact], [one.exact.chi[0, b] for one in exact], "kx", label="exact")
    axis.plot([one.model.N for one in exact], [one.exact_singles.spread for one in exact], "kx")
    axis.set(xlabel="number of spins N", ylabel=r"(e)  width $\chi$ (coupling), spread", yscale="log")
    style.legend(axis)


def _entropies(axis: Axes, sizes: Sequence[Any], b: int) -> None:
    """Entropies per spin at the middle of the bath's spectrum against N."""
    N = np.array([one.model.N for one in sizes])
    value, error = (
        np.array([getattr(one.parameters, name)[0, b] for one in sizes])
        for name in ("observational", "observational_error")
    )
    axis.errorbar(N, value / N, error / N, fmt="o-", ms=4, lw=1, capsize=2, label="observational, shell average")
    single = [one for one in sizes if one.singles is not None]
    mean = [one.singles.observational.mean() / one.model.N for one in single]
    axis.plot([one.model.N for one in single], mean, "s-", ms=4, lw=1, label="observational, single states")
    exact = [one for one in sizes if one.exact_singles is not None]
    shannon = [one.exact_singles.shannon.mean() / one.model.N for one in exact]
    axis.plot([one.model.N for one in exact], shannon, "kx-", ms=4, lw=1, label="von Neumann (all eigenstates)")
    axis.plot(N, [one.predicted(0)[b] / one.model.N for one in sizes], ":", color="0.4", label="Eq. 49")
    axis.axhline(np.log(2), color="0.7", lw=0.6)
    axis.set(xlabel="number of spins N", ylabel="(f)  entropy / N")
    style.legend(axis)
