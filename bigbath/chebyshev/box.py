"""Chebyshev coefficients of a box in theta with soft edges: the filter."""

import numpy as np


def degree(edge: float, beta: float) -> int:
    """Number of coefficients, even, of a box with an edge of half-width ``edge``."""
    return 2 * int(np.ceil(beta / edge / 2))


def box(centre: float, halfwidth: float, edge: float, beta: float) -> np.ndarray:
    """Chebyshev coefficients (``degree(edge, beta)``,) of a box in theta with edges of half-width ``edge``.

    f(theta) is 1/2 at ``halfwidth`` from ``centre``, and 0 or 1 but for some e^-``beta`` beyond ``edge`` from there: the sharp
    box's coefficients times the Kaiser window, close to the best for a degree of beta / edge (Kuo & Kaiser, System Analysis
    by Digital Computer, Wiley 1966, ch. 7).
    """
    n = np.arange(degree(edge, beta))
    window = np.i0(beta * np.sqrt(1 - (n / n.size) ** 2)) / np.i0(beta)
    coefficients = 4 * halfwidth / np.pi * np.sinc(n * halfwidth / np.pi) * np.cos(n * centre) * window
    coefficients[0] /= 2
    return coefficients
