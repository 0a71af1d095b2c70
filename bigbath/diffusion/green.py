"""Green functions and propagator between single states of H_T + H_B (diffusion paper, Eqs. 6, 9)."""

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.diffusion.propagator import require_whole
from bigbath.solvers import Eigenstates


def green_matrix(states: Eigenstates, bath: Eigenstates, system: SystemStates, z: complex) -> np.ndarray:
    """G_jk(z) = <j|1/(z - H)|k> complex (D_S N, D_S N) in the eigenbasis of H_T + H_B, thermometer level first."""
    require_whole(states)
    require_whole(bath)
    overlap = np.kron(system.vectors, bath.vectors()).conj().T @ states.vectors()
    return (overlap / (z - states.energies)) @ overlap.conj().T


def state_propagator(
    states: Eigenstates, bath: Eigenstates, system: SystemStates, epsilon: float, kappa: float
) -> np.ndarray:
    """D_jk = Tr[P_j G(epsilon + i kappa/2) P_k G(epsilon - i kappa/2)] = |G_jk|^2 (D_S N, D_S N), real kappa; Eq. 6.

    From state k to state j of H_T + H_B; its sum over the states of two levels is N times D_ab, Eq. 7. Cost: three
    products of (D_S N)^3; memory 32 (D_S N)^2 bytes.
    """
    return np.abs(green_matrix(states, bath, system, epsilon + 0.5j * kappa)) ** 2
