"""The ends of a spectrum by Lanczos."""

import numpy as np
import scipy.linalg

from bigbath.chebyshev.recurrence import random_vectors
from bigbath.operators import Operator
from bigbath.ranks import same, total

#: Residuals, in units of ||H||, at which the ends of the spectrum are taken; Lanczos steps between two looks at them.
CONVERGED, LOOK = 1e-11, 10


def lanczos_extremes(operator: Operator) -> tuple[float, float]:
    """(E_min, E_max) of an operator, by Lanczos from a random vector, in three vectors.

    Without reorthogonalisation, whose lack repeats converged levels and does not shift them (Paige, J. Inst. Math. Appl.
    18, 341). The residuals are CONVERGED ||H||, the errors at most that: their square over the distance to the next level.
    """

    def dot(a: np.ndarray, b: np.ndarray) -> float:
        return float(total(np.vdot(a, b).real, operator.comm))

    w = random_vectors(operator, (0,))
    last, alpha, beta = np.zeros_like(w), list[float](), [np.sqrt(dot(w, w))]
    while True:
        v = w / beta[-1]
        w = operator.product(v) - beta[-1] * last
        alpha.append(dot(v, w))
        w -= alpha[-1] * v
        beta.append(np.sqrt(dot(w, w)))
        last = v
        if len(alpha) % LOOK == 0 or beta[-1] == 0:
            energies, states = same(scipy.linalg.eigh_tridiagonal(alpha, beta[1:-1]), operator.comm)
            if beta[-1] * np.abs(states[-1, [0, -1]]).max() <= CONVERGED * np.abs(energies).max():
                return float(energies[0]), float(energies[-1])
