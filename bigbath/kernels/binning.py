"""Probabilities binned into energy shells: their sums, moments and entropies, and their powers, in one pass each."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit

#: Columns of the sums returned by ``bin_probabilities``.
SUMS = ("norm", "first_moment", "second_moment", "shannon", "purity")
#: Powers of p that ``bin_powers`` sums.
POWERS = (2, 3, 4)


@njit(parallel=True)
def _bin_probabilities(p, shell, energies, binned, sums):  # type: ignore[no-untyped-def]
    for row in prange(p.shape[0]):
        norm = first = second = shannon = purity = 0.0
        for n in range(p.shape[1]):
            value = p[row, n]
            binned[row, shell[n]] += value
            norm += value
            first += value * energies[n]
            second += value * energies[n] * energies[n]
            if value > 0.0:
                shannon -= value * np.log(value)
            purity += value * value
        sums[row, 0] += norm
        sums[row, 1] += first
        sums[row, 2] += second
        sums[row, 3] += shannon
        sums[row, 4] += purity


def bin_probabilities(
    p: np.ndarray, shell: np.ndarray, energies: np.ndarray, binned: np.ndarray, sums: np.ndarray
) -> None:
    """Add ``p`` to ``binned`` and to ``sums``, in place.

    ``p``: (m, k) probabilities of k levels. ``shell``: (k,) shell of each level, in [0, S). ``energies``: (k,).
    ``binned``: (m, S) gets sum_n p_n of each shell. ``sums``: (m, 5) gets sum p, sum p E, sum p E^2,
    -sum p ln p, sum p^2. Each probability is read once.
    """
    _bin_probabilities(np.ascontiguousarray(p), shell.astype(np.int64), energies, binned, sums)


@njit(parallel=True)
def _bin_powers(p, shell, binned):  # type: ignore[no-untyped-def]
    for row in prange(p.shape[0]):
        for n in range(p.shape[1]):
            value = p[row, n]
            power = value
            for q in range(binned.shape[2]):
                power *= value
                binned[row, shell[n], q] += power


def bin_powers(p: np.ndarray, shell: np.ndarray, binned: np.ndarray) -> None:
    """Add p^2, p^3, p^4 of (m, k) probabilities to ``binned`` (m, S, 3), in place; ``shell``: (k,) in [0, S)."""
    _bin_powers(np.ascontiguousarray(p), shell.astype(np.int64), binned)
