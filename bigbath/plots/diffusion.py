"""A(epsilon, kappa), direct and theory, as in Figs. 3-5 of the diffusion paper."""

from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def plot_autocorrelation(points: Sequence[Any]) -> Figure:
    """Left: A against kappa, direct solid, theory dashed, with bond memory dotted, one colour a size; right: their relative difference against
    kappa in units of the level spacing. Error bars are standard errors over disorder; dotted lines the level spacing.

    ``points``: rows of ``bigbath.studies.diffusion`` for one energy.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
    for number, (model, size) in enumerate(dict.fromkeys((p.model, p.size) for p in points)):
        chosen = [p for p in points if (p.model, p.size) == (model, size)]
        kappa, colour, spacing = [p.kappa for p in chosen], f"C{number % 10}", chosen[0].level_spacing
        curves = [("-", "direct", "direct"), ("--", "theory", "theory")]
        if chosen[0].memory is not None:
            curves.append((":", "memory", "with bond memory"))
        for style, value, name in curves:
            label = f"{model}, L = {size}, {name}"
            y, bar = ([getattr(p, key) for p in chosen] for key in (value, f"{value}_error"))
            left.errorbar(kappa, y, bar, fmt=style, color=colour, lw=1, capsize=2, label=label)
        left.axvline(spacing, color=colour, ls=":", lw=0.8)
        _difference(right, chosen, marker="o", color=colour)
        if chosen[0].memory is not None:
            _difference(
                right, chosen, "memory_difference", "with bond memory", marker="s", mfc="none", ls=":", color=colour
            )
    left.set(xscale="log", yscale="log", xlabel=r"$\kappa$", ylabel=r"$A(\epsilon = 0, \kappa)$")
    left.legend(frameon=False, fontsize="x-small")
    _finish(right)
    return figure


def plot_collapse(points: Sequence[Any]) -> Figure:
    """Relative difference of theory and direct evaluation against kappa in units of the level spacing, all models.

    One colour a model, one marker a size; ``points`` as for ``plot_autocorrelation``.
    """
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
    models, sizes = (list(dict.fromkeys(getattr(p, name) for p in points)) for name in ("model", "size"))
    for model, size in dict.fromkeys((p.model, p.size) for p in points):
        chosen = [p for p in points if (p.model, p.size) == (model, size)]
        _difference(axis, chosen, marker="os^Dvx"[sizes.index(size) % 6], color=f"C{models.index(model)}")
    _finish(axis)
    return figure


def _difference(axis: Axes, chosen: Sequence[Any], key: str = "difference", name: str = "", **look: Any) -> None:
    """theory / direct - 1 of one model and size, ``key`` of its rows."""
    scaled = [p.kappa / p.level_spacing for p in chosen]
    difference, bar = ([getattr(p, which) for p in chosen] for which in (key, f"{key}_error"))
    label = f"{chosen[0].model}, L = {chosen[0].size} {name}".rstrip()
    axis.errorbar(scaled, difference, bar, ms=3, capsize=2, label=label, lw=1, **look)


def _finish(axis: Axes) -> None:
    axis.set(xscale="log", xlabel=r"$\kappa$ / level spacing", ylabel="theory / direct - 1")
    axis.axvline(1.0, color="0.5", ls=":", lw=0.8)
    axis.axhline(0.0, color="0.5", lw=0.5)
    axis.legend(frameon=False, fontsize="x-small")


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


def plot_dephasing(rows: Sequence[Any]) -> Figure:
    """Moduli of elements of the propagator against kappa, exact solid, ladder dashed; a panel a model, a colour an element.

    ``rows``: of ``bigbath.studies.dephasing``; the largest size of each model is drawn.
    """
    models = list(dict.fromkeys(r.model for r in rows))
    elements = list(dict.fromkeys(r.element for r in rows))
    figure, axes = plt.subplots(1, len(models), figsize=(4 * len(models), 3.6), squeeze=False, layout="constrained")
    for axis, model in zip(axes[0], models, strict=True):
        size = max(r.size for r in rows if r.model == model)
        for number, element in enumerate(elements):
            chosen = [r for r in rows if (r.model, r.size, r.element) == (model, size, element)]
            kappa = [r.kappa for r in chosen]
            axis.plot(kappa, [r.exact for r in chosen], "-o", ms=3, lw=1, color=f"C{number}", label=element)
            bar = [r.difference_error * r.exact for r in chosen]
            axis.errorbar(kappa, [r.ladder for r in chosen], bar, fmt="--", lw=1, capsize=2, color=f"C{number}")
        axis.set(
            xscale="log", yscale="log", xlabel=r"$\kappa$", ylabel=r"$|\mathcal{D}|$", title=f"{model}, L = {size}"
        )
        axis.legend(frameon=False, fontsize="x-small")
    return figure
