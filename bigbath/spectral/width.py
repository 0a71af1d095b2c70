"""Lorentzian width and shift of a spectrum that is seen through a Gaussian of known width."""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from scipy.special import voigt_profile

from bigbath.spectral.double import ShellSpectra, jackknife_error


@dataclass(frozen=True, kw_only=True, eq=False)
class WidthFit:
    """``centre``, ``chi`` (D_S, B) of the Lorentzian, with jackknife errors; the known Gaussian is taken out by the fit."""

    centre: np.ndarray
    chi: np.ndarray
    centre_error: np.ndarray
    chi_error: np.ndarray


def fit_lorentzian_behind(energy: np.ndarray, density: np.ndarray, sigma: float) -> tuple[float, float]:
    """Centre and chi of the Lorentzian whose convolution with a Gaussian of standard deviation ``sigma`` fits (E,) best."""
    peak = energy[density.argmax()]
    start = (peak, max(1 / (np.pi * density.max()), 1e-3))

    def residual(q: np.ndarray) -> np.ndarray:
        return voigt_profile(energy - q[0], sigma, abs(q[1])) - density

    best = scipy.optimize.least_squares(residual, start, xtol=1e-12, ftol=1e-12).x
    return float(best[0]), float(abs(best[1]))


def fit_width(spectra: ShellSpectra) -> WidthFit:
    """Fit every shell-averaged distribution; both Gaussians add up because p depends on lambda - eps almost only."""
    sigma = float(np.hypot(spectra.sigma, spectra.bath_sigma))

    def fit(density: np.ndarray) -> np.ndarray:
        return np.array([[fit_lorentzian_behind(spectra.energy, row, sigma) for row in branch] for branch in density])

    best = fit(spectra.density)
    error = jackknife_error(np.stack([fit(sample) for sample in spectra.samples]))
    return WidthFit(centre=best[..., 0], chi=best[..., 1], centre_error=error[..., 0], chi_error=error[..., 1])
