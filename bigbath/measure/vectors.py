"""Eigenvectors in the whole space, a few at a time, each on one rank: for measurements of one state at a time."""

from collections.abc import Callable, Iterator

import numpy as np

from bigbath.solvers import Eigenstates

#: Bytes of whole vectors held at a time.
CHUNK = 2**27


def _whole_vectors(states: Eigenstates) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions (m,) in the concatenated blocks and vectors (D, m): this rank's share of the states.

    Distributed vectors are exchanged so that each rank gets some states whole; no rank ever holds them all.
    """
    comm = states.comm
    ranks, rank = (1, 0) if comm is None else (comm.size, comm.rank)
    before = 0
    for block in states.blocks:
        step = ranks * max(1, CHUNK // (8 * block.sector.whole))
        for start in range(0, block.energies.size, step):
            columns = np.arange(start, min(start + step, block.energies.size))
            slab = block.vectors[:, columns]
            if ranks > 1:
                slab = np.vstack(comm.alltoall([np.ascontiguousarray(slab[:, r::ranks]) for r in range(ranks)]))
            yield before + columns[rank::ranks], block.sector.lift(slab)
        before += block.energies.size


def each_state(states: Eigenstates, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """``function`` of whole vectors (D, m) -> (m, ...), for all states, in the order of ``states.energies``."""
    pieces = [(positions, function(vectors)) for positions, vectors in _whole_vectors(states) if positions.size]
    if states.comm is not None and states.comm.size > 1:
        pieces = [piece for part in states.comm.allgather(pieces) for piece in part]
    if not pieces:
        return np.empty(0)
    values = np.empty((states.order.size, *pieces[0][1].shape[1:]))
    for positions, value in pieces:
        values[positions] = value
    return values[states.order]
