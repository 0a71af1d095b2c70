"""Fluctuations about the steady state (entropy paper, Eqs. 1, 50-53): exact evolution against the Renyi bound."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from bigbath.solvers import Eigenstates


@dataclass(frozen=True, kw_only=True, eq=False)
class Fluctuation:
    """One observable A in one initial state.

    ``steady``: Tr[A omega]; ``long_time``: Eq. 50 in the limit t -> infinity, sum_{n != m} p_n p_m |A_nm|^2 (levels and
    gaps without degeneracy among the states that take part); ``bound``: ||A||^2 exp(-S_2), Eq. 51; ``renyi2``: S_2.
    """

    steady: float
    long_time: float
    bound: float
    renyi2: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Evolution:
    """A state spread over eigenstates: ``energies`` (k,), ``amplitudes`` c_n (k,), ``vectors`` (D, k) of those that it holds."""

    energies: np.ndarray
    amplitudes: np.ndarray
    vectors: np.ndarray

    def signal(self, observable: sp.csr_array, times: np.ndarray) -> np.ndarray:
        """<A>(t) (T,) at ``times`` (T,), exact: psi(t) = sum_n c_n e^{-i lambda_n t} psi_n."""
        result = np.empty(times.size)
        for start in range(0, times.size, 64):
            phase = np.exp(-1j * np.outer(self.energies, times[start : start + 64])) * self.amplitudes[:, None]
            psi = self.vectors @ phase
            result[start : start + 64] = np.einsum("dt,dt->t", psi.conj(), observable @ psi).real
        return result

    def fluctuation(self, observable: sp.csr_array) -> Fluctuation:
        """The infinite-time mean square of Tr[A rho(t)] - Tr[A omega] (Eq. 50) and its bound (Eq. 51)."""
        elements = self.vectors.conj().T @ (observable @ self.vectors)
        p = np.abs(self.amplitudes) ** 2
        squared = np.abs(elements) ** 2
        long_time = float(p @ squared @ p - (p**2) @ np.diag(squared))
        renyi2 = float(-np.log(np.sum(p**2)))
        bound = operator_norm(observable) ** 2 * np.exp(-renyi2)
        return Fluctuation(
            steady=float(p @ np.diag(elements).real), long_time=long_time, bound=float(bound), renyi2=renyi2
        )


def evolution(states: Eigenstates, initial: np.ndarray, *, tolerance: float = 1e-14) -> Evolution:
    """Spread ``initial`` (D,) over the whole spectrum; states with weight below ``tolerance`` (other sectors) are left out.

    Levels that are degenerate across sectors do not interfere when the initial state lies in one reflection sector.
    """
    states.require_complete()
    energies, amplitudes, vectors = [], [], []
    for block in states.blocks:
        local = block.sector.project(initial)
        c = block.vectors.conj().T @ local
        keep = np.abs(c) ** 2 > tolerance
        energies.append(block.energies[keep])
        amplitudes.append(c[keep])
        vectors.append(block.sector.lift(block.vectors[:, keep]))
    return Evolution(
        energies=np.concatenate(energies), amplitudes=np.concatenate(amplitudes), vectors=np.hstack(vectors)
    )


def operator_norm(observable: sp.csr_array) -> float:
    """||A||, the largest |eigenvalue| of a Hermitian matrix."""
    if observable.shape[0] <= 400:
        return float(np.linalg.norm(observable.toarray(), 2))
    start = np.random.default_rng(0).standard_normal(observable.shape[0])
    return float(np.abs(scipy.sparse.linalg.eigsh(observable, k=1, which="LM", v0=start, return_eigenvectors=False)[0]))


def time_averages(signal: np.ndarray, steady: float) -> np.ndarray:
    """Running averages (1/t) integral of [<A>(tau) - Tr(A omega)]^2, Eq. 50, over equidistant samples (T,)."""
    return np.cumsum((signal - steady) ** 2) / np.arange(1, signal.size + 1)
