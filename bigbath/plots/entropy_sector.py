"""One spin of the XXZ ring at fixed magnetisation: distribution, width and entropy for several sizes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import voigt_profile

from bigbath.plots import style


@style.styled
def plot_entropy_sector(sizes: Sequence[Any], energies: np.ndarray, level: float) -> Figure:
    """(a) P in shells at bath energy ``level``, spin up, with fits, of the largest with and without eigenstates; (b) chi against bath energy; (c) entropies against L.

    ``sizes``: ``bigbath.studies.entropy_sector.Size``; crosses are from all eigenstates. ``energies``: (B,).
    """
    figure, axes = style.panels(1, 3, height=3.0)
    distribution, width, entropy = axes.ravel()
    b = int(np.abs(energies - level).argmin())
    shown = {max(one.L for one in some) for some in (sizes, [one for one in sizes if one.exact]) if some}
    for number, one in enumerate(sizes):
        colour = style.colour(number)
        if one.L in shown:
            _distribution(distribution, one, b, colour)
        for spin, line in (("up", "-"), ("down", "--")):
            i = one.branch[spin]
            value, error = one.parameters.chi[i], one.parameters.chi_error[i]
            label = f"L = {one.L}" if spin == "up" else None
            width.errorbar(energies, value, error, fmt="o", ls=line, ms=3, lw=1, capsize=2, color=colour, label=label)
    distribution.set(xlabel=r"energy $\lambda$ (J)", ylabel="(a)  probability / shell width", xlim=(-3, 3))
    width.set(xlabel=r"bath energy $\epsilon$ (J)", ylabel=r"(b)  width $\chi$ (J); dashed: spin down", ylim=(0, None))
    style.legend(width)
    _entropies(entropy, sizes, b)
    return figure


def _distribution(axis: Axes, one: Any, b: int, colour: str) -> None:
    """P of the spin up at one bath energy with its fit, and the same from all eigenstates."""
    shells, i = one.average.shells, one.branch["up"]
    axis.plot(shells.energy, one.average.P[i, b] / shells.width, "o", ms=3, mfc="none", color=colour)
    fine = np.linspace(-3, 3, 400)
    fit = voigt_profile(fine - one.parameters.centre[i, b], one.average.smear, one.parameters.chi[i, b])
    axis.plot(fine, fit, "-", lw=0.8, color=colour)
    if "up" in one.exact:
        exact = one.exact["up"].average
        axis.plot(exact.shells.energy, exact.P[0, 0] / exact.shells.width, "x", ms=3, color=colour)


def _entropies(axis: Axes, sizes: Sequence[Any], b: int) -> None:
    """Entropies at one bath energy against L, beside the largest one, ln D of the sector."""
    L = [one.L for one in sizes]
    for spin, mark in (("up", "o"), ("down", "s")):
        value, error = (
            [getattr(one.parameters, name)[one.branch[spin], b] for one in sizes]
            for name in ("observational", "observational_error")
        )
        axis.errorbar(L, value, error, fmt=f"{mark}-", ms=4, lw=1, capsize=2, label=f"observational, spin {spin}")
    exact = [one for one in sizes if one.exact]
    for name, words, look in (("observational", "observational", "kx"), ("von_neumann", "von Neumann", "k+")):
        means = [np.mean([f.mean(getattr(f, name))[0] for f in one.exact.values()]) for one in exact]
        axis.plot([one.L for one in exact], means, look, ms=5, label=f"{words}, single states")
    axis.plot(L, [np.log(one.dim) for one in sizes], ":", color="0.4", label="ln D")
    axis.set(xlabel="number of spins L", ylabel="(c)  entropy (nats)", xticks=L)
    axis.margins(y=0.1)
    style.legend(axis)
