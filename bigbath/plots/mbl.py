"""Gap ratio and half-chain entanglement of the random-field ring against disorder and size, with error bars."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style

#: Gap ratios of uncorrelated levels and of the Gaussian orthogonal ensemble (Atas et al. 2013).
POISSON, GOE = 0.3863, 0.5307


@style.styled
def plot_mbl(points: Sequence[Any], crossings: Sequence[Any], random: Mapping[int, float]) -> Figure:
    """(a) gap ratio and (b) entanglement over its random-state value against W, (c) entanglement against L, (d) crossings.

    ``points``: ``bigbath.studies.mbl.Point``; ``crossings``: ``bigbath.studies.mbl.CrossingRow``; ``random``: entanglement of
    random states at each L.
    """
    figure, axes = style.panels(2, 2)
    ratio, share, entanglement, crossing = axes.ravel()
    sizes, disorders = sorted({p.L for p in points}), sorted({p.W for p in points})
    for number, L in enumerate(sizes):
        mine, look = [p for p in points if p.L == L], style.look(number)
        W = [p.W for p in mine]
        ratio.errorbar(W, [p.gap_ratio for p in mine], [p.gap_ratio_error for p in mine], label=f"L = {L}", **look)
        share.errorbar(W, [p.of_random for p in mine], [p.of_random_error for p in mine], **look)
    for level in (POISSON, GOE):
        ratio.axhline(level, color="0.6", lw=0.8, ls="--")
    for number, W in enumerate(disorders):
        mine = [p for p in points if p.W == W]
        values, errors = [p.entanglement for p in mine], [p.entanglement_error for p in mine]
        entanglement.errorbar([p.L for p in mine], values, errors, label=f"W = {W:g}", **style.look(number))
    entanglement.plot(sizes, [random[L] for L in sizes], "k--", lw=0.8, label="random states")
    _crossings(crossing, crossings)
    ratio.set(xlabel="disorder W (J)", ylabel="(a)  gap ratio r")
    share.set(xlabel="disorder W (J)", ylabel=r"(b)  $S/S_\mathrm{random}$", ylim=(0, 1.05))
    entanglement.set(xlabel="number of spins L", ylabel=r"(c)  $S_{L/2}$ (nats)", xticks=sizes, ylim=(0, None))
    style.legend(ratio)
    style.legend(entanglement)
    return figure


def _crossings(axis: Axes, crossings: Sequence[Any]) -> None:
    """Where successive sizes cross, against the mean of the two."""
    pairs = sorted({c.L for c in crossings})
    for number, quantity in enumerate(dict.fromkeys(c.quantity for c in crossings)):
        mine = [c for c in crossings if c.quantity == quantity and np.isfinite(c.at)]
        look = style.look(number) | {"ls": "none", "label": quantity}
        shift = 0.08 * (number - 0.5)
        axis.errorbar([np.mean(c.L) + shift for c in mine], [c.at for c in mine], [c.error for c in mine], **look)
    axis.set(xlabel="sizes that cross", ylabel="(d)  W at the crossing (J)", ylim=(0, None))
    axis.set_xticks([np.mean(pair) for pair in pairs], [f"{a}, {b}" for a, b in pairs])
    if crossings:
        style.legend(axis)
