"""Richer profiles of p(lambda) and how well they fit (entropy paper, Eqs. 33, 54, 55, 61-66).

Profiles are densities of x = lambda - a_mu,i, without the factor e^-S. In Eqs. 61-64 the lambda of chi + upsilon lambda +
theta lambda^2 must be measured from a_mu,i too: only then are Z and Z' (which hold no a) the norms, as quadrature shows.
As theta -> 0+ the norm tends to 2, not 1: half of the weight then lies at |x| ~ 1/theta, far outside any spectrum. The
fits therefore can normalise on the spectrum instead ("spectrum"), where the paper normalises on the line ("line").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.integrate
import scipy.optimize
from scipy.special import roots_hermitenorm, voigt_profile

#: Nodes of the Gauss-Hermite quadrature of the composite profile.
NODES = 24


def lorentzian(x: np.ndarray, delta: float, chi: float) -> np.ndarray:
    """Eq. 33."""
    return chi / np.pi / ((x - delta) ** 2 + chi**2)


def voigt(x: np.ndarray, delta: float, chi: float, sigma: float) -> np.ndarray:
    """Eqs. 54, 55: Gaussian of standard deviation sigma convolved with a Lorentzian of half width chi."""
    return voigt_profile(x - delta, abs(sigma), abs(chi))


def quadratic_width(x: np.ndarray, delta: float, chi: float, upsilon: float, theta: float) -> np.ndarray:
    """Eqs. 61 (upsilon = 0) and 63 times Z: width chi + upsilon x + theta x^2, not normalised."""
    width = chi + upsilon * x + theta * x**2
    return width / np.pi / ((x - delta) ** 2 + width**2)


def quadratic_norm(delta: float, chi: float, upsilon: float, theta: float) -> float:
    """Z of Eq. 62 (upsilon = 0) or Z' of Eq. 64 (theta != 0), for a width that is positive on the whole line."""
    if theta == 0.0 and upsilon == 0.0:
        return 1.0
    return float((2 / np.sqrt(1 + 4 * theta * (chi + 1j * delta) - upsilon * (upsilon - 2j))).real)


def composite(
    x: np.ndarray, delta: float, chi: float, upsilon: float, theta: float, slope: float, sigma: float
) -> np.ndarray:
    """Eq. 65 times its norm: shift delta + slope x, quadratic width, convolved with a Gaussian over x'."""
    nodes, weights = roots_hermitenorm(NODES)
    shifted = x[..., None] - delta - slope * x[..., None] - abs(sigma) * nodes
    width = (chi + upsilon * x + theta * x**2)[..., None]
    return (width / np.pi / (shifted**2 + width**2)) @ weights / np.sqrt(2 * np.pi)


def composite_norm(delta: float, chi: float, upsilon: float, theta: float, slope: float, shift: float = 0.0) -> float:
    """Z^{Delta,chi} of Eq. 66 at x' = ``shift``, by its poles: (1 - slope) x - delta - x' = i (chi + upsilon x + theta x^2).

    The integrand is Im of 1/(b x - c - i theta x^2), and half of the sum over its two poles' residues is the integral.
    """
    b, c = (1 - slope) - 1j * upsilon, delta + shift + 1j * chi
    if theta == 0.0:
        return float((1 / b).real) if upsilon == 0.0 else float("nan")
    return float((2 / np.sqrt(b * b - 4j * theta * c)).real)


def integral(profile: Callable[[np.ndarray], np.ndarray]) -> float:
    """The integral of a profile over the whole line by adaptive quadrature, x = tan(angle)."""

    def integrand(angle: float) -> float:
        return float(profile(np.array([np.tan(angle)]))[0]) / np.cos(angle) ** 2

    edge = np.pi / 2
    return float(scipy.integrate.quad(integrand, -edge, edge, limit=2000, epsabs=1e-11, epsrel=1e-11)[0])


#: Name -> (profile of x and its parameters, their starting values from (delta, chi)).
PROFILES: dict[str, tuple[Callable[..., np.ndarray], Callable[[float, float], tuple[float, ...]]]] = {
    "lorentzian": (lorentzian, lambda d, c: (d, c)),
    "voigt": (voigt, lambda d, c: (d, 0.7 * c, 0.5 * c)),
    "quadratic width": (lambda x, d, c, t: quadratic_width(x, d, c, 0.0, t), lambda d, c: (d, c, 1e-3)),
    "full quadratic width": (quadratic_width, lambda d, c: (d, c, 0.0, 1e-3)),
    "composite": (composite, lambda d, c: (d, 0.7 * c, 0.0, 1e-3, 0.0, 0.5 * c)),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ProfileFit:
    """Least-squares fit of one profile to one binned distribution.

    ``parameters``: in the order of the profile's arguments; ``rms``: root mean square residual over the shells;
    ``aic``: n ln(RSS/n) + 2 k + 2 k (k + 1)/(n - k - 1) (small-sample Akaike, k counts the noise too); ``cross_validated``:
    rms error on shells left out of the fit, ``folds`` interleaved groups; lower is better for all three.
    """

    name: str
    parameters: np.ndarray
    rms: float
    aic: float
    cross_validated: float


def fit_profile(
    name: str,
    x: np.ndarray,
    P: np.ndarray,
    width: float,
    *,
    start: tuple[float, float],
    norm: Literal["line", "spectrum"] = "spectrum",
    folds: int = 8,
) -> ProfileFit:
    """Fit the profile ``name`` of ``PROFILES`` to P (S,) in shells at x = mean energy - a (S,), ``width`` wide.

    ``start``: (delta, chi), say of the Lorentzian fit. ``norm``: "spectrum" divides by the profile's sum over the shells
    times the width, for every profile alike; "line" takes profiles as they are, the quadratic ones over Eqs. 62, 64.
    """
    function, starting = PROFILES[name]

    def model(parameters: np.ndarray) -> np.ndarray:
        values = function(x, *parameters)
        if norm == "spectrum":
            return values / max(float(np.sum(np.abs(values))), 1e-300)
        return width * values / _line_norm(name, parameters)

    def solve(chosen: np.ndarray, first: np.ndarray) -> np.ndarray:
        return scipy.optimize.least_squares(lambda q: (model(q) - P)[chosen], first, x_scale="jac", max_nfev=300).x

    everything = np.ones(x.size, dtype=bool)
    best = solve(everything, np.array(starting(*start)))
    residual = model(best) - P
    n, k = x.size, best.size + 1
    rss = float(residual @ residual)
    held_out = 0.0
    for fold in range(folds):
        left_out = np.arange(n) % folds == fold
        held_out += float(np.sum((model(solve(~left_out, best)) - P)[left_out] ** 2))
    aic = n * np.log(rss / n) + 2 * k + 2 * k * (k + 1) / max(n - k - 1, 1)
    return ProfileFit(
        name=name,
        parameters=best,
        rms=float(np.sqrt(rss / n)),
        aic=float(aic),
        cross_validated=float(np.sqrt(held_out / n)),
    )


def _line_norm(name: str, parameters: np.ndarray) -> float:
    if name == "quadratic width":
        return quadratic_norm(parameters[0], parameters[1], 0.0, parameters[2])
    if name == "full quadratic width":
        return quadratic_norm(*parameters)
    if name == "composite":
        return composite_norm(*parameters[:5])
    return 1.0
