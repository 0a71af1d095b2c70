"""Sums over Lorentzians weighted with |V|^2: the self-energy at one energy for each state, in one pass over |V|^2."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit

#: Lets the compiler reorder the sums, hence use vector registers; infinities and NaN keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}


@njit(fastmath=_FAST)
def _row_sum(w, x, centre, chi):  # type: ignore[no-untyped-def]
    imaginary = real = 0.0
    for nu in range(w.size):
        t = x - centre[nu]
        value = w[nu] / (t * t + chi[nu] * chi[nu])
        imaginary += value * chi[nu]
        real += value * t
    return imaginary, real


@njit(parallel=True)
def _lorentzian_sums(w, weights, energy, centre, chi, own, out):  # type: ignore[no-untyped-def]
    branches = energy.shape[1]
    for row in prange(w.shape[1]):
        for i in range(branches):
            x = energy[row, i]
            for j in range(branches):
                for k in range(w.shape[0]):
                    weight = weights[k, i, j]
                    if weight == 0.0:
                        continue
                    imaginary, real = _row_sum(w[k, row], x, centre[j], chi[j])
                    if i == j and own[row] >= 0:
                        nu = own[row]
                        t, c = x - centre[j, nu], chi[j, nu]
                        value = w[k, row, nu] / (t * t + c * c)
                        imaginary -= value * c
                        real -= value * t
                    out[row, i, 0] += weight * imaginary
                    out[row, i, 1] += weight * real


def lorentzian_sums(
    w: np.ndarray,
    weights: np.ndarray,
    energy: np.ndarray,
    centre: np.ndarray,
    chi: np.ndarray,
    own: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add sum_{nu j != mu i} |V|^2 chi/[(x - c)^2 + chi^2] and the same with (x - c) above to ``out``, in place.

    |V_{mu i,nu j}|^2 = sum_k ``weights`` (K, D_S, D_S)[k, i, j] ``w`` (K, m, n)[k, mu, nu]; ``energy``: (m, D_S) the x of
    each row; ``centre``, ``chi``: (n, D_S); ``own``: (m,) the column nu = mu of each row, -1 where there is none;
    ``out``: (m, D_S, 2) imaginary and real part. A row of |V|^2 is read D_S^2 times, from cache after the first.
    """
    columns = (np.ascontiguousarray(centre.T), np.ascontiguousarray(chi.T))
    _lorentzian_sums(w, weights, np.ascontiguousarray(energy), *columns, own.astype(np.int64), out)
