"""Densities of states e^S(lambda): from levels, binomial, Gaussian (entropy paper, Eqs. 47, 48, 57)."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.special import gammaln, psi


class DensityOfStates(Protocol):
    """A smooth density of states e^S(lambda), levels per unit energy."""

    def entropy(self, energy: np.ndarray) -> np.ndarray:
        """S(lambda) = ln of the density of states."""
        ...

    def beta(self, energy: np.ndarray) -> np.ndarray:
        """Inverse temperature dS/dlambda."""
        ...


def kappa(g: float, h: float, *, sites: int, bonds: int) -> float:
    """kappa = (1/2) [g^2 + h^2 + bonds/sites]^(-1/2) of an Ising ring (Eq. 47) or open chain (kappa', Eq. 57)."""
    return 0.5 / float(np.sqrt(g * g + h * h + bonds / sites))


@dataclass(frozen=True, kw_only=True)
class Binomial:
    """e^S = kappa N!/[(N/2 - kappa lambda)! (N/2 + kappa lambda)!], Eqs. 47 and (with N - 1, kappa') 57."""

    sites: int
    kappa: float

    def entropy(self, energy: np.ndarray) -> np.ndarray:
        """S(lambda); -infinity where a factorial has no value, |kappa lambda| >= N/2 + 1."""
        x = self.kappa * np.asarray(energy)
        half = self.sites / 2
        inside = np.abs(x) < half + 1
        safe = np.where(inside, x, 0.0)
        value = np.log(self.kappa) + gammaln(self.sites + 1) - gammaln(half - safe + 1) - gammaln(half + safe + 1)
        return np.where(inside, value, -np.inf)

    def beta(self, energy: np.ndarray) -> np.ndarray:
        """dS/dlambda = kappa [psi(N/2 - kappa lambda + 1) - psi(N/2 + kappa lambda + 1)]."""
        x, half = self.kappa * np.asarray(energy), self.sites / 2
        return self.kappa * (psi(half - x + 1) - psi(half + x + 1))


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """e^S = 2^N G(lambda; sqrt(N)/(2 kappa)), Eq. 48."""

    sites: int
    kappa: float

    @property
    def sigma(self) -> float:
        """Standard deviation sqrt(N)/(2 kappa)."""
        return float(np.sqrt(self.sites)) / (2 * self.kappa)

    def entropy(self, energy: np.ndarray) -> np.ndarray:
        """S(lambda) = N ln 2 - lambda^2/(2 sigma^2) - ln(2 pi sigma^2)/2."""
        sigma = self.sigma
        return self.sites * np.log(2) - np.asarray(energy) ** 2 / (2 * sigma**2) - 0.5 * np.log(2 * np.pi * sigma**2)

    def beta(self, energy: np.ndarray) -> np.ndarray:
        """dS/dlambda = -lambda/sigma^2."""
        return -np.asarray(energy) / self.sigma**2


@dataclass(frozen=True, kw_only=True, eq=False)
class FromLevels:
    """Density of exact levels (k,), each broadened by a Gaussian of standard deviation ``width``."""

    levels: np.ndarray
    width: float
    _spline: CubicSpline = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Bin the levels finely, convolve, and keep ln(density) as a cubic spline."""
        step = self.width / 10
        lower, upper = self.levels.min() - 4 * self.width, self.levels.max() + 4 * self.width
        edges = lower + step * np.arange(int(np.ceil((upper - lower) / step)) + 1)
        count = np.histogram(self.levels, edges)[0].astype(float)
        smooth = gaussian_filter1d(count, 10.0, mode="constant", truncate=8.0) / step
        positive = np.maximum(smooth, 1e-300)
        object.__setattr__(self, "_spline", CubicSpline((edges[1:] + edges[:-1]) / 2, np.log(positive)))

    def entropy(self, energy: np.ndarray) -> np.ndarray:
        """S(lambda); -infinity more than 4 widths outside the levels."""
        x = np.asarray(energy)
        inside = (x >= self._spline.x[0]) & (x <= self._spline.x[-1])
        return np.where(inside, self._spline(np.where(inside, x, self._spline.x[0])), -np.inf)

    def beta(self, energy: np.ndarray) -> np.ndarray:
        """dS/dlambda."""
        return self._spline(np.asarray(energy), 1)
