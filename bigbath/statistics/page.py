"""Mean entanglement of random states, with and without conserved charges."""

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma


def random_entropy(shapes: Sequence[tuple[int, int]]) -> float:
    """Mean entanglement entropy of a random complex state that is the direct sum of matrices (a_n, b_n), exact.

    ``shapes``: (a_n, b_n) for each value n of the charge of one part, as of ``bigbath.spaces.bipartition``; one shape
    without charges (Page, Phys. Rev. Lett. 71, 1291 (1993)). S = sum_n a_n b_n/d [psi(d + 1) - psi(max(a_n, b_n) + 1) -
    (min(a_n, b_n) - 1)/(2 max(a_n, b_n))], d = sum_n a_n b_n (Bianchi and Dona, Phys. Rev. D 100, 105010 (2019)).
    A random real state has slightly less, by a share of order 1/d.
    """
    sides = np.array(shapes, dtype=float).reshape(-1, 2)
    low, high = sides.min(axis=1), sides.max(axis=1)
    weight = low * high
    d = weight.sum()
    return float(weight @ (digamma(d + 1) - digamma(high + 1) - (low - 1) / (2 * high)) / d)
