"""What is left of the theory's error when loops, and strong single elements, are taken out of the coupling."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from bigbath.plots import style
from bigbath.plots.diffusion import TITLES

#: Per cent: the scale is linear between - LINEAR and LINEAR. Couplings are drawn side by side, SIDE of kappa apart.
LINEAR, SIDE = 0.1, 0.06


@style.styled
def plot_loops(rows: Sequence[Any]) -> Figure:
    """theory / exact - 1 in per cent against kappa: a row of panels a model, a panel a quantity, a colour a coupling.

    ``rows``: of ``bigbath.studies.loops`` for two levels. Bars are standard errors over disorder; bond memory is dashed.
    """
    models, quantities, couplings, theories = (
        list(dict.fromkeys(getattr(r, name) for r in rows)) for name in ("model", "quantity", "coupling", "theory")
    )
    most = 130 * max(abs(r.difference) + r.error for r in rows)
    figure, axes = style.panels(len(models), len(quantities), width=2.4, height=2.3)
    for model, line in zip(models, axes, strict=True):
        for quantity, axis in zip(quantities, line, strict=True):
            axis.axhline(0, color="black", lw=0.6)
            for number, coupling in enumerate(couplings):
                for theory in theories:
                    chosen = [r for r in rows if (r.model, r.quantity, r.coupling, r.theory) == (model, quantity, coupling, theory)]  # fmt: skip
                    if not chosen:
                        continue
                    first = theory == theories[0]
                    axis.errorbar(
                        [r.kappa * (1 + SIDE * (number - 1)) for r in chosen], [100 * r.difference for r in chosen], [100 * r.error for r in chosen],
                        ls="-" if first else "--", mfc=None if first else "white",
                        label=coupling if first else f"{coupling}, {theory}", **style.look(number),
                    )  # fmt: skip
            axis.set_yscale("symlog", linthresh=LINEAR)
            axis.yaxis.set_major_formatter("{x:g}")
            axis.set(xscale="log", xlabel=r"rate $\kappa$ (coupling)")
            name, size = model.split(", ")
            axis.set_title(f"{TITLES[name]}, {size}: {quantity}")
            axis.set_ylim(-most, most)
        line[0].set_ylabel("theory / exact $-$ 1 (%)")
    style.shared_legend(figure, axes[0][-1])
    return figure
