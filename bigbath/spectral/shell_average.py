"""Shell-averaged distributions P(M; eps, i) from stochastic traces: no eigenstates (entropy paper, Eqs. 2, 31, 32).

Tr[g(eps - H_B) P_i M(H) P_i]/Tr[g(eps - H_B)] is the mean of P^{mu i}(M) over the bath levels near eps, for the energy
shells M of H. For a random bath vector r the shell vectors a_eps = g(eps - H_B) r are made first, all in one recurrence
over H_B; then one recurrence over H from |phi_i> r gives <a_eps|<phi_i|T_n(H)|phi_i>|r> for all eps. That is D_S N
products with H a random vector for N moments; the doubling 2 T_m T_n = T_m+n + T_m-n would need both ends of the matrix
element: N/2 products for every eps and i. In a sector of charges M, i and eps fix the charge of the bath levels, and all
traces are over the sector (``products``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from bigbath.broadening.shells import Shells
from bigbath.chebyshev import Recurrence
from bigbath.compact import Compact
from bigbath.models import Composite
from bigbath.resources import require_memory
from bigbath.spectral.chebyshev import BATCH, Scaled, applied, coefficients, gaussians, quadrature, smeared_shells
from bigbath.spectral.products import Branches, ProductStates, product_states


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ShellVectors(Compact):
    """Both Hamiltonians and the windows g on the bath, for any number of random vectors.

    ``branches``: all D_S of them, together where they share a space of bath states. ``bath_energy``: (B,) centres of
    Gaussian windows of standard deviation ``bath_sigma``. ``sigma``: of the edges of the shells of H.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> vectors = bb.ShellVectors.of(bb.draw(bb.Ring(N=7)), np.array([0.0]), bath_sigma=0.5, sigma=0.3)
    >>> vectors.memory > 0
    True
    """

    h: Scaled
    branches: tuple[Branches, ...]
    bath_energy: np.ndarray
    bath_sigma: float
    sigma: float

    @classmethod
    def of(
        cls,
        composite: Composite,
        bath_energy: np.ndarray,
        *,
        bath_sigma: float,
        sigma: float,
        sector: Mapping[str, int] | None = None,
    ) -> "ShellVectors":
        """Prepare a composite; nothing of the size of a matrix is stored where a kernel takes it.

        ``sector``: values of charges, {"magnetisation": 0}. Shells are then those of the sector's levels, and the bath
        levels of branch i those whose charge completes that of phi_i; no vector is longer than the sector. Errors as in
        ``products.product_states``.
        """
        h, branches = product_states(composite, sector)
        return cls(h=h, branches=branches, bath_energy=np.asarray(bath_energy), bath_sigma=bath_sigma, sigma=sigma)

    @property
    def system_dim(self) -> int:
        """D_S."""
        return sum(len(group.numbers) for group in self.branches)

    @property
    def bath_dim(self) -> int:
        """Bath states of the branch that has the fewest."""
        return min(group.bath.operator.dim for group in self.branches)

    @property
    def memory(self) -> int:
        """Bytes that one random vector takes."""
        item, vectors = self.h.operator.dtype.itemsize, 2 * (self.bath_energy.size + 1) + BATCH
        d_bath = max(group.bath.operator.dim for group in self.branches)
        return item * (d_bath * vectors + 4 * self.h.operator.dim)

    def moments(self, stream: np.random.Generator, progress: Callable[[float], None] = lambda share: None) -> "Moments":
        """Moments of one random vector for each space of bath states, components +-1; ``progress`` is told the share done."""
        require_memory(self.memory, "a random vector with its shell vectors", "Use fewer bath energies or a smaller N.")
        degree, d_system, levels = self.h.degree(self.sigma), self.system_dim, self.bath_energy.size
        shell, trace = np.empty((d_system, levels, degree)), np.zeros(degree)
        weight, unit = np.empty((d_system, levels)), self.h.operator.dim / d_system
        for group in self.branches:
            random = stream.choice((-1.0, 1.0), size=group.bath.operator.dim)
            left = np.concatenate([self._filtered(group.bath, random), random[None]]).conj()
            for i, states in zip(group.numbers, group.states, strict=True):
                done = partial(_share, progress, i, d_system)
                table = self._table(left, states, random, done)
                shell[i], weight[i] = table[:-1] / unit, (left[:-1] @ random).real / unit
                trace += table[-1] / unit
        return Moments(shell=shell, trace=trace, weight=weight)

    def _table(
        self, left: np.ndarray, states: ProductStates, random: np.ndarray, progress: Callable[[float], None]
    ) -> np.ndarray:
        """<l|<phi_i|T_n(H)|phi_i>|r> (rows, N) for the rows l of ``left``."""
        degree = self.h.degree(self.sigma)
        table = np.empty((left.shape[0], degree))
        batch = np.empty((BATCH, random.size), dtype=self.h.operator.dtype)
        terms = Recurrence(self.h.operator, states.embedded(random)).terms()
        for n, term in zip(range(degree), terms, strict=False):
            states.contract(term, batch[n % BATCH])
            if (filled := n % BATCH + 1) == BATCH or n == degree - 1:
                table[:, n + 1 - filled : n + 1] = (left @ batch[:filled].T).real
                progress((n + 1) / degree)
        return table

    def _filtered(self, bath: Scaled, random: np.ndarray) -> np.ndarray:
        """g(eps - H_B) r for every window, (B, D_B)."""
        points = quadrature(bath.scale, bath.degree(self.bath_sigma))
        return applied(bath, coefficients(gaussians(points, self.bath_energy, self.bath_sigma)), random)


def _share(progress: Callable[[float], None], done: int, of: int, share: float) -> None:
    """Tell ``progress`` the share of all that ``done`` parts of ``of`` and a ``share`` of the next one are."""
    progress((done + share) / of)


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Moments from random bath vectors r, E|r><r| = 1, one for each space of bath states; d = D/D_S states a branch.

    ``shell``: (D_S, B, N) <r|g_b <phi_i|T_n(H)|phi_i>|r>/d. ``trace``: (N,) sum_i <phi_i r|T_n(H)|phi_i r>/d.
    ``weight``: (D_S, B) <r|g_b|r>/d.
    """

    shell: np.ndarray
    trace: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ShellAverage(Compact):
    """Mean distributions over the bath levels near each of B energies.

    ``P``: (D_S, B, S) probability in each of ``shells`` of H, whose ``count`` and mean ``energy`` are seen through the
    same smeared edges. ``smear``: standard deviation of edges and bath window together. ``samples``: (R, D_S, B, S) and
    ``counts``: (R, S) jackknife replicas, each without one random vector; none (R = 0) for an exact average.

    >>> import bigbath as bb
    >>> import numpy as np
    >>> vectors = bb.ShellVectors.of(bb.draw(bb.Ring(N=7)), np.array([0.0]), bath_sigma=0.5, sigma=0.3)
    >>> average = bb.shell_average(vectors, [vectors.moments(np.random.default_rng(n)) for n in range(2)], width=1.0)
    >>> average.P.shape[:2]
    (2, 1)
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

    def shells(self, trace: np.ndarray, unit: float) -> Shells:
        """Levels in each shell and their mean energy from the trace's moments (N,), which were divided by ``unit``."""
        return _shells(self._edges, unit * self.series @ trace, unit * self._energies @ trace)


