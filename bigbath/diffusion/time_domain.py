"""Time domain: p_ab(t) exactly and from the propagator by inverse Laplace transform (diffusion paper, Eqs. 2-5, 21)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field

from bigbath.broadening import SystemStates
from bigbath.choice import choice
from bigbath.diffusion.propagator import direct_propagator, pair_sum, projectors
from bigbath.diffusion.theory import level_broadening, two_level_propagator
from bigbath.progress import Report, silent
from bigbath.solvers import Eigenstates

#: Terms of the Fourier series that Wynn's epsilon algorithm extrapolates.
ACCELERATED = 12
#: Arguments (epsilon, kappa) evaluated at a time.
CHUNK = 4000


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Evolution:
    """``p``: (D_S, D_S, T) joint probability of level b at time 0 and a at ``times`` (T,), Eq. 2.

    ``error``: of the numerical transform alone, not of Eq. 5: aliasing and quadrature bound, plus the last change of
    the extrapolated series; 0 for exact evolution.
    """

    times: np.ndarray
    p: np.ndarray
    error: float

    @property
    def autocorrelation(self) -> np.ndarray:
        """<tau^z(t) tau^z> (T,) of a two-level thermometer, Eq. 21."""
        return self.p[0, 0] - self.p[0, 1] - self.p[1, 0] + self.p[1, 1]


def exact_evolution(states: Eigenstates, system: SystemStates, initial: EnergyFilter, times: np.ndarray) -> Evolution:
    """Re Tr[P_a(t) P_b f(H)] from all eigenstates, Eq. 2."""
    trace = initial.trace(states)

    def forward(E: np.ndarray) -> np.ndarray:
        return (initial.unnormalised(E) / trace)[:, None] * np.exp(1j * E[:, None] * times)

    p = pair_sum(states, system, forward, lambda E: np.exp(-1j * E[:, None] * times), projectors(system))
    return Evolution(times=times, p=p.swapaxes(0, 1).real, error=0.0)


def direct_evolution(
    states: Eigenstates, system: SystemStates, initial: EnergyFilter, times: np.ndarray, **options: float
) -> Evolution:
    """p_ab(t) by Eq. 5 from the direct propagator, Eq. 7; ``options`` as for ``evolution``."""

    def propagator(epsilon: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        return direct_propagator(states, system, epsilon, kappa).D

    return evolution(propagator, states, system, initial, times, **options)  # type: ignore[arg-type]


def theory_evolution(
    states: Eigenstates,
    bath: Eigenstates,
    system: SystemStates,
    initial: EnergyFilter,
    times: np.ndarray,
    **options: float,
) -> Evolution:
    """p_ab(t) by Eq. 5 from the diffusion propagator of two levels, Eq. 20; ``options`` as for ``evolution``."""

    def propagator(epsilon: np.ndarray, kappa: np.ndarray) -> np.ndarray:
        local = level_broadening(states, bath, system, epsilon, kappa)
        return two_level_propagator(local.mean_nu, local.mean_B, kappa)

    return evolution(propagator, states, system, initial, times, **options)  # type: ignore[arg-type]


def evolution(
    propagator: Callable[[np.ndarray, np.ndarray], np.ndarray],
    states: Eigenstates,
    system: SystemStates,
    initial: EnergyFilter,
    times: np.ndarray,
    *,
    tolerance: float = 1e-5,
    cutoff: float = 12.0,
    report: Report = silent,
) -> Evolution:
    """p_ab(t) = int d epsilon/(2 pi) N f(epsilon) L^-1[D_ab(epsilon, kappa)](t), Eq. 5 with the 1/N in D.

    ``propagator``: (epsilon (E,), kappa (K,) complex) -> D (D_S, D_S, E, K). The inverse transform is a Fourier series
    on the line Re kappa = sigma with |Im kappa| <= ``cutoff`` (energy units; beyond the largest frequency of p);
    the integral over epsilon is the trapezoidal rule with a step that resolves poles at the distance sigma/2.
    ``times`` > 0.
    """
    line = laplace_line(float(times.max()), tolerance, cutoff)
    sigma = line[0].real
    step = np.pi * sigma / np.log(1 / tolerance)
    reach = initial.width * np.sqrt(2 * np.log(1 / tolerance))
    epsilon = initial.centre + step * np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1)
    N = states.energies.size / system.energies.size
    weight = step / (2 * np.pi) * N * initial.unnormalised(epsilon) / initial.trace(states)
    count = max(1, CHUNK // epsilon.size)
    parts = []
    for start in range(0, line.size, count):
        parts.append(np.einsum("abek,e->abk", propagator(epsilon, line[start : start + count]), weight))
        report("inverse Laplace transform", start + count, line.size)
    p, change = inverse_laplace(np.concatenate(parts, axis=-1), line, times)
    return Evolution(times=times, p=p, error=3 * tolerance + change)


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
