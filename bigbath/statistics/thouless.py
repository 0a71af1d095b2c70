"""Thouless time: from when on the form factor is that of random matrices."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from bigbath.statistics.form_factor import expected_form_factor, running_mean, weighted

#: Samples drawn with replacement for the error of a Thouless time.
_SAMPLES = 200
#: Largest |log10(K/K_random)| after the Thouless time (Suntajs et al. 2020).
THRESHOLD = 0.08


@dataclass(frozen=True, kw_only=True, eq=False)
class ThoulessTime:
    """``tau``: t_Th/t_H, with its standard ``error`` over realizations; both NaN if K never joins the random matrices'.

    ``samples``: tau of ensembles drawn with replacement (bootstrap), NaN where K does not join.
    """

    tau: float
    error: float
    samples: np.ndarray


def thouless_time(
    tau: np.ndarray,
    amplitudes: np.ndarray,
    norms: np.ndarray,
    *,
    kind: str = "goe",
    threshold: float = THRESHOLD,
    decades: float = 0.2,
    connected: bool = True,
    seed: int = 0,
) -> ThoulessTime:
    """The earliest tau after which |log10(K/K_random)| stays below ``threshold``, up to tau = 1.

    ``tau`` (m,): a logarithmic grid that reaches 1. K is averaged over ``decades`` of tau first. Amplitudes (R, m) and
    norms (R,) as in ``form_factor.averaged``. The error is the spread of samples drawn with replacement. Criterion and
    threshold: Suntajs et al., Phys. Rev. E 102, 062144 (2020). For Poisson levels this gives about 0.8: the plateau.
    """
    R = len(amplitudes)
    part = 1 if connected else 0
    expected = expected_form_factor(kind, tau)

    def times(counts: np.ndarray) -> np.ndarray:
        ratio = weighted(counts, amplitudes, norms)[part] / expected
        smooth = running_mean(tau, ratio, decades)
        with np.errstate(divide="ignore", invalid="ignore"):
            near = np.abs(np.log10(smooth)) < threshold
        near = near[:, tau <= 1]
        joined = np.flip(np.logical_and.accumulate(np.flip(near, axis=1), axis=1), axis=1)
        found = tau[np.argmax(joined, axis=1)]
        return np.where(joined[:, -1], found, np.nan)

    (value,) = times(np.ones((1, R)))
    drawn = np.random.default_rng(seed).multinomial(R, np.full(R, 1 / R), size=_SAMPLES)
    samples = times(drawn.astype(float))
    found = samples[np.isfinite(samples)]
    spread = float(np.std(found)) if R > 2 and found.size > _SAMPLES // 2 else float("nan")
    return ThoulessTime(tau=float(value), error=spread, samples=samples)


def plateau_time(kind: str = "goe", threshold: float = THRESHOLD) -> float:
    """t_Th/t_H of independent levels by the criterion of ``thouless_time``: where K_random comes near their K = 1."""
    return float(brentq(lambda tau: np.log10(expected_form_factor(kind, tau)) + threshold, 1e-6, 1.0))
