"""Propagator without diagonalisation: stochastic trace over the bath, Chebyshev expansion of G (Eq. 7)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bigbath.broadening import SystemStates
from bigbath.diffusion.expansion import Expansion
from bigbath.diffusion.propagator import autocorrelation, grid
from bigbath.operators import Hamiltonian
from bigbath.resources import cores
from bigbath.statistics import standard_error, student


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticPropagator:
    """D_ab and nu~_a from random vectors: samples (R, D_S, D_S, E, K) and (R, D_S, E, K), their means are the estimates."""

    D_samples: np.ndarray
    nu_samples: np.ndarray

    @property
    def D(self) -> np.ndarray:
        """D_ab (D_S, D_S, E, K)."""
        return self.D_samples.mean(axis=0)

    @property
    def nu(self) -> np.ndarray:
        """nu~_a (D_S, E, K)."""
        return self.nu_samples.mean(axis=0)

    @property
    def A_error(self) -> np.ndarray:
        """Error of A (E, K) of a two-level thermometer: three of them are its 99.73 % confidence interval."""
        return error_of_few(autocorrelation(np.moveaxis(self.D_samples, 0, -1)))


def error_of_few(samples: np.ndarray) -> np.ndarray:
    """Error of the mean of few independent samples (..., R): three errors contain it with 99.73 %, as for a Gaussian.

    The standard error times t/3, t Student's quantile for R - 1 degrees of freedom: 1.08 for R = 32, 1.8 for 6.
    NaN for one sample.
    """
    count = samples.shape[-1]
    return standard_error(samples) * (student(count) if count > 1 else np.nan)


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticTrace:
    """What every random vector of one Hamiltonian and grid shares; ``sample`` may run on several threads.

    ``dims`` = (D_S, N).
    """

    expansion: Expansion
    system: SystemStates
    dims: tuple[int, int]
    shape: tuple[int, int]
    seed: int

    @classmethod
    def of(
        cls,
        h: Hamiltonian,
        system: SystemStates,
        epsilon: Sequence[float] | np.ndarray,
        kappa: Sequence[float] | np.ndarray,
        *,
        seed: int = 1,
        tolerance: float = 1e-6,
    ) -> "StochasticTrace":
        """For real ``epsilon`` (E,), ``kappa`` (K,); ``tolerance``: truncation error relative to |G|, see ``Expansion``."""
        epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
        expansion = Expansion.of(h, grid(epsilon, kappa)[1], tolerance)
        return cls(expansion=expansion, system=system, dims=h.dims, shape=(epsilon.size, kappa.size), seed=seed)

    def sample(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """D_ab (D_S, D_S, E, K) and nu~_a (D_S, E, K) from random vector ``number``.

        D_ab = (1/N) E |P_b G(epsilon - i kappa/2) |a> (x) |r>|^2 over random signs r on the bath, so that each sample
        conserves probability. Cost: D_S E times (E_max - E_min) ln(1/tolerance) sum_kappa 1/kappa products with H.
        """
        levels, N = self.dims
        r = np.random.default_rng([self.seed, number]).choice((-1.0, 1.0), N)
        D, nu = np.empty((levels, levels, *self.shape)), np.empty((levels, *self.shape))
        for a in range(levels):
            start = np.kron(self.system.vectors[:, a], r)
            u = self.expansion.apply(start)
            nu[a] = 2 * (start.conj() @ u).imag.reshape(self.shape) / N
            for b in range(levels):
                part = np.tensordot(self.system.vectors[:, b].conj(), u.reshape(levels, N, -1), axes=1)
                D[a, b] = np.sum(np.abs(part) ** 2, axis=0).reshape(self.shape) / N
        return D, nu

    def propagator(self, samples: Sequence[tuple[np.ndarray, np.ndarray]]) -> StochasticPropagator:
        """Estimates from what ``sample`` gave for several vectors."""
        D, nu = (np.array(values) for values in zip(*samples, strict=True))
        return StochasticPropagator(D_samples=D, nu_samples=nu)


def stochastic_propagator(
    h: Hamiltonian,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    *,
    vectors: int = 32,
    seed: int = 1,
    tolerance: float = 1e-6,
) -> StochasticPropagator:
    """D_ab and nu~_a of a grid of real ``epsilon`` (E,), ``kappa`` (K,) from products with H alone."""
    trace = StochasticTrace.of(h, system, epsilon, kappa, seed=seed, tolerance=tolerance)
    with ThreadPoolExecutor(cores()) as pool:
        return trace.propagator(list(pool.map(trace.sample, range(vectors))))
