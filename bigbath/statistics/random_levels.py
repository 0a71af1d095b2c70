"""Levels of random matrices, to measure what a method gives where the answer is known."""

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal


def random_levels(n: int, stream: np.random.Generator) -> np.ndarray:
    """Levels (n,), ascending, of a GOE matrix with off-diagonal variance 1, from its tridiagonal form.

    Diagonal of variance 2, off-diagonals chi with n - 1 ... 1 degrees of freedom (Dumitriu & Edelman, J. Math. Phys. 43,
    5830 (2002)): n^2 operations instead of n^3.
    """
    diagonal = stream.normal(0, np.sqrt(2), n)
    return eigvalsh_tridiagonal(diagonal, np.sqrt(stream.chisquare(np.arange(n - 1, 0, -1))))
