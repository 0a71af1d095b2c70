"""Spectral form factor of unfolded levels: Gaussian filter, disorder average, connected part.

tau is time in units of the Heisenberg time t_H = 2 pi/(mean level spacing). For a filter f the amplitude of a spectrum is
Z(tau) = sum_n f(e_n) exp(-2 pi i e_n tau), and K(tau) = <|Z|^2>/<sum_n f^2> tends to 1 at the plateau
(Suntajs, Bonca, Prosen and Vidmar, Phys. Rev. E 102, 062144 (2020), Eqs. 6-8).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

#: Entries of exp(-2 pi i e tau) held at a time.
_CHUNK = 2**22


def gaussian_filter(levels: np.ndarray, eta: float = 0.5) -> np.ndarray:
    """exp(-(e - mean)^2/(2 (eta width)^2)) (n,), width = standard deviation of the unfolded levels."""
    return np.exp(-((levels - levels.mean()) ** 2) / (2 * (eta * levels.std()) ** 2))


def amplitude(levels: np.ndarray, weights: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Z(tau) (m,) of unfolded ``levels`` (n,) with filter ``weights`` (n,)."""
    result = np.empty(len(tau), dtype=complex)
    step = max(1, _CHUNK // max(1, levels.size))
    for start in range(0, len(tau), step):
        result[start : start + step] = np.exp(-2j * np.pi * np.outer(tau[start : start + step], levels)) @ weights
    return result


def expected_form_factor(kind: str, tau: np.ndarray) -> np.ndarray:
    """K(tau), tau > 0, of large "goe" or "gue" matrices and of "poisson" levels."""
    t = np.asarray(tau, dtype=float)
    if kind == "poisson":
        return np.ones_like(t)
    if kind == "gue":
        return np.minimum(t, 1.0)
    late = np.maximum(t, 1.0)
    return np.where(t <= 1, 2 * t - t * np.log1p(2 * t), 2 - late * np.log((2 * late + 1) / (2 * late - 1)))


@dataclass(frozen=True, kw_only=True, eq=False)
class FormFactor:
    """Disorder averages on a grid ``tau`` (m,), with standard errors from leaving out one realization at a time.

    ``K``: whole; ``connected``: without |<Z>|^2, unbiased; NaN for a single realization. ``realizations``: their number.
    """

    tau: np.ndarray
    K: np.ndarray
    K_error: np.ndarray
    connected: np.ndarray
    connected_error: np.ndarray
    realizations: int


def running_mean(tau: np.ndarray, values: np.ndarray, decades: float) -> np.ndarray:
    """Mean of ``values`` (..., m) over ``decades`` about each time of a logarithmic grid ``tau`` (m,)."""
    points = max(1, round(decades / np.mean(np.diff(np.log10(tau)))))
    return uniform_filter1d(values, points, axis=-1, mode="nearest")


def averaged(tau: np.ndarray, amplitudes: np.ndarray, norms: np.ndarray, decades: float = 0.0) -> FormFactor:
    """Average over realizations of amplitudes (R, m); ``norms`` (R,) = sum_n f^2 of each.

    ``decades``: K, its connected part and their errors are those of running means over so many decades of a logarithmic
    grid; |Z|^2 of one realization fluctuates by 100 % at each tau.
    """
    R = len(amplitudes)

    def sampled(counts: np.ndarray) -> list[np.ndarray]:
        return [running_mean(tau, part, decades) if decades else part for part in weighted(counts, amplitudes, norms)]

    everything = np.ones((1, R))
    without = 1 - np.eye(R)
    (K,), (connected,) = sampled(everything)
    if R == 1:
        undefined = np.full_like(K, np.nan)
        return FormFactor(
            tau=tau, K=K, K_error=undefined, connected=undefined, connected_error=undefined, realizations=1
        )
    jackknives = sampled(without)
    errors = [np.sqrt((R - 1) * np.mean((part - part.mean(axis=0)) ** 2, axis=0)) for part in jackknives]
    if R == 2:
        errors[1] = np.full_like(K, np.nan)
    return FormFactor(tau=tau, K=K, K_error=errors[0], connected=connected, connected_error=errors[1], realizations=R)


def weighted(counts: np.ndarray, amplitudes: np.ndarray, norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """K and its connected part, (b, m) each, of samples in which realization r enters counts[b, r] times."""
    total = counts.sum(axis=1, keepdims=True)
    norm = counts @ norms[:, None] / total
    squares = counts @ np.abs(amplitudes) ** 2 / total
    means = counts @ amplitudes / total
    with np.errstate(divide="ignore", invalid="ignore"):
        connected = (squares - np.abs(means) ** 2) * (total / (total - 1)) / norm
    return squares / norm, connected
