"""Chebyshev polynomials of a scaled Hamiltonian on vectors: operators, recurrences, moments, counts of states.

The spectrum is scaled into (-1, 1), x = (E - centre) / halfwidth = cos(theta); T_n(x) = cos(n theta).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from bigbath.hamiltonian import Flips, Hamiltonian, flips
from bigbath.kernels.chebyshev import csr_steps, flip_steps, inside, padded, smallest_sites

#: The scaled spectrum ends this far inside (-1, 1), in units of its half-width.
MARGIN = 5e-4

_NONE = np.empty(0)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """x = (E - ``centre``) / ``halfwidth``."""

    centre: float
    halfwidth: float

    @classmethod
    def of(cls, extremes: tuple[float, float]) -> "Scale":
        """The scale that takes the ends of a spectrum to -1 and 1, less the margin."""
        lowest, highest = extremes
        return cls(centre=(lowest + highest) / 2, halfwidth=max((highest - lowest) / 2, 1e-300) * (1 + MARGIN))

    def angle(self, energy: float) -> float:
        """theta in [0, pi]; it falls as the energy grows."""
        return float(np.arccos(np.clip((energy - self.centre) / self.halfwidth, -1, 1)))


class Operator(Protocol):
    """A scaled Hamiltonian that makes Chebyshev steps on ``columns`` vectors at a time, other vectors on other threads.

    ``work``: matrix entries times vectors of one step.
    """

    dim: int
    columns: int
    work: int

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors in the operator's own layout."""

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (D, columns) of the Hamiltonian's basis into a storage."""

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (D, columns) of a storage, in the basis of the Hamiltonian's matrix."""

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` steps in place; see ``kernels.chebyshev.flip_steps``."""


class FlipOperator:
    """Matrix-free: a diagonal plus flips, one vector a call."""

    columns = 1

    def __init__(self, h: Flips, scale: Scale) -> None:
        self.dim, self.work, self._h = h.dim, h.entries, h
        self._diagonal = padded(h.sites, 1)[0]
        inside(self._diagonal)[:] = (2 / scale.halfwidth * (h.diagonal - scale.centre)).reshape(
            inside(self._diagonal).shape
        )
        self._coefficients = 2 / scale.halfwidth * np.array([*h.flips.values()], dtype=float)
        self._steps = flip_steps(h.sites, tuple(h.flips))

    @staticmethod
    def takes(h: Flips | None) -> bool:
        """Whether the kernel can take this Hamiltonian."""
        return h is not None and h.sites >= smallest_sites() and bool(h.flips)

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors."""
        return padded(self._h.sites, count)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (D, columns) of the Hamiltonian's basis into a storage."""
        rotated = self._h.to_z_basis(np.array(block)) if self._h.rotated else block
        inside(storage)[:] = rotated.reshape(inside(storage).shape)

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (D, columns) of a storage."""
        vector = np.array(inside(storage)).reshape(-1, 1)
        return self._h.to_z_basis(vector) if self._h.rotated else vector

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        self._steps(low, high, total, self._diagonal, self._coefficients, weights, count)


class MatrixOperator:
    """A CSR matrix, applied to a block of ``columns`` vectors."""

    def __init__(self, matrix: sp.csr_array, scale: Scale, columns: int) -> None:
        self.dim, self.columns = matrix.shape[0], columns
        shifted = matrix - scale.centre * sp.eye_array(self.dim, format="csr")
        self._twice = sp.csr_array(shifted * (2 / scale.halfwidth))
        self.work = columns * self._twice.nnz

    def zeros(self, count: int) -> np.ndarray:
        """``count`` zero blocks of vectors."""
        return np.zeros((count, self.dim, self.columns), dtype=self._twice.dtype)

    def put(self, storage: np.ndarray, block: np.ndarray) -> None:
        """Write vectors (D, columns) into a storage."""
        storage[:] = block

    def get(self, storage: np.ndarray) -> np.ndarray:
        """The vectors (D, columns) of a storage."""
        return storage

    def steps(self, low: np.ndarray, high: np.ndarray, total: np.ndarray, weights: np.ndarray, count: int) -> None:
        """``count`` Chebyshev steps in place."""
        csr_steps(self._twice.indptr, self._twice.indices, self._twice.data, low, high, total, weights, count)


def operator_of(h: Hamiltonian, scale: Scale, columns: int = 1) -> Operator:
    """Operator of a Hamiltonian on the whole space: matrix-free where the kernel takes it."""
    strings = flips(h.terms, h.sites) if h.terms else None
    if strings is not None and FlipOperator.takes(strings):
        return FlipOperator(strings, scale)
    return MatrixOperator(sp.csr_array(h.matrix), scale, columns)


class Recurrence:
    """T_n x and T_{n+1} x in ``low`` and ``high``, for a block x (D, columns); ``total`` accumulates a polynomial."""

    def __init__(self, operator: Operator, block: np.ndarray) -> None:
        self.operator = operator
        self.low, self.high, self.total = operator.zeros(3)
        operator.put(self.low, block)
        self._first()

    def _first(self) -> None:
        """low = T_0 x is given; high = T_1 x is half of 2 H x - 0."""
        self.high[:] = 0
        self.operator.steps(self.high, self.low, self.total, _NONE, 1)
        self.high *= 0.5

    def advance(self, count: int, weights: np.ndarray = _NONE) -> None:
        """n -> n + count; with ``weights`` (count, even) total += sum_j weights[j] T_{n+j} x."""
        self.operator.steps(self.low, self.high, self.total, weights, count)
        if count % 2:
            self.low, self.high = self.high, self.low

    def restart(self) -> None:
        """Start again from the accumulated polynomial, scaled to order 1."""
        np.multiply(self.total, 1 / np.abs(self.total).max(), out=self.low)
        self.total[:] = 0
        self._first()


def moments(operator: Operator, block: np.ndarray, order: int) -> np.ndarray:
    """mu_n = <v|T_n|v> (columns, order) of vectors v (D, columns) from ``order``/2 steps: T_2n = 2 T_n T_n - T_0."""
    recurrence = Recurrence(operator, block)
    mu = np.empty((operator.columns, order))

    def products(a: np.ndarray, b: np.ndarray) -> list[float]:
        columns = (x.reshape(-1, operator.columns).T for x in (a, b))
        return [np.vdot(x, y).real for x, y in zip(*columns, strict=True)]

    for n in range(order // 2):
        mu[:, 2 * n] = products(recurrence.low, recurrence.low)
        mu[:, 2 * n + 1] = products(recurrence.low, recurrence.high)
        recurrence.advance(1)
    mu[:, 2:] *= 2
    mu[:, 2::2] -= mu[:, :1]
    mu[:, 3::2] -= mu[:, 1:2]
    return mu


@dataclass(frozen=True, kw_only=True, eq=False)
class DensityOfStates:
    """Chebyshev moments mu_n = Tr T_n(H) / D from random vectors (R, M), with the Jackson kernel."""

    dim: int
    moments: np.ndarray

    @classmethod
    def sample(
        cls, operator: Operator, stream: np.random.Generator, *, vectors: int = 8, order: int = 256
    ) -> "DensityOfStates":
        """Moments up to ``order`` from ``order``/2 steps each."""
        rows = []
        for _ in range(-(-vectors // operator.columns)):
            block = stream.standard_normal((operator.dim, operator.columns))
            with threadpool_limits(1, user_api="blas"):  # threads cost more than these products
                mu = moments(operator, block, order).sum(axis=0)
            rows.append(mu / mu[0])
        return cls(dim=operator.dim, moments=np.array(rows))

    def count(self, first: float, last: float) -> tuple[float, float]:
        """Expected number of states with theta in [first, last], and its standard error (resolution pi / M)."""
        order = self.moments.shape[1]
        n = np.arange(1, order)
        step = np.pi / (order + 1)
        jackson = ((order - n + 1) * np.cos(n * step) + np.sin(n * step) / np.tan(step)) / (order + 1)
        weights = np.r_[(last - first) / np.pi, jackson * 2 / (n * np.pi) * (np.sin(n * last) - np.sin(n * first))]
        values = self.dim * self.moments @ weights
        error = (
            float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else float(np.sqrt(max(values[0], 0)))
        )
        return max(float(values.mean()), 0.0), error


def box(centre: float, halfwidth: float, smoothing: float, degree: int) -> np.ndarray:
    """Chebyshev coefficients (degree,) of a box in theta, smoothed by a Gaussian of standard deviation ``smoothing``.

    f(theta) = 1 within ``halfwidth`` of ``centre``; (4 / (n pi)) sin(n halfwidth) cos(n centre) exp(-n^2 s^2 / 2).
    """
    n = np.arange(1, degree)
    series = 4 / (n * np.pi) * np.sin(n * halfwidth) * np.cos(n * centre) * np.exp(-((n * smoothing) ** 2) / 2)
    return np.r_[2 * halfwidth / np.pi, series]
