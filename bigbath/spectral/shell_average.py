"""Shell-averaged distributions P(M; eps, i) from stochastic traces: no eigenstates (entropy paper, Eqs. 2, 31, 32).

Tr[g(eps - H_B) P_i M(H) P_i]/Tr[g(eps - H_B)] is the mean of P^{mu i}(M) over the bath levels near eps, for the energy
shells M of H. For a random bath vector r the shell vectors a_eps = g(eps - H_B) r are made first, all in one recurrence
over H_B; then one recurrence over H from |phi_i> r gives <a_eps|<phi_i|T_n(H)|phi_i>|r> for all eps. That is D_S N
products with H a random vector for N moments; the doubling 2 T_m T_n = T_m+n + T_m-n would need both ends of the matrix
element: N/2 products for every eps and i.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bigbath.broadening.shells import Shells
from bigbath.broadening.system import system_states
from bigbath.chebyshev import Recurrence
from bigbath.models import Composite
from bigbath.resources import require_memory
from bigbath.spectral.chebyshev import (
    Scaled,
    coefficients,
    contracted,
    gaussians,
    quadrature,
    scaled_operator,
    smeared_shells,
)

#: Chebyshev vectors that are multiplied with the shell vectors at a time.
BATCH = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellVectors:
    """Both Hamiltonians and the windows g on the bath, for any number of random vectors.

    ``bath_energy``: (B,) centres of Gaussian windows of standard deviation ``bath_sigma``. ``sigma``: of the edges of
    the shells of H.
    """

    h: Scaled
    bath: Scaled
    system_vectors: np.ndarray
    bath_energy: np.ndarray
    bath_sigma: float
    sigma: float

    @classmethod
    def of(cls, composite: Composite, bath_energy: np.ndarray, *, bath_sigma: float, sigma: float) -> "ShellVectors":
        """Prepare a composite; nothing of the size of a matrix is stored."""
        h, bath = scaled_operator(composite), scaled_operator(composite, "B")
        return cls(
            h=h, bath=bath, system_vectors=system_states(composite).vectors, bath_energy=np.asarray(bath_energy),
            bath_sigma=bath_sigma, sigma=sigma,
        )  # fmt: skip

    @property
    def memory(self) -> int:
        """Bytes that one random vector takes."""
        d_bath = self.bath.operator.dim
        return 8 * d_bath * (2 * (self.bath_energy.size + 1) + BATCH) + 8 * 4 * self.h.operator.dim

    def moments(self, stream: np.random.Generator, progress: Callable[[float], None] = lambda share: None) -> "Moments":
        """Moments of one random bath vector with components +-1; ``progress`` is told the share that is done."""
        require_memory(self.memory, "a random vector with its shell vectors", "Use fewer bath energies or a smaller N.")
        d_bath, d_system = self.bath.operator.dim, self.system_vectors.shape[0]
        random = stream.choice((-1.0, 1.0), size=d_bath)
        left = np.concatenate([self._filtered(random), random[None]])
        weight = left[:-1] @ random / d_bath
        degree = self.h.degree(self.sigma)
        table = np.empty((d_system, left.shape[0], degree))
        batch = np.empty((BATCH, d_bath))
        for i, phi in enumerate(np.ascontiguousarray(self.system_vectors.T)):
            recurrence = Recurrence(self.h.operator, np.kron(phi, random)[:, None])
            for n, term in zip(range(degree), recurrence.terms(), strict=False):
                contracted(self.h.operator, term, phi, batch[n % BATCH])
                if (filled := n % BATCH + 1) == BATCH or n == degree - 1:
                    table[i, :, n + 1 - filled : n + 1] = left @ batch[:filled].T / d_bath
                    progress((i * degree + n + 1) / (d_system * degree))
        return Moments(shell=table[:, :-1], trace=table[:, -1].sum(axis=0), weight=weight)

    def _filtered(self, random: np.ndarray) -> np.ndarray:
        """g(eps - H_B) r for every window, (B, D_B)."""
        degree = self.bath.degree(self.bath_sigma)
        series = coefficients(gaussians(quadrature(self.bath.scale, degree), self.bath_energy, self.bath_sigma))
        terms = Recurrence(self.bath.operator, random[:, None]).terms()
        result, batch = np.zeros((self.bath_energy.size, random.size)), np.empty((BATCH, random.size))
        for first in range(0, degree, BATCH):
            part = series[:, first : first + BATCH]
            for row, term in zip(batch[: part.shape[1]], terms, strict=False):
                contracted(self.bath.operator, term, np.ones(1), row)
            result += part @ batch[: part.shape[1]]
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Moments from one random bath vector r, E|r><r| = 1.

    ``shell``: (D_S, B, N) <r|g_b <phi_i|T_n(H)|phi_i>|r>/D_B. ``trace``: (N,) sum_i <phi_i r|T_n(H)|phi_i r>/D_B.
    ``weight``: (B,) <r|g_b|r>/D_B.
    """

    shell: np.ndarray
    trace: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellAverage:
    """Mean distributions over the bath levels near each of B energies.

    ``P``: (D_S, B, S) probability in each of ``shells`` of H, whose ``count`` and mean ``energy`` are seen through the
    same smeared edges. ``smear``: standard deviation of edges and bath window together. ``samples``: (R, D_S, B, S) and
    ``counts``: (R, S) jackknife replicas, each without one random vector; none (R = 0) for an exact average.
    """

    shells: Shells
    P: np.ndarray
    smear: float
    samples: np.ndarray
    counts: np.ndarray


