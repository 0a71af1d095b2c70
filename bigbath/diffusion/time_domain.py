"""Time domain: p_ab(t) exactly and from the propagator by inverse Laplace transform (diffusion paper, Eqs. 2-5, 21)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Protocol

import numpy as np
from pydantic import Field
from scipy.special import erfc, ndtr

from bigbath.broadening import SystemStates
from bigbath.choice import choice
from bigbath.diffusion.laplace_table import DirectTable, LaplaceGrid, TheoryTable
from bigbath.diffusion.propagator import operator_elements, pair_sum, projectors
from bigbath.errors import ImpossibleRequest
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates

#: Terms of the Fourier series that Wynn's epsilon algorithm extrapolates.
ACCELERATED = 12
#: Arguments (epsilon, kappa) evaluated at a time.
CHUNK = 4000
#: Edge of a thermal weight, in units of the standard deviation of the levels of H.
EDGE = 1 / 3
#: The Fourier series reaches so far beyond the frequencies of p; cells in which these are counted.
BEYOND, CELLS = 1.5, 4096


class Weight(Protocol):
    """f(H) of the initial state rho = f(H)/Tr f(H), Sec. 2."""

    def unnormalised(self, energy: np.ndarray) -> np.ndarray:
        """f at eigenvalues of H."""

    def trace(self, states: Eigenstates) -> float:
        """Tr f(H)."""

    def sharpest(self, states: Eigenstates) -> float:
        """Width of the narrowest feature of ``smooth``: Eq. 5 takes f as averaged over energies of 1/(2 t)."""

    def smooth(self, states: Eigenstates, tolerance: float) -> "Smooth":
        """f continued to energies that are no eigenvalues."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Smooth:
    """f(epsilon) on ``lower`` <= epsilon <= ``upper``, beyond which it is below the tolerance."""

    f: Callable[[np.ndarray], np.ndarray]
    lower: float
    upper: float


@choice
class EnergyFilter:
    """Initial state f(H) = exp[-(H - centre)^2 / (2 width^2)] / Tr: the well-defined energy of Sec. 2."""

    centre: float
    width: Annotated[float, Field(gt=0)]

    def unnormalised(self, energy: np.ndarray) -> np.ndarray:
        """exp[-(E - centre)^2 / (2 width^2)]."""
        return np.exp(-0.5 * ((energy - self.centre) / self.width) ** 2)

    def trace(self, states: Eigenstates) -> float:
        """Sum of ``unnormalised`` over all states."""
        return float(self.unnormalised(states.energies).sum())

    def sharpest(self, states: Eigenstates) -> float:
        """The width itself."""
        return self.width

    def smooth(self, states: Eigenstates, tolerance: float) -> Smooth:
        """``unnormalised`` at any energy."""
        reach = self.width * np.sqrt(2 * np.log(1 / tolerance))
        return Smooth(f=self.unnormalised, lower=self.centre - reach, upper=self.centre + reach)


@choice
class ThermalWeight:
    """Initial state exp(-beta H)/Z, Eq. 21. ``edge``: width over which the weight falls to zero outside the spectrum,
    by default a third of the standard deviation of the levels of H.

    Eq. 21 needs exp(-beta epsilon) only where H has levels; beyond them it would grow without bound. The paper's Z is
    the integral of nu(epsilon) exp(-beta epsilon) with N nu(epsilon) the density of all states, D_S N of them.
    """

    beta: float
    edge: Annotated[float, Field(gt=0)] | None = None

    def unnormalised(self, energy: np.ndarray) -> np.ndarray:
        """exp(-beta E)."""
        return np.exp(-self.beta * energy)

    def trace(self, states: Eigenstates) -> float:
        """Z."""
        return float(self.unnormalised(states.energies).sum())

    def sharpest(self, states: Eigenstates) -> float:
        """The width of the edges."""
        return EDGE * float(states.energies.std()) if self.edge is None else self.edge

    def smooth(self, states: Eigenstates, tolerance: float) -> Smooth:
        """exp(-beta epsilon) inside the spectrum of H, to ``tolerance``, and Gaussian edges outside."""
        edge = self.sharpest(states)
        reach = edge * np.sqrt(2 * np.log(1 / tolerance))
        lower, upper = states.energies[0] - reach, states.energies[-1] + reach

        def f(epsilon: np.ndarray) -> np.ndarray:
            inside = ndtr((epsilon - lower) / edge) * ndtr((upper - epsilon) / edge)
            return self.unnormalised(epsilon) * inside

        return Smooth(f=f, lower=float(lower - reach), upper=float(upper + reach))


