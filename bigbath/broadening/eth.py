"""The smooth functions of the eigenstate thermalization hypothesis (entropy paper, Eqs. 13, 15)."""

from dataclasses import dataclass

import numpy as np

from bigbath.broadening.density_of_states import DensityOfStates
from bigbath.broadening.interaction import Interaction


@dataclass(frozen=True, kw_only=True, eq=False)
class EthFunction:
    """ETH form of one bath operator O: O_{mu nu} = O(eps) delta_{mu nu} + e^{-S/2} f(eps+, delta) R_{mu nu}.

    ``energy_edges``: (E+1,) of eps+ = (eps_mu + eps_nu)/2; ``delta_edges``: (D+1,) of delta = eps_mu - eps_nu.
    ``f2``: (E, D) f^2 = e^{S(eps+)} x mean of |O_{mu nu}|^2 over all pairs mu != nu in the cell, of either parity; NaN where
    there is none. ``count``: (E, D) pairs. ``kurtosis``: (E, D) <|R|^4>/<|R|^2>^2 over the pairs that do not vanish by
    symmetry, 3 for Gaussian R. ``diagonal_mean``, ``diagonal_spread``: (E,) mean and standard deviation of O_{mu mu}.
    """

    energy_edges: np.ndarray
    delta_edges: np.ndarray
    f2: np.ndarray
    count: np.ndarray
    kurtosis: np.ndarray
    diagonal_mean: np.ndarray
    diagonal_spread: np.ndarray


def eth_function(
    v: Interaction, i: int, j: int, density: DensityOfStates, *, energy_edges: np.ndarray, delta_edges: np.ndarray
) -> EthFunction:
    """ETH functions of O_ij = <phi_i|V|phi_j> (rows i, j of H_S counted from 0), Eq. 13.

    ``density``: the bath's density of states. Each pair of bath states is visited once.
    """
    energies = v.bath.energies
    shape = (energy_edges.size - 1, delta_edges.size - 1)
    total, square, coupled = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    diagonal = np.zeros(energies.size)
    for rows, columns, elements in v.blocks():
        o = np.einsum("a,amn->mn", v.system[:, i, j], elements)
        w = np.abs(o) ** 2
        mu, nu = np.nonzero(rows[:, None] == columns[None, :])
        diagonal[rows[mu]] = o[mu, nu].real
        cell, inside = _cells(energies[rows], energies[columns], energy_edges, delta_edges)
        inside[mu, nu] = False
        where, weight = cell[inside], w[inside]
        for accumulator, values in ((total, weight), (square, weight**2), (coupled, None)):
            accumulator += np.bincount(where, values, minlength=total.size).reshape(shape)
    count = np.zeros(shape, dtype=np.int64)
    for start in range(0, energies.size, 1024):
        part = energies[start : start + 1024]
        cell, inside = _cells(part, energies, energy_edges, delta_edges)
        own = np.arange(part.size)
        inside[own, start + own] = False
        count += np.bincount(cell[inside], minlength=count.size).reshape(shape)
    centre = (energy_edges[1:] + energy_edges[:-1]) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        f2 = total / count * np.exp(density.entropy(centre))[:, None]
        kurtosis = square * coupled / total**2
    shell = np.digitize(energies, energy_edges) - 1
    means = np.array([diagonal[shell == s].mean() if np.any(shell == s) else np.nan for s in range(shape[0])])
    spreads = np.array([diagonal[shell == s].std() if np.any(shell == s) else np.nan for s in range(shape[0])])
    return EthFunction(
        energy_edges=energy_edges, delta_edges=delta_edges, f2=f2, count=count, kurtosis=kurtosis,
        diagonal_mean=means, diagonal_spread=spreads,
    )  # fmt: skip


def _cells(
    left: np.ndarray, right: np.ndarray, energy_edges: np.ndarray, delta_edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Flat number of the cell (eps+, delta) of each pair, and whether it lies in one."""
    mean = np.digitize((left[:, None] + right[None, :]) / 2, energy_edges) - 1
    delta = np.digitize(left[:, None] - right[None, :], delta_edges) - 1
    e, d = energy_edges.size - 1, delta_edges.size - 1
    inside = (mean >= 0) & (mean < e) & (delta >= 0) & (delta < d)
    return mean * d + delta, inside
