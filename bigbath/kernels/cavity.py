"""Sweeps of the cavity equation: messages on the edges of a matrix, and populations of Green functions."""

import numpy as np
from numba import prange

from bigbath.kernels.compiled import njit


@njit(parallel=True)
def _cavity_sweep(indptr, reverse, weight, bare, rest, damping, old, new, sites, change):  # type: ignore[no-untyped-def]
    for k in prange(bare.size):
        total = rest[k]
        for p in range(indptr[k], indptr[k + 1]):
            total += weight[p] * old[p]
        sites[k] = 1 / (bare[k] - total)
        worst = 0.0
        for p in range(indptr[k], indptr[k + 1]):
            target = 1 / (bare[k] - total + weight[p] * old[p])
            before = old[reverse[p]]
            worst = max(worst, abs(target - before) / abs(target))
            new[reverse[p]] = (1 - damping) * target + damping * before
        change[k] = worst


def cavity_sweep(
    indptr: np.ndarray, reverse: np.ndarray, weight: np.ndarray, bare: np.ndarray, rest: np.ndarray, damping: float,
    old: np.ndarray, new: np.ndarray, sites: np.ndarray,
) -> float:  # fmt: skip
    """One parallel update of all cavity Green functions; returns their largest relative change before damping.

    Edge p = (k, l) of a CSR pattern (n, m edges) carries G_ll with k removed, what arrives at k; ``reverse``: (m,) the
    edge (l, k); ``weight``: (m,) |V_kl|^2; ``bare``: (n,) z - E_k; ``rest``: (n,) self-energy of bonds that are not
    among the edges. ``old``, ``new``: (m,) complex. ``sites``: (n,) gets G_kk. O(m).
    """
    change = np.zeros(bare.size)
    _cavity_sweep(indptr, reverse, weight, bare, rest, damping, old, new, sites, change)
    return float(change.max(initial=0.0))


@njit(parallel=True)
def _memory_sweep(indptr, reverse, weight, B, site_B, source, damping, old, new, sites, change):  # type: ignore[no-untyped-def]
    for k in prange(source.size):
        total = source[k]
        for p in range(indptr[k], indptr[k + 1]):
            total += weight[p] * old[p]
        sites[k] = site_B[k] * total
        worst = 0.0
        for p in range(indptr[k], indptr[k + 1]):
            target = B[reverse[p]] * (total - weight[p] * old[p])
            before = old[reverse[p]]
            worst = max(worst, abs(target - before))
            new[reverse[p]] = (1 - damping) * target + damping * before
        change[k] = worst


def memory_sweep(
    indptr: np.ndarray, reverse: np.ndarray, weight: np.ndarray, B: np.ndarray, site_B: np.ndarray, source: np.ndarray,
    damping: float, old: np.ndarray, new: np.ndarray, sites: np.ndarray,
) -> float:  # fmt: skip
    """One parallel update of Y_l^(k) = B_l^(k) [source_l + sum_(m != k) |V_lm|^2 Y_m^(l)]; its largest change.

    Edges as in ``cavity_sweep``; ``B``: (m,) |G_ll|^2 with k removed; ``site_B``: (n,) |G_kk|^2; ``source``: (n,), with
    what arrives by bonds that are not among the edges. ``old``, ``new``: (m,) real. ``sites``: (n,) gets Y_k. O(m).
    """
    change = np.zeros(source.size)
    _memory_sweep(indptr, reverse, weight, B, site_B, source, damping, old, new, sites, change)
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
def _levy_population_sweep(old, new, Y_old, Y_new, seeds, z, shifts, g, mu, terms, tail, Y_tail):  # type: ignore[no-untyped-def]
    members = old.shape[1]
    for i in prange(2 * members):
        a, state = i // members, seeds[i]
        other = 1 - a
        state, u = _next(state)
        state, v = _next(state)
        level = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v) + shifts[a]
        total, memory, arrival = tail[other], Y_tail[other] + 1 - 2 * a, 0.0
        for _ in range(terms):
            state, u = _next(state)
            state, v = _next(state)
            arrival -= np.log(u)
            strength, partner = arrival ** (-2 / mu) * g * g, np.int64(v * members)
            total += strength * old[other, partner]
            memory += strength * Y_old[other, partner]
        G = 1 / (z - level - total)
        new[a, i - a * members] = G
        Y_new[a, i - a * members] = (G.real**2 + G.imag**2) * memory


def levy_population_sweep(
    old: np.ndarray, new: np.ndarray, Y_old: np.ndarray, Y_new: np.ndarray, seeds: np.ndarray, z: complex,
    shifts: np.ndarray, g: float, mu: float, terms: int, tail: np.ndarray, Y_tail: np.ndarray,
) -> None:  # fmt: skip
    """Replace every member of both populations: G = 1/(z - level - sum_k v_k^2 G_k), Y = |G|^2 (t + sum_k v_k^2 Y_k).

    G_k, Y_k are members of the other level's population, t = 1, -1. ``old``, ``new``: (2, M) complex G; ``Y_old``,
    ``Y_new``: (2, M) real. Levels are normal with unit width about ``shifts`` (2,).
    |v_k| = g Lambda_k^(-1/mu) with the ``terms`` first arrival times Lambda_k of a Poisson process of unit rate;
    ``tail``, ``Y_tail``: (2,) the mean of the rest of each sum over each population. ``seeds``: (2 M,) uint64, one
    random stream a member. O(M terms).
    """
    _levy_population_sweep(old, new, Y_old, Y_new, seeds, z, shifts, g, mu, terms, tail, Y_tail)