@dataclass(frozen=True, kw_only=True, eq=False)
class Evolution:
    """``p``: (D_S, D_S, T) joint probability of level b at time 0 and a at ``times`` (T,), Eq. 2.

    ``error``: (T,) bound of the difference from Eq. 2 of every p_ab, for the propagator that was put in: 0 for exact
    evolution; by Eq. 5 with the exact propagator it bounds the difference from the exact p_ab; with a theory's, all but
    the error of the theory. ``heisenberg``: 2 pi over the mean level spacing; later values follow single levels.
    """

    times: np.ndarray
    p: np.ndarray
    error: np.ndarray
    heisenberg: float

    @property
    def resolved(self) -> np.ndarray:
        """False (T,) for times after the Heisenberg time, where a theory of smooth densities means nothing."""
        return self.times <= self.heisenberg

    @property
    def probability(self) -> np.ndarray:
        """sum_ab p_ab (T,), which is 1; by Eq. 5 its difference from 1 is part of ``error``."""
        return self.p.sum(axis=(0, 1))

    @property
    def autocorrelation(self) -> np.ndarray:
        """<tau^z(t) tau^z> (T,) of a two-level thermometer, Eq. 21; its error is at most 4 ``error``."""
        return autocorrelation_of(self.p)


def autocorrelation_of(p: np.ndarray) -> np.ndarray:
    """<tau^z(t) tau^z> (...) of a two-level thermometer from its joint probabilities p (2, 2, ...), Eq. 21."""
    return p[0, 0] - p[0, 1] - p[1, 0] + p[1, 1]


def exact_evolution(states: Eigenstates, system: SystemStates, initial: Weight, times: np.ndarray) -> Evolution:
    """Re Tr[P_a(t) P_b f(H)] from all eigenstates, Eq. 2."""
    trace = initial.trace(states)

    def forward(E: np.ndarray) -> np.ndarray:
        return (initial.unnormalised(E) / trace)[:, None] * np.exp(1j * E[:, None] * times)

    p = pair_sum(states, system, forward, lambda E: np.exp(-1j * E[:, None] * times), projectors(system))
    return Evolution(
        times=times, p=p.swapaxes(0, 1).real, error=np.zeros(times.size), heisenberg=heisenberg(states, initial)
    )


def heisenberg(states: Eigenstates, initial: Weight) -> float:
    """2 pi over the mean level spacing in the state f(H): 2 pi times the mean of the density of states, N_eff/width."""
    weights = initial.unnormalised(states.energies) / initial.trace(states)
    mean = weights @ states.energies
    width = np.sqrt(weights @ (states.energies - mean) ** 2)
    return float(2 * np.pi / (weights @ weights) / (2 * np.sqrt(np.pi) * width))


def direct_evolution(
    states: Eigenstates,
    system: SystemStates,
    initial: Weight,
    times: np.ndarray,
    *,
    tolerance: float = 1e-5,
    cutoff: float | None = None,
    report: Report = silent,
) -> Evolution:
    """p_ab(t) by Eq. 5 from the direct propagator, Eq. 7; options as for ``evolution``."""
    grid = laplace_grid(states, system, initial, times, tolerance, cutoff)
    table = DirectTable.of(grid, states, system, report)
    return _on_grid(table, grid, states, system, initial, times, tolerance, report)


