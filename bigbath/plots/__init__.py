"""Figures from result files."""

from bigbath.plots.broadening import plot_entropies, plot_interaction, plot_parameters, plot_self_consistency
from bigbath.plots.distribution import plot_distribution, save

__all__ = [
    "plot_distribution",
    "plot_entropies",
    "plot_interaction",
    "plot_parameters",
    "plot_self_consistency",
    "save",
]
