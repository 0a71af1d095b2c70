"""Gap ratio and half-chain entanglement of the random-field ring against disorder and size, with error bars."""

from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def plot_mbl(points: Sequence[Any], crossings: Sequence[Any]) -> Figure:
    """(a) gap ratio and (b) entanglement over its random-state value against W, (c) entanglement against L.

    ``points``: ``bigbath.studies.mbl.Point``; ``crossings``: where successive sizes cross, drawn with errors in (a).
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    sizes, disorders = sorted({p.L for p in points}), sorted({p.W for p in points})
    style = {"marker": "o", "ms": 3, "lw": 1, "capsize": 2}
    for L in sizes:
        mine = [p for p in points if p.L == L]
        W = [p.W for p in mine]
        axes[0].errorbar(W, [p.gap_ratio for p in mine], [p.gap_ratio_error for p in mine], label=f"L = {L}", **style)
        error = [p.entanglement_error * p.of_random / p.entanglement for p in mine]
        axes[1].errorbar(W, [p.of_random for p in mine], error, **style)
    for c in crossings:
        axes[0].axvspan(c.at - c.error, c.at + c.error, color="0.85", lw=0)
    for level in (0.3863, 0.5307):
        axes[0].axhline(level, color="0.6", lw=0.8, ls="--")
    for W in disorders:
        mine = [p for p in points if p.W == W]
        error = [p.entanglement_error for p in mine]
        axes[2].errorbar(sizes, [p.entanglement for p in mine], error, label=f"W = {W:g}", **style)
    axes[0].set(xlabel="W", ylabel="gap ratio", title="(a)")
    axes[1].set(xlabel="W", ylabel=r"$S/S_\mathrm{random}$", title="(b)", ylim=(0, 1.05))
    axes[2].set(xlabel="L", ylabel=r"$S_{L/2}$", title="(c)", xticks=sizes, ylim=(0, None))
    axes[0].legend(frameon=False, fontsize="small")
    axes[2].legend(frameon=False, fontsize="x-small", ncols=2)
    return figure
