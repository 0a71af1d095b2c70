"""Sums over Lorentzians weighted with |V|^2: the self-energy at one energy for each state, in one pass over |V|^2."""

import numpy as np
from numba import njit, prange


@njit(parallel=True, cache=True)
def _lorentzian_sums(w, weights, energy, centre, chi, own, out):  # type: ignore[no-untyped-def]
    branches = energy.shape[1]
    for row in prange(w.shape[1]):
        for i in range(branches):
            x = energy[row, i]
            for j in range(branches):
                imaginary = real = 0.0
                for k in range(w.shape[0]):
                    if weights[k, i, j] == 0.0:
                        continue
                    im = re = 0.0
                    for nu in range(w.shape[2]):
                        t = x - centre[nu, j]
                        value = w[k, row, nu] / (t * t + chi[nu, j] * chi[nu, j])
                        im += value * chi[nu, j]
                        re += value * t
                    if i == j and own[row] >= 0:
                        t, c = x - centre[own[row], j], chi[own[row], j]
                        value = w[k, row, own[row]] / (t * t + c * c)
                        im -= value * c
                        re -= value * t
                    imaginary += weights[k, i, j] * im
                    real += weights[k, i, j] * re
                out[row, i, 0] += imaginary
                out[row, i, 1] += real


def lorentzian_sums(
    w: np.ndarray, weights: np.ndarray, energy: np.ndarray, centre: np.ndarray, chi: np.ndarray, own: np.ndarray, out: np.ndarray
) -> None:
    """Add sum_{nu j != mu i} |V|^2 chi/[(x - c)^2 + chi^2] and the same with (x - c) above to ``out``, in place.

    |V_{mu i,nu j}|^2 = sum_k ``weights`` (K, D_S, D_S)[k, i, j] ``w`` (K, m, n)[k, mu, nu]; ``energy``: (m, D_S) the x of
    each row; ``centre``, ``chi``: (n, D_S); ``own``: (m,) the column nu = mu of each row, -1 where there is none;
    ``out``: (m, D_S, 2) imaginary and real part. Each |V|^2 is read D_S^2 times at most.
    """
    _lorentzian_sums(w, weights, energy, centre, chi, own.astype(np.int64), out)
