"""Entropies of steady states from |V|^2 alone: the closed equations 27-30 with Porter-Thomas fluctuations, nothing fitted.

The sum of e^S p over all initial states is the density of states of H itself. So the closed equations also give the levels
among which each state spreads, and no eigenstate of H is needed.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bigbath.broadening.interaction import Strength
from bigbath.broadening.porter_thomas import renyi2_deficit, shannon_deficit
from bigbath.broadening.self_consistent import Spectra

#: |V|^2 below this share of the largest is rounding.
NOTHING = 1e-24


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedEntropies:
    """Each (M, D_S), nats. ``smooth``: all levels of H, as the observational entropy and Eq. 38; ``own``: only those that V
    couples to the state; ``von_neumann``, ``renyi2``: lower than ``own`` (and its Renyi-2 twin) by the fluctuations.
    """

    smooth: np.ndarray
    own: np.ndarray
    von_neumann: np.ndarray
    renyi2: np.ndarray


def coupled_states(v: Strength) -> np.ndarray:
    """Number (M, D_S) of the set of product states that V couples, directly or through others; sectors of the bath count whole."""
    m, d_system = v.diagonal.shape
    node = np.arange(m * d_system).reshape(m, d_system)
    edges = [np.empty((0, 2), dtype=np.int64)]
    largest = max((float(w.max(initial=0.0)) for *_, w in v.blocks), default=0.0)
    for rows, columns, w in v.blocks:
        for members in (rows, columns):
            edges += [
                np.stack([node[members, i], np.full(members.size, node[members[0], i])], 1) for i in range(d_system)
            ]
        strong = [k for k in range(w.shape[0]) if w[k].max(initial=0.0) > NOTHING * largest]
        coupled = (np.abs(v.weights[strong]) > 0).any(axis=0)
        edges += [
            np.array([[node[rows[0], i], node[columns[0], j]]]) for i, j in zip(*np.nonzero(coupled), strict=True)
        ]
    pairs = np.concatenate(edges)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(node.size, node.size))
    return connected_components(graph, directed=False)[1].reshape(m, d_system)


def predicted_entropies(
    spectra: Spectra, coupled: np.ndarray, freedom: int, count: np.ndarray | None = None
) -> PredictedEntropies:
    """Entropies of all initial states from the solution of Eqs. 27-30.

    ``coupled``: (M, D_S) of ``coupled_states``; ``freedom``: 1 for real H, 2 for complex (``porter_thomas``). ``count``: (M,)
    bath states that each one stands for (``spectral.strength``), None for 1. Smooth spectra are assumed: many levels in
    each width.
    """
    density, step = spectra.density, spectra.step
    levels_of = density if count is None else density * count[:, None, None]
    everything = np.broadcast_to(levels_of.sum(axis=(0, 1)), density.shape)
    flat, label = levels_of.reshape(-1, density.shape[-1]), coupled.ravel()
    number = int(label.max(initial=-1)) + 1
    sums = np.stack([flat[label == c].sum(axis=0) for c in range(number)])
    own = sums[label].reshape(density.shape)

    def spread(levels: np.ndarray) -> np.ndarray:
        ratio = np.where(density > 0, density / np.maximum(levels, 1e-300), 1.0)
        return -np.sum(density * np.log(ratio), axis=-1) * step

    purity = np.sum(np.where(density > 0, density**2 / np.maximum(own, 1e-300), 0.0), axis=-1) * step
    own_entropy = spread(own)
    return PredictedEntropies(
        smooth=spread(everything),
        own=own_entropy,
        von_neumann=own_entropy - shannon_deficit(freedom),
        renyi2=-np.log(purity) - renyi2_deficit(freedom),
    )
