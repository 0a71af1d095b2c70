"""Figures from result files. Functions take ``ax=`` or make a ``Figure``; importing them changes no backend."""

from bigbath.plots.broadening import plot_entropies, plot_interaction, plot_parameters, plot_self_consistency
from bigbath.plots.distribution import plot_distribution
from bigbath.plots.registry import plot_result
from bigbath.plots.style import save

__all__ = [
    "plot_distribution",
    "plot_entropies",
    "plot_interaction",
    "plot_parameters",
    "plot_result",
    "plot_self_consistency",
    "save",
]
