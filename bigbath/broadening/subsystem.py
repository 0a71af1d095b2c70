"""What the eigenstates say about the system S: constraint and canonical state (entropy paper, Eqs. 56-60)."""

import numpy as np
from scipy.special import voigt_profile

from bigbath.broadening.density_of_states import DensityOfStates, Gaussian


def branch_weights(p: np.ndarray) -> np.ndarray:
    """p_n^i = sum_mu p_n^{mu i} = <phi_i|rho_n^S|phi_i> (k, D_S), Eq. 56; ``p``: (M, D_S, k) of all bath states. Rows sum to 1."""
    return p.sum(axis=0).T


def predicted_weights(
    energy: np.ndarray, centre: np.ndarray, chi: np.ndarray, density: DensityOfStates, sigma: float = 0.0
) -> np.ndarray:
    """p_n^i (E, D_S) from Lorentzians or Voigt profiles summed over the bath states, Eq. 58 before the bath is smoothed.

    ``centre``, ``chi``: (M, D_S) fitted a + Delta and width; ``density``: of H.
    """
    log_density = density.entropy(energy)
    result = np.empty((energy.size, centre.shape[1]))
    for n, x in enumerate(energy):
        result[n] = voigt_profile(x - centre, sigma, chi).sum(axis=0) * np.exp(-log_density[n])
    return result


def gaussian_weights(
    energy: np.ndarray, system_energy: float, delta: float, chi: float, sigma: float, total: Gaussian, bath: Gaussian
) -> np.ndarray:
    """p_n^i of Eq. 59: V(lambda - E_i - Delta_i; sqrt(sigma_B^2 + sigma^2), chi)/[2 G(lambda; sigma_H)], constant parameters.

    The printed widths sqrt(N/(2 kappa)) and (N - 1)/(2 kappa')^2 under a root are the standard deviations
    sqrt(N)/(2 kappa) of Eq. 48 and its bath counterpart.
    """
    ratio = bath.sites * np.log(2) - total.entropy(energy)
    return np.exp(ratio) * voigt_profile(energy - system_energy - delta, np.hypot(bath.sigma, sigma), chi)


def canonical_weights(energy: np.ndarray, effective: np.ndarray, density: DensityOfStates) -> np.ndarray:
    """e^{-beta_n (E_i + Delta_i)}/Z_n (E, D_S) with beta_n = dS/dlambda at ``energy``, Eq. 60; ``effective`` = E_i + Delta_i."""
    exponent = -np.outer(density.beta(energy), effective)
    weights = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