def theory_evolution(
    states: Eigenstates,
    bath: Eigenstates,
    system: SystemStates,
    initial: Weight,
    times: np.ndarray,
    *,
    tolerance: float = 1e-5,
    cutoff: float | None = None,
    report: Report = silent,
) -> Evolution:
    """p_ab(t) by Eq. 5 from the diffusion propagator of two levels, Eq. 20; options as for ``evolution``."""
    grid = laplace_grid(states, system, initial, times, tolerance, cutoff)
    table = TheoryTable.of(grid, states, bath, system, report)
    return _on_grid(table, grid, states, system, initial, times, tolerance, report)


def evolution(
    propagator: Callable[[np.ndarray, np.ndarray], np.ndarray],
    states: Eigenstates,
    system: SystemStates,
    initial: Weight,
    times: np.ndarray,
    *,
    tolerance: float = 1e-5,
    cutoff: float | None = None,
    report: Report = silent,
) -> Evolution:
    """p_ab(t) = int d epsilon/(2 pi) N f(epsilon) L^-1[D_ab(epsilon, kappa)](t), Eq. 5 with the 1/N in D.

    ``propagator``: (epsilon (E,), kappa (K,) complex) -> D (D_S, D_S, E, K). The inverse transform is a Fourier series
    on the line Re kappa = sigma with |Im kappa| <= ``cutoff`` (energy units), by default ``BEYOND`` times
    ``largest_frequency``;
    the integral over epsilon is the trapezoidal rule with a step that resolves poles at the distance sigma/2.
    ImpossibleRequest for ``times`` before ``earliest``: Eq. 5 starts from 0, not from 1, and has forgotten that only then.
    """
    grid = laplace_grid(states, system, initial, times, tolerance, cutoff)
    return _on_grid(propagator, grid, states, system, initial, times, tolerance, report)


