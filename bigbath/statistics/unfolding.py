"""Unfolding: energies in units of the local mean level spacing, by a smooth fit of the counting function."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Chebyshev

#: Levels for each coefficient of the fit; fewer cannot tell density from fluctuation.
LEVELS_PER_COEFFICIENT = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Unfolding:
    """``count``: smooth number of levels below an energy, for one realization. ``lower``, ``upper``: where it was fitted."""

    count: Chebyshev
    lower: float
    upper: float

    def __call__(self, energies: np.ndarray) -> np.ndarray:
        """Unfolded energies, mean spacing 1, of energies (n,) inside the fitted range."""
        return self.count(energies)


def fit_unfolding(spectra: Iterable[np.ndarray], degree: int = 10) -> Unfolding:
    """The mean counting function of one or several spectra (each (n,), ascending) as a polynomial of ``degree``.

    With the levels of a whole ensemble it is the disorder-averaged density of states; with one spectrum, degree/n is
    the scale of tau below which fluctuations are fitted away. ValueError for fewer than 4 (degree + 1) levels.
    """
    kept = [np.asarray(levels) for levels in spectra]
    pooled = np.sort(np.concatenate(kept))
    if pooled.size < LEVELS_PER_COEFFICIENT * (degree + 1):
        raise ValueError(f"unfolding of degree {degree} needs {LEVELS_PER_COEFFICIENT * (degree + 1)} levels")
    steps = (np.arange(pooled.size) + 0.5) / len(kept)
    count = Chebyshev.fit(pooled, steps, degree)
    return Unfolding(count=count, lower=float(pooled[0]), upper=float(pooled[-1]))


def unfolded(levels: np.ndarray, degree: int = 10) -> np.ndarray:
    """Levels (n,), ascending, unfolded by a fit to themselves; empty where there are too few for the degree."""
    if levels.size < LEVELS_PER_COEFFICIENT * (degree + 1) or levels[-1] <= levels[0]:
        return np.empty(0)
    return fit_unfolding([levels], degree)(levels)


def central(values: np.ndarray, share: float) -> np.ndarray:
    """The middle ``share`` (0 ... 1) of an ascending array: fits are worst at the ends of a spectrum."""
    cut = round(values.size * (1 - share) / 2)
    return values[cut : values.size - cut]
