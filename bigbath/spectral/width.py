"""Lorentzian width, shift and entropy of distributions over shells that are seen through Gaussians of known width."""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from scipy.special import voigt_profile

from bigbath.broadening.entropy import observational
from bigbath.broadening.shells import Shells
from bigbath.spectral.shell_average import ShellAverage, jackknife_error


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellParameters:
    """Parameters of shell averages, each (D_S, B), with jackknife errors (NaN for an exact average).

    ``centre``, ``chi``: of the Lorentzian behind the Gaussians (Eq. 33); ``observational``: entropy of the averaged P,
    -sum P ln(P/d_M), which bounds the mean of the states' own entropies from above. ``rms``: residual of the fit.
    """

    centre: np.ndarray
    chi: np.ndarray
    observational: np.ndarray
    rms: np.ndarray
    centre_error: np.ndarray
    chi_error: np.ndarray
    observational_error: np.ndarray


def fit_smeared(shells: Shells, P: np.ndarray, sigma: float) -> tuple[float, float, float]:
    """Centre, chi and rms residual: P(M) (S,) = width x Lorentzian convolved with a Gaussian of ``sigma``, least squares.

    As ``fit_lorentzian``, which it becomes at sigma = 0: the profile is taken at the mean energy of each shell's levels.
    """
    peak = shells.energy[P.argmax()]
    x, sigma = (shells.energy - peak) / shells.width, sigma / shells.width  # no unit of energy, no origin
    start = (0.0, 1 / (np.pi * P.max()))

    def residual(q: np.ndarray) -> np.ndarray:
        return voigt_profile(x - q[0], sigma, abs(q[1])) - P

    best = scipy.optimize.least_squares(residual, start, xtol=1e-10, ftol=1e-10)
    centre, chi = peak + shells.width * best.x[0], shells.width * abs(best.x[1])
    return float(centre), float(chi), float(np.sqrt(np.mean(best.fun**2)))


def shell_parameters(average: ShellAverage) -> ShellParameters:
    """Fit every shell average. Both Gaussians add up because p depends on lambda - eps almost only (Fig. 3b).

    >>> import bigbath as bb
    >>> import numpy as np
    >>> vectors = bb.ShellVectors.of(bb.draw(bb.Ring(N=8)), np.array([0.0]), bath_sigma=0.5, sigma=0.3)
    >>> average = bb.shell_average(vectors, [vectors.moments(np.random.default_rng(n)) for n in range(2)], width=1.0)
    >>> bb.shell_parameters(average).chi.shape
    (2, 1)
    """

    def parameters(P: np.ndarray, count: np.ndarray) -> np.ndarray:
        fits = np.array([[fit_smeared(average.shells, row, average.smear) for row in branch] for branch in P])
        return np.concatenate([fits, observational(P, count)[..., None]], axis=-1)

    best = parameters(average.P, average.shells.count)
    replicas = np.empty((average.samples.shape[0], *best.shape))
    for replica, P, count in zip(replicas, average.samples, average.counts, strict=True):
        replica[:] = parameters(P, count)
    error = jackknife_error(replicas)
    return ShellParameters(
        centre=best[..., 0], chi=best[..., 1], rms=best[..., 2], observational=best[..., 3],
        centre_error=error[..., 0], chi_error=error[..., 1], observational_error=error[..., 3],
    )  # fmt: skip
