"""Entropies of steady states, measured and predicted (entropy paper, Eqs. 3, 38, 49, 52, 53); all in nats."""

import numpy as np

from bigbath.broadening.density_of_states import DensityOfStates

#: Points of the quadrature over a Lorentzian's angle.
QUADRATURE = 2048


def shannon(p: np.ndarray) -> np.ndarray:
    """-sum_n p_n ln p_n over the last axis: the steady state's von Neumann entropy, Eq. 3."""
    return -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0), axis=-1)


def renyi(p: np.ndarray, alpha: float) -> np.ndarray:
    """S_alpha = ln(sum_n p_n^alpha)/(1 - alpha) over the last axis, Eq. 52; alpha = 1 is Eq. 3, infinity -ln max p."""
    if alpha == 1:
        return shannon(p)
    if np.isinf(alpha):
        return -np.log(p.max(axis=-1))
    return np.log(np.sum(p**alpha, axis=-1)) / (1 - alpha)


def observational(P: np.ndarray, count: np.ndarray) -> np.ndarray:
    """-sum_M P(M) ln[P(M)/d_M] over shells (..., S) that hold ``count`` = d_M levels (S,): energy-shell POVM, Fig. 5."""
    filled = count > 0
    ratio = np.where(P[..., filled] > 0, P[..., filled] / count[filled], 1.0)
    return -np.sum(P[..., filled] * np.log(ratio), axis=-1)


def lorentzian_entropy(centre: np.ndarray, chi: np.ndarray, density: DensityOfStates) -> np.ndarray:
    """S(a + Delta) + ln(4 pi chi), last line of Eq. 38; with the Gaussian density of states it is Eq. 49."""
    return density.entropy(centre) + np.log(4 * np.pi * np.asarray(chi))


def lorentzian_entropy_integral(
    centre: np.ndarray, chi: np.ndarray, density: DensityOfStates, *, support: tuple[float, float]
) -> np.ndarray:
    """-integral of e^S p ln p for the Lorentzian cut to ``support`` and normalised there: Eq. 38 before its last line.

    The cut is needed: with the Gaussian density of states S ~ -lambda^2 and the integral over the whole line diverges.
    """
    centre, chi = np.asarray(centre)[..., None], np.asarray(chi)[..., None]
    lower, upper = (np.arctan((edge - centre) / chi) for edge in support)
    angle = lower + (upper - lower) * (np.arange(QUADRATURE) + 0.5) / QUADRATURE
    energy = centre + chi * np.tan(angle)
    log_density = 2 * np.log(np.cos(angle)) - np.log(
        chi * (upper - lower)
    )  # ln of the profile normalised on the support
    return np.mean(density.entropy(energy) - log_density, axis=-1)


def lorentzian_renyi2(centre: np.ndarray, chi: np.ndarray, density: DensityOfStates) -> np.ndarray:
    """S(a + Delta) + ln(2 pi chi), Eq. 53."""
    return density.entropy(centre) + np.log(2 * np.pi * np.asarray(chi))
