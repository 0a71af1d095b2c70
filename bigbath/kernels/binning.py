"""Squared overlaps binned into energy shells, with their sums, moments and entropies, in one pass."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit

#: Columns of the sums returned by ``bin_overlaps``.
SUMS = ("norm", "first_moment", "second_moment", "shannon", "purity")


@njit(parallel=True)
def _bin_overlaps(overlaps, shell, energies, binned, sums):  # type: ignore[no-untyped-def]
    for row in prange(overlaps.shape[0]):
        norm = first = second = shannon = purity = 0.0
        for n in range(overlaps.shape[1]):
            o = overlaps[row, n]
            p = o.real * o.real + o.imag * o.imag
            binned[row, shell[n]] += p
            norm += p
            first += p * energies[n]
            second += p * energies[n] * energies[n]
            if p > 0.0:
                shannon -= p * np.log(p)
            purity += p * p
        sums[row, 0] += norm
        sums[row, 1] += first
        sums[row, 2] += second
        sums[row, 3] += shannon
        sums[row, 4] += purity


def bin_overlaps(
    overlaps: np.ndarray, shell: np.ndarray, energies: np.ndarray, binned: np.ndarray, sums: np.ndarray
) -> None:
    """Add |overlaps|^2 to ``binned`` and to ``sums``, in place.

    ``overlaps``: (m, k), real or complex. ``shell``: (k,) shell of each eigenstate, in [0, S). ``energies``: (k,).
    ``binned``: (m, S) gets sum_n p_n of each shell. ``sums``: (m, 5) gets sum p, sum p E, sum p E^2,
    -sum p ln p, sum p^2. Each overlap is read once.
    """
    _bin_overlaps(np.ascontiguousarray(overlaps), shell.astype(np.int64), energies, binned, sums)
