"""A(epsilon, kappa), direct and theory, as in Figs. 3-5 of the diffusion paper."""

from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def plot_autocorrelation(points: Sequence[Any]) -> Figure:
    """Left: A against kappa, direct solid, theory dashed, one colour a size; right: their relative difference against
    kappa in units of the level spacing. Error bars are standard errors over disorder; dotted lines the level spacing.

    ``points``: rows of ``bigbath.studies.diffusion`` for one energy.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    for number, (model, size) in enumerate(dict.fromkeys((p.model, p.size) for p in points)):
        chosen = [p for p in points if (p.model, p.size) == (model, size)]
        kappa, colour, spacing = [p.kappa for p in chosen], f"C{number % 10}", chosen[0].level_spacing
        for style, value, error, label in (
            ("-", "direct", "direct_error", f"{model}, L = {size}, direct"),
            ("--", "theory", "theory_error", f"{model}, L = {size}, theory"),
        ):
            y, bar = ([getattr(p, name) for p in chosen] for name in (value, error))
            left.errorbar(kappa, y, bar, fmt=style, color=colour, lw=1, capsize=2, label=label)
        left.axvline(spacing, color=colour, ls=":", lw=0.8)
        scaled, bar = [k / spacing for k in kappa], [p.difference_error for p in chosen]
        difference = [p.difference for p in chosen]
        label = f"{model}, L = {size}"
        right.errorbar(scaled, difference, bar, fmt="o-", ms=3, color=colour, lw=1, capsize=2, label=label)
    left.set(xscale="log", yscale="log", xlabel=r"$\kappa$", ylabel=r"$A(\epsilon = 0, \kappa)$")
    right.set(xscale="log", xlabel=r"$\kappa$ / level spacing", ylabel="theory / direct - 1")
    right.axvline(1.0, color="0.5", ls=":", lw=0.8)
    right.axhline(0.0, color="0.5", lw=0.5)
    for axis in (left, right):
        axis.legend(frameon=False, fontsize="x-small")
    return figure
