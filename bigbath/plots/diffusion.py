"""A(epsilon, kappa), direct and theory, as in Figs. 3-5 of the diffusion paper."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigbath.plots import style

#: Names of the models as the paper writes them.
TITLES = {"imbrie": "Imbrie", "tfim": "TFIM", "levy": "Lévy"}
#: The parameter that leads to localisation.
PARAMETERS = {"imbrie": "W", "levy": "μ"}


@style.styled
def plot_autocorrelation(points: Sequence[Any]) -> Figure:
    """Left: A against kappa, direct solid, theory dashed, with bond memory dotted, one colour a size; right: their relative difference against
    kappa in units of the level spacing. Error bars are standard errors over disorder; dotted lines the level spacing.

    ``points``: rows of ``bigbath.studies.diffusion`` for one energy.
    """
    figure, axes = style.panels(1, 2, width=4.2, height=3.6)
    left, right = axes[0]
    for number, (model, size) in enumerate(dict.fromkeys((p.model, p.size) for p in points)):
        chosen = [p for p in points if (p.model, p.size) == (model, size)]
        kappa, colour, spacing = [p.kappa for p in chosen], style.colour(number), chosen[0].level_spacing
        curves = [("-", "direct", "direct"), ("--", "theory", "theory")]
        if chosen[0].memory is not None:
            curves.append((":", "memory", "with bond memory"))
        for dashes, value, name in curves:
            label = f"{TITLES.get(model, model)}, L = {size}, {name}"
            y, bar = ([getattr(p, key) for p in chosen] for key in (value, f"{value}_error"))
            marker = style.MARKERS[number % len(style.MARKERS)] if dashes == "-" else ""
            left.errorbar(kappa, y, bar, ls=dashes, marker=marker, color=colour, lw=1, capsize=2, label=label)
        left.axvline(spacing, color=colour, ls=":", lw=0.8)
        _difference(right, chosen, marker="o", color=colour)
        if chosen[0].memory is not None:
            _difference(
                right, chosen, "memory_difference", "with bond memory", marker="s", mfc="none", ls=":", color=colour
            )
    left.set(
        xscale="log",
        yscale="log",
        xlabel=r"rate $\kappa$ (coupling)",
        ylabel=r"autocorrelation $A(\epsilon = 0, \kappa)$ (1/coupling²)",
    )
    style.legend(left)
    _finish(right)
    return figure


@style.styled
def plot_collapse(points: Sequence[Any], *, ax: Axes | None = None) -> Figure:
    """Relative difference of theory and direct evaluation against kappa in units of the level spacing, all models.

    One colour a model, one marker a size; ``points`` as for ``plot_autocorrelation``.
    """
    figure, axis = style.one_panel(ax, width=5.0, height=3.6)
    models, sizes = (list(dict.fromkeys(getattr(p, name) for p in points)) for name in ("model", "size"))
    for model, size in dict.fromkeys((p.model, p.size) for p in points):
        chosen = [p for p in points if (p.model, p.size) == (model, size)]
        _difference(axis, chosen, marker="os^Dvx"[sizes.index(size) % 6], color=style.colour(models.index(model)))
    _finish(axis)
    return figure


def _difference(axis: Axes, chosen: Sequence[Any], key: str = "difference", name: str = "", **look: Any) -> None:
    """theory / direct - 1 of one model and size, ``key`` of its rows."""
    scaled = [p.kappa / p.level_spacing for p in chosen]
    difference, bar = ([getattr(p, which) for p in chosen] for which in (key, f"{key}_error"))
    label = f"{TITLES.get(chosen[0].model, chosen[0].model)}, L = {chosen[0].size} {name}".rstrip()
    axis.errorbar(scaled, difference, bar, ms=3, lw=1, capsize=2, label=label, **look)


def _finish(axis: Axes) -> None:
    axis.set(xscale="log", xlabel=r"rate $\kappa$ / level spacing", ylabel="theory / direct - 1")
    axis.axvline(1.0, color="0.5", ls=":", lw=0.8)
    axis.axhline(0.0, color="0.5", lw=0.5)
    style.legend(axis)


@style.styled
def plot_limits(rows: Sequence[Any]) -> Figure:
    """Typical level broadening (left) and memory of the initial level (right) against kappa; a panel row a model."""
    models = list(dict.fromkeys(r.model for r in rows))
    figure, axes = style.panels(len(models), 2, width=4.0, height=3.0)
    for (left, right), model in zip(axes, models, strict=True):
        curves = dict.fromkeys((r.parameter, r.size) for r in rows if r.model == model)
        styles = dict(zip(dict.fromkeys(parameter for parameter, _ in curves), ("-", "--", ":"), strict=False))
        sizes = list(dict.fromkeys(size for _, size in curves))
        for parameter, size in curves:
            chosen = [r for r in rows if (r.model, r.parameter, r.size) == (model, parameter, size)]
            kappa = [r.kappa for r in chosen]
            look = {"ls": styles[parameter], "color": style.colour(sizes.index(size)), "lw": 1, "capsize": 2}
            label = f"{PARAMETERS.get(model, 'parameter')} = {parameter:g}, L = {size}"
            left.errorbar(kappa, [r.typical for r in chosen], [r.typical_error for r in chosen], label=label, **look)
            right.errorbar(kappa, [r.memory for r in chosen], [r.memory_error for r in chosen], **look)
        left.set(
            xscale="log",
            yscale="log",
            xlabel=r"rate $\kappa$ (coupling)",
            ylabel=rf"{TITLES.get(model, model)}: typical broadening $\Gamma$ (coupling)",
        )
        right.set(
            xscale="log", xlabel=r"rate $\kappa$ (coupling)", ylabel=r"memory $\kappa A / (\tilde\nu_0 + \tilde\nu_1)$"
        )
        style.legend(left)
    return figure


@style.styled
def plot_dephasing(rows: Sequence[Any]) -> Figure:
    """Moduli of elements of the propagator against kappa, exact solid, ladder dashed; a panel a model, a colour an element.

    ``rows``: of ``bigbath.studies.dephasing``; the largest size of each model is drawn.
    """
    models = list(dict.fromkeys(r.model for r in rows))
    elements = list(dict.fromkeys(r.element for r in rows))
    figure, axes = style.panels(1, len(models), height=3.2)
    for axis, model in zip(axes[0], models, strict=True):
        size = max(r.size for r in rows if r.model == model)
        for number, element in enumerate(elements):
            chosen = [r for r in rows if (r.model, r.size, r.element) == (model, size, element)]
            kappa = [r.kappa for r in chosen]
            axis.plot(kappa, [r.exact for r in chosen], "-", label=element, **style.look(number))
            bar = [r.difference_error * r.exact for r in chosen]
            axis.errorbar(kappa, [r.ladder for r in chosen], bar, ls="--", color=style.colour(number))
        axis.set(
            xscale="log",
            yscale="log",
            xlabel=r"rate $\kappa$ (coupling)",
            ylabel=rf"{TITLES.get(model, model)}, L = {size}: $|\mathcal{{D}}|$ (1/coupling²)",
        )
        style.legend(axis)
    return figure
