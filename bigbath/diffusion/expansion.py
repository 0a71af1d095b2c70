"""Green functions of H by Chebyshev expansion, from products with H alone: matrix-free for spin models."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from bigbath.chebyshev import Recurrence, moments
from bigbath.operators import Hamiltonian, Operator, Scale, operator_of
from bigbath.solvers.problem import spectral_extremes
from bigbath.spaces import everything

#: Tolerances from which on the recurrence runs in single precision; its rounding is far below.
SINGLE = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Expansion:
    """G(z) = 1/(z - H) = sum_n c_n T_n for arguments ``z`` (Z,) off the real axis; ``coefficients``: (M, Z), M even.

    ``terms``: (Z,) how many of the M each argument needs. Its methods release the interpreter lock: vectors may run on
    several threads.
    """

    operator: Operator
    scale: Scale
    z: np.ndarray
    coefficients: np.ndarray
    terms: np.ndarray

    @classmethod
    def of(cls, h: Hamiltonian, z: np.ndarray, tolerance: float) -> "Expansion":
        """c_n = (2 - delta_n0) w^n / (sqrt(x^2 - 1) halfwidth), w = x - sqrt(x^2 - 1), until |w|^n < ``tolerance``.

        In single precision for a ``tolerance`` of SINGLE or more.
        """
        scale = Scale.of(spectral_extremes(h))
        x = (z - scale.centre) / scale.halfwidth
        root = np.sqrt(x - 1 + 0j) * np.sqrt(x + 1 + 0j)  # the branch that makes |w| < 1
        w = x - root
        terms = 2 * ((np.log(tolerance) / np.log(np.abs(w))).astype(int) // 2 + 1)
        coefficients = 2 * w ** np.arange(terms.max())[:, None] / root / scale.halfwidth
        coefficients[0] /= 2
        operator = operator_of(h, everything(h.dim), scale, dtype=np.float32 if tolerance >= SINGLE else np.float64)
        return cls(operator=operator, scale=scale, z=z, coefficients=coefficients, terms=terms)

    def apply(self, vector: np.ndarray) -> np.ndarray:
        """G(z) v (D, Z) complex for v (D,), as (z* - H) y with y = |z - H|^-2 v, whose series is real.

        One recurrence for each argument, because a step costs less than adding its vector to sums that do not fit into
        the cache. Cost: the sum of ``terms`` products; memory: D Z complex numbers.
        """
        result = np.empty((self.operator.dim, self.z.size), dtype=complex)
        for column, (z, terms) in enumerate(zip(self.z, self.terms, strict=True)):
            recurrence = Recurrence(self.operator, vector[:, None])
            recurrence.advance(int(terms), -self.coefficients[:terms, column].imag / z.imag)
            y = self.operator.get(recurrence.total)
            Hy = self.operator.get(Recurrence(self.operator, y).high) * self.scale.halfwidth + self.scale.centre * y
            result[:, column] = (z.conj() * y - Hy)[:, 0]
        return result

    def diagonal(self, vector: np.ndarray) -> np.ndarray:
        """<v|G(z)|v> (Z,) for v (D,), from M/2 products."""
        with threadpool_limits(1, user_api="blas"):
            return moments(self.operator, vector[:, None], self.coefficients.shape[0])[0] @ self.coefficients
