"""Number variance: fluctuation of the number of unfolded levels in an interval."""

import numpy as np
from scipy.special import sici


def number_variance(levels: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Mean of (N - length)^2 over intervals of each length (m,) inside unfolded ``levels`` (n,), ascending.

    Intervals begin at steps of a quarter of the mean spacing. NaN for lengths above a quarter of the levels' span.
    """
    result = np.full(len(lengths), np.nan)
    if levels.size < 2:
        return result
    span = levels[-1] - levels[0]
    for i, length in enumerate(lengths):
        if length <= span / 4:
            starts = np.arange(levels[0], levels[-1] - length, 0.25)
            counts = np.searchsorted(levels, starts + length) - np.searchsorted(levels, starts)
            result[i] = np.mean((counts - length) ** 2)
    return result


def expected_number_variance(kind: str, lengths: np.ndarray) -> np.ndarray:
    """For "poisson" (the length itself), "goe" or "gue" (exact for large matrices; Mehta, Random Matrices, Ch. 16)."""
    x = np.asarray(lengths, dtype=float)
    if kind == "poisson":
        return x
    si2, ci2 = sici(2 * np.pi * x)
    gue = (np.log(2 * np.pi * x) + np.euler_gamma + 1 - np.cos(2 * np.pi * x) - ci2) / np.pi**2 + x * (
        1 - 2 / np.pi * si2
    )
    if kind == "gue":
        return gue
    si = sici(np.pi * x)[0] / np.pi
    return 2 * gue + si**2 - si
