"""Gap ratios, Thouless times and form factors of ensembles against size and disorder, with error bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.references import expected_form_factors, gap_ratios
from bigbath.statistics import plateau_time


@style.styled
def plot_transition(
    found: Sequence[Any], points: Sequence[Any], crossings: Sequence[Any], disorders: tuple[float, float]
) -> Figure:
    """(a) t_Th/t_H and (b) gap ratio against W, (c) t_Th/t_H against L, (d) connected K of the largest ring.

    ``found``: ``bigbath.studies.level_ensembles.Levels`` of each size; ``points``, ``crossings``: their rows; (d) is at the
    two ``disorders``, with the Thouless times marked. Grey: where successive sizes cross, with errors.
    """
    figure, axes = style.panels(2, 2)
    time, ratio, growth, factor = axes.ravel()
    _thouless(time, found, points)
    _ratios(ratio, found, points)
    for c in crossings:
        if np.isfinite(c.at):
            axis = ratio if c.quantity == "r" else time
            axis.axvspan(c.at - c.error, c.at + c.error, color="0.5", alpha=0.15, lw=0)
    for number, W in enumerate(sorted({p.value for p in points})):
        mine = [p for p in points if p.value == W]
        values, errors = [p.thouless for p in mine], np.nan_to_num([p.thouless_error for p in mine])
        growth.errorbar([p.L for p in mine], values, errors, label=f"W = {W:g}", **style.look(number))
    growth.plot([m.L for m in found], [m.floor.tau for m in found], color="0.45", ls="--", lw=0.8)
    largest = found[-1]
    for number, W in enumerate(disorders):
        index = int(np.argmin(np.abs(largest.x - W)))
        K, thouless = largest.amplitudes[index].averaged(), largest.thouless[index].tau
        colour = style.colour(number)
        factor.plot(K.tau, K.connected, color=colour, label=f"W = {largest.x[index]:g}, L = {largest.L}")
        low, high = K.connected - K.connected_error, K.connected + K.connected_error
        factor.fill_between(K.tau, low, high, color=colour, alpha=0.25, lw=0)
        factor.plot(thouless, np.interp(thouless, K.tau, K.connected), "v", color=colour, ms=6)
    expected_form_factors(factor, K.tau, ("goe", "poisson"))
    time.set(xlabel="disorder W (J)", ylabel=r"(a)  $t_\mathrm{Th}/t_\mathrm{H}$", yscale="log")
    ratio.set(xlabel="disorder W (J)", ylabel="(b)  gap ratio r")
    growth.set(
        xlabel="number of spins L",
        ylabel=r"(c)  $t_\mathrm{Th}/t_\mathrm{H}$",
        yscale="log",
        xticks=[m.L for m in found],
    )
    factor.set(xlabel=r"time τ $= t/t_\mathrm{H}$", ylabel="(d)  connected form factor", xscale="log", yscale="log")
    factor.set(ylim=(0.01, 5))
    for axis in (time, ratio, growth, factor):
        style.legend(axis)
    return figure


@style.styled
def plot_sun(found: Sequence[Any], points: Sequence[Any], critical: float) -> Figure:
    """(a) gap ratio and (b) t_Th/t_H against alpha; dash-dotted: the theory's critical alpha. Arguments as above."""
    figure, axes = style.panels(1, 2)
    ratio, time = axes.ravel()
    _ratios(ratio, found, points)
    _thouless(time, found, points)
    for axis in (ratio, time):
        axis.axvline(critical, color="0.3", ls="-.", lw=0.8, label=r"$1/\sqrt{2}$")
        style.legend(axis)
    ratio.set(xlabel="range of the couplings α", ylabel="(a)  gap ratio r")
    time.set(xlabel="range of the couplings α", ylabel=r"(b)  $t_\mathrm{Th}/t_\mathrm{H}$", yscale="log")
    return figure


def _thouless(axis: Axes, found: Sequence[Any], points: Sequence[Any]) -> None:
    """Thouless times of each size; dashed: of random matrices with as many levels; dotted: of independent levels."""
    for number, m in enumerate(found):
        mine = [p for p in points if p.L == m.L]
        values, errors = [p.thouless for p in mine], np.nan_to_num([p.thouless_error for p in mine])
        axis.errorbar([p.value for p in mine], values, errors, label=f"L = {m.L}", **style.look(number))
        axis.axhline(m.floor.tau, color=style.colour(number), ls="--", lw=0.8)
    axis.axhline(plateau_time(), color="0.45", ls=":", lw=0.8)


def _ratios(axis: Axes, found: Sequence[Any], points: Sequence[Any]) -> None:
    """Gap ratios of each size between those of random matrices and of independent levels."""
    for number, m in enumerate(found):
        mine = [p for p in points if p.L == m.L]
        errors = np.nan_to_num([p.gap_ratio_error for p in mine])
        axis.errorbar(
            [p.value for p in mine], [p.gap_ratio for p in mine], errors, label=f"L = {m.L}", **style.look(number)
        )
    gap_ratios(axis)