def _edges(extremes: tuple[float, float], width: float) -> np.ndarray:
    """Edges of the shells centred on E_min + m ``width`` that hold the whole spectrum, as in ``shells_of``."""
    lowest, highest = extremes
    return lowest + width * (np.arange(int(np.floor((highest - lowest) / width + 0.5)) + 2) - 0.5)


def _shells(edges: np.ndarray, count: np.ndarray, energy_sum: np.ndarray) -> Shells:
    """Shells with their levels (S,) and sum of level energies (S,); the middle of a shell with next to no level."""
    some = count > 0.5
    mean = np.where(some, energy_sum / np.where(some, count, 1), (edges[1:] + edges[:-1]) / 2)
    energy = np.clip(mean, edges[:-1], edges[1:])
    return Shells(width=edges[1] - edges[0], first=0, edges=edges, energy=energy, count=count)


class Windows:
    """Smeared shells of H as Chebyshev series (S, N), which turn moments into probabilities and counts."""

    def __init__(self, h: Scaled, *, width: float, sigma: float) -> None:
        points = quadrature(h.scale, h.degree(sigma))
        self._edges = _edges(h.extremes, width)
        values = smeared_shells(points, self._edges, sigma)
        self.series, self._energies = coefficients(values), coefficients(values * points)

    def shells(self, trace: np.ndarray, d_bath: int) -> Shells:
        """Levels in each shell and their mean energy from the trace's moments (N,)."""
        return _shells(self._edges, d_bath * self.series @ trace, d_bath * self._energies @ trace)


def shell_average(vectors: ShellVectors, moments: list[Moments], *, width: float) -> ShellAverage:
    """P over shells of ``width`` from two or more random vectors: a ratio of traces, its bias is of order 1/(R D_B)."""
    windows, d_bath = Windows(vectors.h, width=width, sigma=vectors.sigma), vectors.bath.operator.dim
    numerator = np.stack([m.shell @ windows.series.T for m in moments])
    weight, trace = (np.stack([getattr(m, name) for m in moments]) for name in ("weight", "trace"))
    total, norm = numerator.sum(axis=0), weight.sum(axis=0)
    return ShellAverage(
        shells=windows.shells(trace.mean(axis=0), d_bath),
        P=total / norm[:, None],
        smear=float(np.hypot(vectors.sigma, vectors.bath_sigma)),
        samples=(total - numerator) / (norm - weight)[:, None, :, None],
        counts=d_bath * (trace.sum(axis=0) - trace) / (len(moments) - 1) @ windows.series.T,
    )


def smeared_distribution(
    energy: np.ndarray, count: np.ndarray, P: np.ndarray, *, extremes: tuple[float, float], width: float, sigma: float
) -> tuple[Shells, np.ndarray]:
    """What ``Windows`` would show of exact distributions P (..., F) over bins (F,) of ``energy`` and ``count`` levels."""
    edges = _edges(extremes, width)
    windows = smeared_shells(energy, edges, sigma)
    return _shells(edges, windows @ count, windows @ (count * energy)), P @ windows.T


def jackknife_error(samples: np.ndarray) -> np.ndarray:
    """Standard error from jackknife replicas (R, ...), NaN for fewer than two.

    It has R - 1 degrees of freedom: with eight random vectors it is itself uncertain by 27 %.
    """
    r = samples.shape[0]
    if r < 2:
        return np.full(samples.shape[1:], np.nan)
    return np.sqrt((r - 1) * samples.var(axis=0))
