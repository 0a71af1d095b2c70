"""Figures from result files."""

from bigbath.plots.distribution import plot_distribution, save

__all__ = ["plot_distribution", "save"]
