"""Propagator without diagonalisation: stochastic trace over the bath, Chebyshev expansion of G (Eq. 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.broadening import SystemStates
from bigbath.diffusion.propagator import autocorrelation, grid, real_times_complex
from bigbath.hamiltonian import Hamiltonian
from bigbath.progress import Report, silent
from bigbath.solvers.problem import spectral_extremes

#: Chebyshev vectors that are collected before they are added to the sums.
BATCH = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class StochasticPropagator:
    """D_ab, nu~_a and A as means over random vectors: samples (R, D_S, D_S, E, K) and (R, D_S, E, K).

    ``terms``: length of the Chebyshev expansion, whose truncation error is ``tolerance`` relative to |G|.
    """

    epsilon: np.ndarray
    kappa: np.ndarray
    D_samples: np.ndarray
    nu_samples: np.ndarray
    terms: int
    tolerance: float

    @property
    def D(self) -> np.ndarray:
        """D_ab (D_S, D_S, E, K)."""
        return self.D_samples.mean(axis=0)

    @property
    def nu(self) -> np.ndarray:
        """nu~_a (D_S, E, K)."""
        return self.nu_samples.mean(axis=0)

    @property
    def A(self) -> np.ndarray:
        """A (E, K) of a two-level thermometer, Eq. 22."""
        return autocorrelation(self.D)

    @property
    def A_error(self) -> np.ndarray:
        """Standard error of A over the random vectors (E, K); NaN for one vector."""
        samples = autocorrelation(np.moveaxis(self.D_samples, 0, -1))
        count = samples.shape[-1]
        return samples.std(axis=-1, ddof=1) / np.sqrt(count) if count > 1 else np.full(samples.shape[:-1], np.nan)


def stochastic_propagator(
    h: Hamiltonian,
    system: SystemStates,
    epsilon: Sequence[float] | np.ndarray,
    kappa: Sequence[float] | np.ndarray,
    *,
    vectors: int = 4,
    seed: int = 1,
    tolerance: float = 1e-6,
    report: Report = silent,
) -> StochasticPropagator:
    """D_ab and nu~_a of a grid of real ``epsilon`` (E,), ``kappa`` (K,) from products with H alone.

    D_ab = (1/N) E |P_b G(epsilon - i kappa/2) |a> (x) |r>|^2 over random signs r on the bath; one expansion a level and
    vector serves the whole grid and conserves probability in each sample. Cost: ``vectors`` D_S M products with H and
    4 M D E K flops each, M about (E_max - E_min) ln(1/tolerance)/kappa_min; memory 16 D E K bytes.
    """
    epsilon, kappa = np.atleast_1d(epsilon), np.atleast_1d(kappa)
    levels, N = h.dims
    lower = grid(epsilon, kappa)[1]
    expansion = Expansion.of(h, lower, tolerance)
    stream = np.random.default_rng(seed)
    D = np.empty((vectors, levels, levels, lower.size))
    nu = np.empty((vectors, levels, lower.size))
    for sample in range(vectors):
        r = stream.choice((-1.0, 1.0), N)
        for a in range(levels):
            start = np.kron(system.vectors[:, a], r)
            u = expansion.apply(start, report)
            parts = np.einsum("sb,snz->bnz", system.vectors.conj(), u.reshape(levels, N, -1))
            D[sample, a] = np.sum(np.abs(parts) ** 2, axis=1) / N
            nu[sample, a] = 2 * (start.conj() @ u).imag / N
    shape = (epsilon.size, kappa.size)
    return StochasticPropagator(
        epsilon=epsilon,
        kappa=kappa,
        D_samples=D.reshape(*D.shape[:3], *shape),
        nu_samples=nu.reshape(*nu.shape[:2], *shape),
        terms=expansion.coefficients.shape[0],
        tolerance=tolerance,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Expansion:
    """1/(z - H) = sum_n c_n T_n[(H - centre)/half] for arguments z (Z,) off the spectrum; ``coefficients``: (M, Z)."""

    matrix: sp.csr_array | np.ndarray
    centre: float
    half: float
    coefficients: np.ndarray

    @classmethod
    def of(cls, h: Hamiltonian, z: np.ndarray, tolerance: float) -> "Expansion":
        """Expansion to ``tolerance``: c_n ~ (2 - delta_n0) w^n/sqrt(x^2 - 1), w = x - sqrt(x^2 - 1), |w| < 1."""
        lowest, highest = spectral_extremes(h)
        centre, half = (highest + lowest) / 2, 1.01 * (highest - lowest) / 2
        x = (z - centre) / half
        root = np.sqrt(x - 1 + 0j) * np.sqrt(x + 1 + 0j)  # the branch that makes |w| < 1
        w = x - root
        terms = int(np.ceil(np.log(tolerance) / np.log(np.abs(w).max()))) + 1
        coefficients = 2 * w ** np.arange(terms)[:, None] / root / half
        coefficients[0] /= 2
        return cls(matrix=h.matrix, centre=centre, half=half, coefficients=coefficients)

    def scaled(self, vector: np.ndarray) -> np.ndarray:
        """[(H - centre)/half] vector."""
        return (self.matrix @ vector - self.centre * vector) / self.half

    def apply(self, vector: np.ndarray, report: Report = silent) -> np.ndarray:
        """G(z) vector, (D, Z) complex."""
        terms = self.coefficients.shape[0]
        result = np.zeros((vector.size, self.coefficients.shape[1]), dtype=complex)
        old, new = vector, self.scaled(vector)
        for start in range(0, terms, BATCH):
            batch = np.empty((vector.size, min(BATCH, terms - start)), dtype=vector.dtype, order="F")
            for column in range(batch.shape[1]):
                batch[:, column] = old
                old, new = new, 2 * self.scaled(new) - old
            result += real_times_complex(batch, self.coefficients[start : start + BATCH])
            report("Chebyshev expansion", start, terms)
        return result
