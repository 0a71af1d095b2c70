"""Richer profiles of p(lambda) (entropy paper, Eqs. 33, 54, 55, 61-66) and their norms.

Profiles are densities of x = lambda - a_mu,i, without the factor e^-S. In Eqs. 61-64 the lambda of chi + upsilon lambda +
theta lambda^2 must be measured from a_mu,i too: only then are Z and Z' (which hold no a) the norms, as quadrature shows.
As theta -> 0+ the norm tends to 2, not 1: half of the weight then lies at |x| ~ 1/theta, far outside any spectrum.
"""

from collections.abc import Callable

import numpy as np
import scipy.integrate
from scipy.special import voigt_profile

#: Integral over x' with Z inside: nodes a standard deviation and a width, reach in standard deviations, most nodes.
FINE, REACH, NODES = 8, 9.0, 100_000


def lorentzian(x: np.ndarray, delta: float, chi: float) -> np.ndarray:
    """Eq. 33."""
    return chi / np.pi / ((x - delta) ** 2 + chi**2)


def voigt(x: np.ndarray, delta: float, chi: float, sigma: float) -> np.ndarray:
    """Eqs. 54, 55: Gaussian of standard deviation sigma convolved with a Lorentzian of half width chi."""
    return voigt_profile(x - delta, sigma, chi)


def width(x: np.ndarray, chi: float, upsilon: float, theta: float) -> np.ndarray:
    """chi(x) = chi + upsilon x + theta x^2 of Eqs. 61 (upsilon = 0) and 63; positive when upsilon^2 < 4 chi theta or both are 0."""
    return chi + upsilon * x + theta * x**2


def quadratic_width(x: np.ndarray, delta: float, chi: float, upsilon: float, theta: float) -> np.ndarray:
    """Eqs. 61 (upsilon = 0) and 63 times Z: width chi + upsilon x + theta x^2, not normalised."""
    return lorentzian(x, delta, width(x, chi, upsilon, theta))  # type: ignore[arg-type]


def quadratic_norm(delta: float, chi: float, upsilon: float, theta: float) -> float:
    """Z of Eq. 62 (upsilon = 0) or Z' of Eq. 64: the integral of ``quadratic_width`` over the line."""
    return composite_norm(delta, chi, upsilon, theta, 0.0)


def composite(
    x: np.ndarray, delta: float, chi: float, upsilon: float, theta: float, slope: float, sigma: float
) -> np.ndarray:
    """Eq. 65 with Z = 1: shift delta + slope x, quadratic width, convolved with a Gaussian over x'; exact, a Voigt profile."""
    return voigt_profile(x - delta - slope * x, sigma, width(x, chi, upsilon, theta))


def composite_norm(delta: float, chi: float, upsilon: float, theta: float, slope: float, shift: float = 0.0) -> float:
    """Z^{Delta,chi} of Eq. 66 at x' = ``shift``: the integral over the line of Im 1/(b x - c - i theta x^2) / pi.

    b = 1 - slope - i upsilon, c = delta + shift + i chi; 2 Re of the residues in the upper half plane. One pole lies there
    when the width is positive everywhere: Eqs. 62, 64. With theta < 0 both may lie on one side; the width is negative in
    the tails, and Z = 0 when both do. With theta = 0 and upsilon != 0 the integral is a principal value.
    """
    b, c = 1 - slope - 1j * upsilon, delta + shift + 1j * chi
    if theta == 0.0:
        return float((1 / b).real * np.sign((c / b).imag))
    root = np.sqrt(b * b - 4j * theta * c)
    if (b.conjugate() * root).real < 0:
        root = -root  # b and root add up without loss of digits
    near, far = 2 * c / (b + root), (b + root) / (2j * theta)
    return float(2 * (((near.imag > 0) / root) - ((far.imag > 0) / root)).real)


def composite_on_the_line(
    x: np.ndarray, delta: float, chi: float, upsilon: float, theta: float, slope: float, sigma: float
) -> np.ndarray:
    """Eq. 65 as printed, with the norm Z(x') of Eq. 66 inside the integral over x'.

    By the trapezoidal rule, which converges exponentially: steps of a fraction of the Gaussian and of the smallest width.
    """
    x = np.asarray(x, dtype=float)
    if sigma == 0.0:
        return composite(x, delta, chi, upsilon, theta, slope, 0.0) / composite_norm(delta, chi, upsilon, theta, slope)
    widths = width(x, chi, upsilon, theta)
    step = min(sigma, float(np.abs(widths).min())) / FINE
    number = min(int(np.ceil(REACH * sigma / step)), NODES // 2)
    nodes, step = np.linspace(-REACH * sigma, REACH * sigma, 2 * number + 1, retstep=True)
    gauss = np.exp(-(nodes**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi) / sigma
    norms = np.array([composite_norm(delta, chi, upsilon, theta, slope, node) for node in nodes])
    weights = step * gauss / norms
    away = x - delta - slope * x
    rows = [lorentzian(a - nodes, 0.0, w) @ weights for a, w in zip(away.ravel(), widths.ravel(), strict=True)]
    return np.array(rows).reshape(x.shape)


def integral(profile: Callable[[np.ndarray], np.ndarray]) -> float:
    """The integral of a profile over the whole line by adaptive quadrature, x = tan(angle); x and -x together."""

    def integrand(angle: float) -> float:
        x = np.tan(angle)
        return float(np.sum(profile(np.array([x, -x])))) / np.cos(angle) ** 2

    return float(scipy.integrate.quad(integrand, 0.0, np.pi / 2, limit=2000, epsabs=1e-11, epsrel=1e-11)[0])
