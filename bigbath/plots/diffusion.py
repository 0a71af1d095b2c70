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


def plot_limits(rows: Sequence[Any]) -> Figure:
    """Typical level broadening (left) and memory of the initial level (right) against kappa; a panel row a model."""
    models = list(dict.fromkeys(r.model for r in rows))
    figure, axes = plt.subplots(len(models), 2, figsize=(9, 3.4 * len(models)), squeeze=False, layout="constrained")
    for (left, right), model in zip(axes, models, strict=True):
        curves = dict.fromkeys((r.parameter, r.size) for r in rows if r.model == model)
        styles = dict(zip(dict.fromkeys(parameter for parameter, _ in curves), ("-", "--", ":"), strict=False))
        sizes = list(dict.fromkeys(size for _, size in curves))
        for parameter, size in curves:
            chosen = [r for r in rows if (r.model, r.parameter, r.size) == (model, parameter, size)]
            kappa = [r.kappa for r in chosen]
            look = {"ls": styles[parameter], "color": f"C{sizes.index(size)}", "lw": 1, "capsize": 2}
            label = f"{parameter:g}, L = {size}"
            left.errorbar(kappa, [r.typical for r in chosen], [r.typical_error for r in chosen], label=label, **look)
            right.errorbar(kappa, [r.memory for r in chosen], [r.memory_error for r in chosen], **look)
        left.set(xscale="log", yscale="log", xlabel=r"$\kappa$", ylabel=r"$\Gamma_{\mathrm{typ}}$", title=model)
        right.set(xscale="log", xlabel=r"$\kappa$", ylabel=r"$\kappa A / (\tilde\nu_0 + \tilde\nu_1)$")
        left.legend(frameon=False, fontsize="x-small")
    return figure
