"""What is left of the theory's error when loops, and strong single elements, are taken out of the coupling."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from bigbath.plots import style


@style.styled
def plot_loops(rows: Sequence[Any]) -> Figure:
    """|theory / exact - 1| against kappa: a row of panels a model, a panel a quantity, a colour a coupling.

    ``rows``: of ``bigbath.studies.loops`` for two levels. Bars are standard errors over disorder; bond memory is dashed.
    """
    models, quantities, couplings = (
        list(dict.fromkeys(getattr(r, name) for r in rows)) for name in ("model", "quantity", "coupling")
    )
    figure, axes = style.panels(len(models), len(quantities), width=2.6, height=2.8)
    for model, line in zip(models, axes, strict=True):
        for quantity, axis in zip(quantities, line, strict=True):
            for number, coupling in enumerate(couplings):
                for theory, dashes in (("ladder", "-"), ("bond memory", "--")):
                    chosen = [r for r in rows if (r.model, r.quantity, r.coupling, r.theory) == (model, quantity, coupling, theory)]  # fmt: skip
                    label = coupling if theory == "ladder" else f"{coupling}, {theory}"
                    kappa, y, bar = (
                        [r.kappa for r in chosen],
                        [abs(r.difference) for r in chosen],
                        [r.error for r in chosen],
                    )
                    axis.errorbar(kappa, y, bar, ls=dashes, color=style.colour(number), lw=1, capsize=2, label=label)
            axis.set(xscale="log", yscale="log", xlabel=r"rate $\kappa$ (coupling)", ylabel="|theory / exact - 1|")
            axis.set_title(f"{model}: {quantity}", fontsize=8)
    style.legend(axes[0][-1])
    return figure
