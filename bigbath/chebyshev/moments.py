"""Moments <v|T_n|v>, and the density of states that random vectors give."""

import itertools
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from bigbath.chebyshev.recurrence import Recurrence, random_vectors
from bigbath.operators import Operator
from bigbath.progress import Report, silent
from bigbath.ranks import total

#: Angle over which a density is averaged: four times the resolution of the density of states, or its noise would decide.
CELL = 4 * np.pi / 256

#: Steps between two reports of progress.
REPORTED = 64


def moments(operator: Operator, block: np.ndarray, order: int, report: Report = silent) -> np.ndarray:
    """mu_n = <v|T_n|v> (columns, order) of vectors v (d, columns) from ``order``/2 steps: T_2n = 2 T_n T_n - T_0."""
    recurrence = Recurrence(operator, block, sums=0)
    mu = np.empty((operator.columns, order))
    dot = operator.dot
    for n in range(order // 2):
        if n % REPORTED == 0:
            report("moments", n, order // 2)
        mu[:, 2 * n] = dot(recurrence.low, recurrence.low)
        mu[:, 2 * n + 1] = dot(recurrence.low, recurrence.high)
        recurrence.advance(1)
    mu = total(mu, operator.comm)
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
        cls, operator: Operator, key: tuple[int, ...], *, vectors: int = 8, order: int = 256
    ) -> "DensityOfStates":
        """Moments up to ``order`` from ``order``/2 steps each."""
        rows = []
        for number in range(-(-vectors // operator.columns)):
            block = random_vectors(operator, (*key, number))
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

    def densest(self, first: float, last: float) -> float:
        """The largest density of states between two angles, in states per unit angle, as far as it is known."""
        edges = np.clip(np.linspace(first, last, 1 + max(1, int((last - first) / CELL))), 0, np.pi)
        return max(self.count(a, b)[0] / (b - a) if b > a else 0.0 for a, b in itertools.pairwise(edges))