def shell_average(vectors: ShellVectors, moments: list[Moments], *, width: float) -> ShellAverage:
    """P over shells of ``width`` from two or more random vectors: a ratio of traces, its bias is of order 1/(R D_B).

    >>> import bigbath as bb
    >>> import numpy as np
    >>> vectors = bb.ShellVectors.of(bb.draw(bb.Ring(N=7)), np.array([0.0, 2.0]), bath_sigma=0.5, sigma=0.3)
    >>> average = bb.shell_average(vectors, [vectors.moments(np.random.default_rng(n)) for n in range(2)], width=1.0)
    >>> average.P.shape[:2]
    (2, 2)
    """
    windows, unit = Windows(vectors.h, width=width, sigma=vectors.sigma), vectors.h.operator.dim / vectors.system_dim
    numerator = np.stack([m.shell @ windows.series.T for m in moments])
    weight, trace = (np.stack([getattr(m, name) for m in moments]) for name in ("weight", "trace"))
    total, norm = numerator.sum(axis=0), weight.sum(axis=0)
    return ShellAverage(
        shells=windows.shells(trace.mean(axis=0), unit),
        P=total / norm[..., None],
        smear=float(np.hypot(vectors.sigma, vectors.bath_sigma)),
        samples=(total - numerator) / (norm - weight)[..., None],
        counts=unit * (trace.sum(axis=0) - trace) / (len(moments) - 1) @ windows.series.T,
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
