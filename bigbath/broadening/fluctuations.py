"""Fluctuations about the steady state (entropy paper, Eqs. 1, 50-53): exact evolution against the Renyi bound."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

from bigbath.broadening.levels import levels_of_energies
from bigbath.solvers import Eigenstates
from bigbath.solvers.window import TIE

#: Gaps closer than this times ||H|| are equal: their rounding, much less than the distance of accidental ones.
GAP = 1e-13


@dataclass(frozen=True, kw_only=True, eq=False)
class Fluctuation:
    """One observable A in one initial state.

    ``steady``: Tr[A omega]; ``long_time``: Eq. 50 in the limit t -> infinity, exact also where several pairs of levels have
    one gap: the sum over gaps g != 0 of |sum_{E_n - E_m = g} c_n c_m^* A_mn|^2. ``gap_degeneracy``: the largest number of
    pairs with one gap. ``bound``: ||A||^2 exp(-S_2), Eq. 51, which assumes gap_degeneracy = 1 and holds times it otherwise
    (Short, Farrelly 2012). ``renyi2``: S_2.
    """

    steady: float
    long_time: float
    bound: float
    renyi2: float
    gap_degeneracy: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Evolution:
    """A state spread over the levels of H: ``energies`` (k,) ascending, ``amplitudes`` c_n (k,), ``vectors`` (D, k).

    Each level that the state holds has one vector, the state's normalised projection on it: what no choice of basis in a
    multiplet changes. ``tie``: energies and gaps closer than this are equal.
    """

    energies: np.ndarray
    amplitudes: np.ndarray
    vectors: np.ndarray
    tie: float

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
        terms = (self.amplitudes.conj()[:, None] * elements * self.amplitudes[None, :]).ravel()
        gaps = np.subtract.outer(self.energies, self.energies).ravel()
        order = np.argsort(gaps)
        starts = np.flatnonzero(np.diff(gaps[order], prepend=-np.inf) > self.tie)
        beats = np.add.reduceat(terms[order], starts)
        moving = np.abs(gaps[order][starts]) > self.tie
        pairs = np.diff(starts, append=gaps.size)[moving]
        renyi2 = float(-np.log(np.sum(p**2)))
        return Fluctuation(
            steady=float(p @ np.diag(elements).real),
            long_time=float(np.sum(np.abs(beats[moving]) ** 2)),
            bound=float(operator_norm(observable) ** 2 * np.exp(-renyi2)),
            renyi2=renyi2,
            gap_degeneracy=int(pairs.max(initial=1)),
        )


def evolution(states: Eigenstates, initial: np.ndarray, *, tolerance: float = 1e-14) -> Evolution:
    """Spread ``initial`` (D,) over the whole spectrum; states with weight below ``tolerance`` are left out."""
    states.require_complete()
    energies, amplitudes, vectors = [], [], []
    for block in states.blocks:
        local = block.sector.project(initial)
        c = block.vectors.conj().T @ local
        keep = np.abs(c) ** 2 > tolerance
        energies.append(block.energies[keep])
        amplitudes.append(c[keep])
        vectors.append(block.sector.lift(block.vectors[:, keep]))
    energy, c, v = np.concatenate(energies), np.concatenate(amplitudes), np.hstack(vectors)
    order = np.argsort(energy, kind="stable")
    levels = levels_of_energies(energy[order], TIE * states.evidence.norm)
    starts = np.searchsorted(levels.index, np.arange(levels.energy.size))
    projected = np.add.reduceat(v[:, order] * c[order], starts, axis=1)
    norms = np.linalg.norm(projected, axis=0)
    tie = GAP * states.evidence.norm
    return Evolution(energies=levels.energy, amplitudes=norms, vectors=projected / norms, tie=tie)


def operator_norm(observable: sp.csr_array) -> float:
    """||A||, the largest |eigenvalue| of a Hermitian matrix."""
    if observable.shape[0] <= 400:
        return float(np.linalg.norm(observable.toarray(), 2))
    start = np.random.default_rng(0).standard_normal(observable.shape[0])
    return float(np.abs(scipy.sparse.linalg.eigsh(observable, k=1, which="LM", v0=start, return_eigenvectors=False)[0]))


def time_averages(signal: np.ndarray, steady: float) -> np.ndarray:
    """Running averages (1/t) integral of [<A>(tau) - Tr(A omega)]^2, Eq. 50, over equidistant samples (T,)."""
    return np.cumsum((signal - steady) ** 2) / np.arange(1, signal.size + 1)
