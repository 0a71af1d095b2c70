"""Green functions of H by Chebyshev expansion, from products with H alone: matrix-free for spin models."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from bigbath.hamiltonian import Hamiltonian
from bigbath.solvers.problem import spectral_extremes
from bigbath.solvers.recurrence import Operator, Recurrence, Scale, moments, operator_of

#: Chebyshev vectors that are collected before they are added to the sums.
BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Expansion:
    """G(z) = 1/(z - H) = sum_n c_n T_n for arguments z (Z,) off the spectrum; ``coefficients``: (M, Z), M even.

    Its methods release the interpreter lock: vectors may run on several threads.
    """

    operator: Operator
    coefficients: np.ndarray

    @classmethod
    def of(cls, h: Hamiltonian, z: np.ndarray, tolerance: float) -> "Expansion":
        """c_n = (2 - delta_n0) w^n / (sqrt(x^2 - 1) halfwidth), w = x - sqrt(x^2 - 1), until |w|^n < ``tolerance``."""
        scale = Scale.of(spectral_extremes(h))
        x = (z - scale.centre) / scale.halfwidth
        root = np.sqrt(x - 1 + 0j) * np.sqrt(x + 1 + 0j)  # the branch that makes |w| < 1
        w = x - root
        terms = 2 * (int(np.log(tolerance) / np.log(np.abs(w).max())) // 2 + 1)
        coefficients = 2 * w ** np.arange(terms)[:, None] / root / scale.halfwidth
        coefficients[0] /= 2
        return cls(operator=operator_of(h, scale), coefficients=coefficients)

    def apply(self, vector: np.ndarray) -> np.ndarray:
        """G(z) v (D, Z) complex for v (D,). Cost: M products and 4 M D Z flops; memory 8 D (4 Z + BATCH) bytes."""
        recurrence = Recurrence(self.operator, vector[:, None])
        storage = recurrence.low
        parts = np.ascontiguousarray(self.coefficients).view(np.float64)  # real and imaginary parts in turn
        sums = np.zeros((parts.shape[1], storage.size), dtype=storage.dtype)
        batch = np.empty((BATCH, storage.size), dtype=storage.dtype)
        with threadpool_limits(1, user_api="blas"):
            for start in range(0, parts.shape[0], BATCH):
                chosen = parts[start : start + BATCH]
                for row in batch[: len(chosen)]:
                    row[:] = recurrence.low.ravel()
                    recurrence.advance(1)
                sums += chosen.T @ batch[: len(chosen)]
        columns = [self.operator.get(row.reshape(storage.shape))[:, 0] for row in sums]
        return np.stack(columns[::2], axis=1) + 1j * np.stack(columns[1::2], axis=1)

    def diagonal(self, vector: np.ndarray) -> np.ndarray:
        """<v|G(z)|v> (Z,) for v (D,), from M/2 products."""
        with threadpool_limits(1, user_api="blas"):
            return moments(self.operator, vector[:, None], self.coefficients.shape[0])[0] @ self.coefficients
