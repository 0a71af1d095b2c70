"""Ratios of adjacent level spacings, which need no unfolding."""

import numpy as np
from scipy.integrate import quad


def gap_ratio(levels: np.ndarray, order: int = 1) -> float:
    """Mean of min(a, b)/max(a, b), a = E_{n+k} - E_n and b = E_{n+2k} - E_{n+k}, k = ``order``.

    ``levels`` (n,) ascending; NaN for fewer than 2k + 1. Order 1: Oganesyan and Huse, Phys. Rev. B 75, 155111 (2007);
    higher orders: Tekur, Bhosale and Santhanam, Phys. Rev. B 98, 104305 (2018).
    """
    if levels.size < 2 * order + 1:
        return float("nan")
    a, b = levels[order:-order] - levels[: -2 * order], levels[2 * order :] - levels[order:-order]
    larger = np.maximum(a, b)
    return float(np.mean(np.minimum(a, b) / np.where(larger > 0, larger, 1)))


def surmise(kind: str, order: int = 1) -> float:
    """What ``gap_ratio`` is for "poisson" (exact), "goe" or "gue" (surmise; orders above 1 by its scaling).

    Random matrices: density (r + r^2)^b/(1 + r + r^2)^(1 + 3 b/2), b = beta k (k + 1)/2 + k - 1. Order 1: 0.3863,
    0.5359, 0.6027; large matrices give 0.5307 (GOE) and 0.5996 (GUE), Atas et al., Phys. Rev. Lett. 110, 084101 (2013).
    """
    if kind == "poisson":
        k = order

        def density(r: float) -> float:
            return r ** (k - 1) / (1 + r) ** (2 * k)

    else:
        b = {"goe": 1, "gue": 2}[kind] * order * (order + 1) / 2 + order - 1

        def density(r: float) -> float:
            return (r + r**2) ** b / (1 + r + r**2) ** (1 + 1.5 * b)

    return quad(lambda r: r * density(r), 0, 1)[0] / quad(density, 0, 1)[0]
