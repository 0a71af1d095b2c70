"""Thouless time: from when on the form factor is that of random matrices."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from bigbath.statistics.form_factor import expected_form_factor, weighted

#: Samples drawn with replacement for the error of a Thouless time.
_SAMPLES = 200


@dataclass(frozen=True, kw_only=True)
class ThoulessTime:
    """``tau``: t_Th/t_H, with its standard ``error`` over realizations; both NaN if K never joins the random matrices'."""

    tau: float
    error: float


def thouless_time(
    tau: np.ndarray,
    amplitudes: np.ndarray,
    norms: np.ndarray,
    *,
    kind: str = "goe",
    threshold: float = 0.08,
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
    points = max(1, round(decades / np.mean(np.diff(np.log10(tau)))))
    expected = expected_form_factor(kind, tau)

    def times(counts: np.ndarray) -> np.ndarray:
        ratio = weighted(counts, amplitudes, norms)[part] / expected
        smooth = uniform_filter1d(ratio, points, axis=1, mode="nearest")
        with np.errstate(divide="ignore", invalid="ignore"):
            near = np.abs(np.log10(smooth)) < threshold
        near = near[:, tau <= 1]
        joined = np.flip(np.logical_and.accumulate(np.flip(near, axis=1), axis=1), axis=1)
        found = tau[np.argmax(joined, axis=1)]
        return np.where(joined[:, -1], found, np.nan)

    (value,) = times(np.ones((1, R)))
    drawn = np.random.default_rng(seed).multinomial(R, np.full(R, 1 / R), size=_SAMPLES)
    samples = times(drawn.astype(float))
    samples = samples[np.isfinite(samples)]
    spread = float(np.std(samples)) if R > 2 and samples.size > _SAMPLES // 2 else float("nan")
    return ThoulessTime(tau=float(value), error=spread)