def _on_grid(
    propagator: Callable[[np.ndarray, np.ndarray], np.ndarray],
    grid: LaplaceGrid,
    states: Eigenstates,
    system: SystemStates,
    initial: Weight,
    times: np.ndarray,
    tolerance: float,
    report: Report,
) -> Evolution:
    """``evolution`` with a given ``grid``."""
    smooth = initial.smooth(states, tolerance)
    epsilon, line, step, sigma = grid.epsilon, grid.line, grid.step, grid.line[0].real
    N, trace = states.energies.size / system.energies.size, initial.trace(states)
    weight = step / (2 * np.pi) * N * smooth.f(epsilon) / trace
    count = max(1, CHUNK // epsilon.size)
    parts = []
    for start in range(0, line.size, count):
        parts.append(np.einsum("abek,e->abk", propagator(epsilon, line[start : start + count]), weight))
        report("inverse Laplace transform", start + count, line.size)
    p, change = inverse_laplace(np.concatenate(parts, axis=-1), line, times)
    blurred = N / trace * np.abs(smooth.f(epsilon)).max() * erfc(np.sqrt(2) * times * initial.sharpest(states))
    lost = np.abs(p.sum(axis=(0, 1)) - 1)
    numerical = 3 * tolerance * np.exp(sigma * times) + change
    error = np.maximum(numerical + blurred, lost) + filter_variation(states, system, initial, smooth)
    return Evolution(times=times, p=p, error=error, heisenberg=heisenberg(states, initial))


def laplace_grid(
    states: Eigenstates,
    system: SystemStates,
    initial: Weight,
    times: np.ndarray,
    tolerance: float,
    cutoff: float | None,
) -> LaplaceGrid:
    """Energies and Laplace variables of ``evolution``; ImpossibleRequest for ``times`` before ``earliest``."""
    first = earliest(initial, states)
    if times.min() < first:
        raise ImpossibleRequest(
            f"Eq. 5 holds from t = 2/width = {first:g} on, not at t = {times.min():g}: take later times, a wider initial"
            " state, or exact_evolution, which has no such limit"
        )
    if cutoff is None:
        cutoff = BEYOND * largest_frequency(states, system, initial, tolerance)
    smooth = initial.smooth(states, tolerance)
    line = laplace_line(float(times.max()), tolerance, cutoff)
    step = np.pi * line[0].real / np.log(1 / tolerance)
    count = int(np.ceil((smooth.upper - smooth.lower) / step))
    return LaplaceGrid(epsilon=smooth.lower + step * np.arange(count + 1), line=line, step=step)


def earliest(initial: Weight, states: Eigenstates) -> float:
    """2/width, before which the average of f over 1/(2 t) that Eq. 5 takes is no longer f: they differ by erfc(sqrt(2) t width)."""
    return 2 / initial.sharpest(states)


def largest_frequency(states: Eigenstates, system: SystemStates, initial: Weight, tolerance: float) -> float:
    """The frequency E_m - E_n above which only the share ``tolerance`` of p lies: of sum_mn sum_a |<m|P_a|n>|^2 [f(E_m) + f(E_n)].

    Energy units; exact to the spectrum's width over ``CELLS``.
    """
    width = float(states.energies.max() - states.energies.min())
    weight = np.zeros(CELLS)
    for E_m, E_n, O in operator_elements(states, system, projectors(system)):  # noqa: E741
        share = initial.unnormalised(E_m)[:, None] + initial.unnormalised(E_n)
        share = share * sum(np.abs(o) ** 2 for o in O)
        weight += np.histogram(np.abs(E_m[:, None] - E_n), CELLS, (0, width), weights=share)[0]
    beyond = weight[::-1].cumsum()[::-1]
    return width / CELLS * float(np.sum(beyond > tolerance * beyond[0]))


def filter_variation(states: Eigenstates, system: SystemStates, initial: Weight, smooth: Smooth) -> float:
    """Largest difference of any p_ab at any time between f(E_m), Eq. 2, and f((E_m + E_n)/2), which Eq. 5 takes.

    Bounded by sum_mn |<n|P_a|m> <m|P_b|n>| |[f(E_m) + f(E_n)]/2 - f((E_m + E_n)/2)|.
    """
    levels = system.energies.size
    bound = np.zeros((levels, levels))
    for E_m, E_n, O in operator_elements(states, system, projectors(system)):  # noqa: E741
        middle = smooth.f((E_m[:, None] + E_n) / 2)
        off = np.abs((initial.unnormalised(E_m)[:, None] + initial.unnormalised(E_n)) / 2 - middle)
        size = [np.abs(o) for o in O]
        bound += [[np.sum(x * y * off) for y in size] for x in size]
    return float(bound.max() / initial.trace(states))


def laplace_line(longest: float, tolerance: float, cutoff: float) -> np.ndarray:
    """kappa_n = sigma + i pi n/T (K,) with T = 3/2 longest time and aliasing exp(-2 sigma T) = tolerance."""
    T = 1.5 * longest
    sigma = np.log(1 / tolerance) / (2 * T)
    return sigma + 1j * np.pi / T * np.arange(int(np.ceil(cutoff * T / np.pi)) + 2 * ACCELERATED + 1)


def inverse_laplace(F: np.ndarray, line: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, float]:
    """Real f(t) (..., T) from F (..., K) on a ``laplace_line``, and the largest last change of the extrapolation.

    Fourier series with Wynn's epsilon algorithm on its last partial sums (Crump, J. ACM 23, 89 (1976)). For bounded f
    the aliasing error is exp(-2 sigma T) sup|f|.
    """
    spacing = line[1].imag
    terms = F[..., None, :] * np.exp(1j * line.imag * times[:, None])
    terms[..., 0] /= 2
    sums = np.cumsum(terms, axis=-1)[..., -(2 * ACCELERATED + 1) :]
    scale = np.exp(line[0].real * times) * spacing / np.pi
    older, newer = np.zeros_like(sums), sums
    estimates = []
    for column in range(2 * ACCELERATED):
        difference = newer[..., 1:] - newer[..., :-1]
        difference[np.abs(difference) < 1e-300] = 1e-300
        older, newer = newer, older[..., 1 : difference.shape[-1] + 1] + 1 / difference
        if column % 2:
            estimates.append(newer[..., -1].real * scale)
    changes = np.array([np.abs(b - a) for a, b in pairwise(estimates)])
    best = changes.argmin(axis=0)[None] + 1  # rounding spoils the last columns once the series has converged
    return np.take_along_axis(np.array(estimates), best, axis=0)[0], float(changes.min(axis=0).max())
