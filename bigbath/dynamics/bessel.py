"""Coefficients of exp(-i x cos) in Chebyshev polynomials: Bessel functions of integer order to rounding."""

import numpy as np

from bigbath.errors import ImpossibleRequest

#: Arguments of Bessel functions that are taken as 0: J_1 is half of it.
TINY = 1e-30

#: Terms of one series at most: its coefficients take 8 bytes each, and as many products with H.
LONGEST = 3e7


def terms(x: float) -> int:
    """Number of terms for a t = ``x``, a the half-width of the spectrum: beyond, |J_n(x)| sums to less than 1e-15.

    ImpossibleRequest for more than ``LONGEST``.
    """
    if x > LONGEST:
        raise ImpossibleRequest(
            f"a time of {x:.1e} in units of 1/(half-width of the spectrum) takes as many products with H, at most {LONGEST:.0e} are "
            "possible: take shorter times"
        )
    return int(np.ceil(x + 12.0 * max(x, 1.0) ** (1 / 3) + 18))


def series(x: np.ndarray) -> np.ndarray:
    """(2 - delta_n0) J_n(x) times the sign of (-i)^n, or of i (-i)^n for odd n: (T, N); zero where it is rounding."""
    order = terms(float(np.abs(x).max()))
    n = np.arange(order)
    values = bessel(x, order) * np.where(n > 0, 2.0, 1.0) * (-1.0) ** (n // 2)
    values[n >= np.array([terms(abs(float(y))) for y in x])[:, None]] = 0
    return values


def bessel(x: np.ndarray, order: int) -> np.ndarray:
    """J_n(x) (T, ``order``), all n < ``order`` at once by Miller's recurrence from above: to rounding, where ``jv`` loses digits.

    It is begun beyond ``order``, where J_n is rounding, and normalised by J_0 + 2 (J_2 + J_4 + ...) = 1.
    """
    inverse = 1 / np.where(np.abs(x) > TINY, x, 1.0)
    first = order + 20 + order % 2
    values = np.zeros((first + 2, x.size))
    values[first] = 1e-300
    for n in range(first, 0, -1):
        values[n - 1] = 2 * n * inverse * values[n] - values[n + 1]
        size = np.abs(values[n - 1])
        if size.max() > 1e100:  # before it overflows
            values[n - 1 :] /= np.where(size > 1e100, size, 1.0)
    values /= values[0] + 2 * values[2::2].sum(axis=0)
    values[:, np.abs(x) <= TINY] = 0
    values[0, np.abs(x) <= TINY] = 1
    return values[:order].T
