"""Sweeps of the cavity equation: messages on the edges of a matrix, and populations of Green functions."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit


@njit(parallel=True)
def _cavity_sweep(indptr, reverse, weight, levels, z, damping, old, new, sites, change):  # type: ignore[no-untyped-def]
    for k in prange(levels.size):
        total = 0j
        for p in range(indptr[k], indptr[k + 1]):
            total += weight[p] * old[reverse[p]]
        sites[k] = 1 / (z - levels[k] - total)
        worst = 0.0
        for p in range(indptr[k], indptr[k + 1]):
            target = 1 / (z - levels[k] - total + weight[p] * old[reverse[p]])
            worst = max(worst, abs(target - old[p]) / abs(target))
            new[p] = (1 - damping) * target + damping * old[p]
        change[k] = worst


def cavity_sweep(
    indptr: np.ndarray, reverse: np.ndarray, weight: np.ndarray, levels: np.ndarray, z: complex, damping: float,
    old: np.ndarray, new: np.ndarray, sites: np.ndarray,
) -> float:  # fmt: skip
    """One parallel update of all cavity Green functions; returns their largest relative change before damping.

    Edge p = (k -> l) of a CSR pattern (n, m edges) carries G_kk with l removed; ``reverse``: (m,) the edge (l -> k);
    ``weight``: (m,) |V_kl|^2; ``levels``: (n,). ``old``, ``new``: (m,) complex. ``sites``: (n,) gets G_kk. O(m).
    """
    change = np.zeros(levels.size)
    _cavity_sweep(indptr, reverse, weight, levels, z, damping, old, new, sites, change)
    return float(change.max(initial=0.0))


@njit()
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64 (Steele, Lea, Flood 2014): next state, and a uniform number in (0, 1)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    x = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return state, (np.float64(x >> np.uint64(11)) + 0.5) / 9007199254740992.0


@njit(parallel=True)
def _levy_population_sweep(old, new, seeds, z, shifts, g, mu, terms, tail):  # type: ignore[no-untyped-def]
    members = old.shape[1]
    for i in prange(2 * members):
        a, state = i // members, seeds[i]
        other = 1 - a
        state, u = _next(state)
        state, v = _next(state)
        level = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v) + shifts[a]
        total, arrival = tail[other], 0.0
        for _ in range(terms):
            state, u = _next(state)
            state, v = _next(state)
            arrival -= np.log(u)
            total += arrival ** (-2 / mu) * g * g * old[other, np.int64(v * members)]
        new[a, i - a * members] = 1 / (z - level - total)


def levy_population_sweep(
    old: np.ndarray, new: np.ndarray, seeds: np.ndarray, z: complex, shifts: np.ndarray, g: float, mu: float,
    terms: int, tail: np.ndarray,
) -> None:  # fmt: skip
    """Replace every member of both populations: G = 1/(z - level - sum_k v_k^2 G_k), G_k from the other one.

    ``old``, ``new``: (2, M) complex. Levels are normal with unit width about ``shifts`` (2,).
    |v_k| = g Lambda_k^(-1/mu) with the ``terms`` first arrival times Lambda_k of a Poisson process of unit rate;
    ``tail``: (2,) complex, the mean of the rest of the sum over each population. ``seeds``: (2 M,) uint64, one random
    stream a member. O(M terms).
    """
    _levy_population_sweep(old, new, seeds, z, shifts, g, mu, terms, tail)
