"""What random matrices and independent levels would give, as lines in a figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from bigbath.statistics import expected_form_factor, expected_number_variance, goe, gue, poisson

#: Gap ratios of uncorrelated levels and of the Gaussian orthogonal ensemble (Atas et al. 2013).
POISSON, GOE = 0.3863, 0.5307
#: Names and dashes.
KINDS = {"goe": ("GOE", "--"), "gue": ("GUE", "-."), "poisson": ("Poisson", ":")}


def _line(axis: Axes, kind: str, x: np.ndarray, y: np.ndarray) -> None:
    name, dashes = KINDS[kind]
    axis.plot(x, y, color="0.3", ls=dashes, lw=0.9, label=name, zorder=3)


def gap_ratios(axis: Axes) -> None:
    """Horizontal lines at the gap ratios of large matrices and of independent levels."""
    for value, kind in ((GOE, "goe"), (POISSON, "poisson")):
        name, dashes = KINDS[kind]
        axis.axhline(value, color="0.45", ls=dashes, lw=0.8, label=name)


def expected_form_factors(axis: Axes, tau: np.ndarray, kinds: Sequence[str] = tuple(KINDS)) -> None:
    """K of large random matrices and of independent levels at times ``tau`` (m,)."""
    for kind in kinds:
        _line(axis, kind, tau, expected_form_factor(kind, tau))


def expected_spacings(axis: Axes, upper: float) -> None:
    """Wigner's surmises and the exponential density up to a spacing ``upper``."""
    s = np.linspace(0, upper, 200)
    for kind, density in (("goe", goe), ("gue", gue), ("poisson", poisson)):
        _line(axis, kind, s, density(s))


def expected_number_variances(axis: Axes, lengths: np.ndarray) -> None:
    """Number variances up to the longest of ``lengths`` (m,)."""
    x = np.linspace(min(lengths.min(), 0.05), lengths.max(), 200)
    for kind in KINDS:
        _line(axis, kind, x, expected_number_variance(kind, x))
