"""Functions f(H) on vectors by Chebyshev series, with as many terms as matter."""

from collections.abc import Callable

import numpy as np
from scipy.fft import dct

from bigbath.chebyshev import Recurrence
from bigbath.dynamics.propagate import Propagator
from bigbath.errors import JobError

#: What is left out of a series, relative to its largest coefficient; its terms at most.
TRUNCATED, MOST = 1e-13, 2**20
#: Coefficients below this cannot be told from those of f = 0.
FAINT = 1e-150


def coefficients(propagator: Propagator, f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Chebyshev coefficients (N,) of f(E) on the spectrum; JobError where f is too narrow for MOST terms, or 0."""
    scale, count = propagator.scale, 64
    while count <= MOST:
        theta = (np.arange(count) + 0.5) * np.pi / count
        found = dct(f(scale.centre + scale.halfwidth * np.cos(theta)), type=2) / count
        found[0] /= 2
        size = np.abs(found)
        if not size.max() > FAINT:
            raise JobError("the energy of the initial state lies outside the spectrum: it would hold no states")
        if size[count // 2 :].max() <= TRUNCATED * size.max():
            return found[: np.flatnonzero(size > TRUNCATED * size.max())[-1] + 1]
        count *= 2
    raise JobError(f"the energy of the initial state is too narrow: it would need more than {MOST:,} products with H")


def series(propagator: Propagator, weights: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """sum_n c_n T_n v (d,) of a vector (d,), from N products."""
    operator = propagator.operator
    recurrence = Recurrence(operator, vector[:, None].astype(operator.dtype))
    total = recurrence.total
    for weight, term in zip(weights, recurrence.terms(), strict=False):
        total += weight * term
    return operator.get(total)[:, 0]


def normal_vector(propagator: Propagator, stream: np.random.Generator) -> np.ndarray:
    """A random vector (d,) of independent normal components, real for a real H."""
    real = stream.standard_normal(propagator.operator.dim)
    return real + 1j * stream.standard_normal(real.size) if propagator.is_complex else real
