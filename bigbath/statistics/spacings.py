"""Distribution of level spacings: Poisson and Wigner's surmises for GOE and GUE."""

from collections.abc import Callable

import numpy as np
from scipy.special import erf
from scipy.stats import kstest


def poisson(s: np.ndarray) -> np.ndarray:
    """Density exp(-s)."""
    return np.exp(-s)


def goe(s: np.ndarray) -> np.ndarray:
    """Wigner's surmise (pi/2) s exp(-pi s^2/4)."""
    return np.pi / 2 * s * np.exp(-np.pi * s**2 / 4)


def gue(s: np.ndarray) -> np.ndarray:
    """Wigner's surmise (32/pi^2) s^2 exp(-4 s^2/pi)."""
    return 32 / np.pi**2 * s**2 * np.exp(-4 * s**2 / np.pi)


#: Probability of a spacing below s, for each kind of spectrum.
CUMULATIVE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "poisson": lambda s: 1 - np.exp(-s),
    "goe": lambda s: 1 - np.exp(-np.pi * s**2 / 4),
    "gue": lambda s: erf(2 * s / np.sqrt(np.pi)) - 4 / np.pi * s * np.exp(-4 * s**2 / np.pi),
}


def spacing_density(spacings: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Probability density in bins (len(edges) - 1,); spacings outside count in the norm. NaN without spacings."""
    if not spacings.size:
        return np.full(edges.size - 1, np.nan)
    return np.histogram(spacings, edges)[0] / (spacings.size * np.diff(edges))


def distance(spacings: np.ndarray, kind: str) -> float:
    """Largest difference between cumulative distributions (Kolmogorov-Smirnov), NaN without spacings.

    The surmises are within 0.007 (GOE) and 0.003 (GUE) of the exact distributions.
    """
    return float(kstest(spacings, CUMULATIVE[kind]).statistic) if spacings.size else float("nan")
