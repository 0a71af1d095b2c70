"""Eigenvectors over the configurations of their space, a few at a time, each on one rank: for measurements of single states.

The states of a degenerate level of one sector are an arbitrary basis, which depends on the engine and on rounding. What
is measured of them must not: it is taken of the level as a whole.
"""

from collections.abc import Callable, Iterator

import numpy as np

from bigbath.conserved.words import Words
from bigbath.operators.between import matrix_between
from bigbath.solvers import Eigenstates
from bigbath.solvers.eigenstates import Block, Comm, total
from bigbath.solvers.window import TIE
from bigbath.spaces import Space

#: Bytes of whole vectors held at a time.
CHUNK = 2**27

#: What is measured of vectors (d, m) over a space's configurations: (m, ...).
OfVectors = Callable[[np.ndarray], np.ndarray]


def _whole_vectors(block: Block, columns: np.ndarray, comm: Comm) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Columns (m,) of a block and their vectors over its space: this rank's share of those in ``columns``.

    Distributed vectors are exchanged so that each rank gets some states whole; no rank ever holds them all.
    """
    ranks, rank = (1, 0) if comm is None else (comm.size, comm.rank)
    step = ranks * max(1, CHUNK // (block.vectors.itemsize * block.sector.space.dim))
    for start in range(0, columns.size, step):
        some = columns[start : start + step]
        slab = block.vectors[:, some]
        if ranks > 1:
            slab = np.vstack(comm.alltoall([np.ascontiguousarray(slab[:, r::ranks]) for r in range(ranks)]))
        yield some[rank::ranks], block.sector.expand(slab)


def each_state(states: Eigenstates, prepare: Callable[[Space], OfVectors]) -> np.ndarray:
    """What ``prepare`` makes for a space, of every state (k, ...), in the order of ``states.energies``."""
    pieces, before = [], 0
    for block in states.blocks:
        function = prepare(block.sector.space)
        for columns, vectors in _whole_vectors(block, np.arange(block.energies.size), states.comm):
            if columns.size:
                pieces.append((before + columns, function(vectors)))
        before += block.energies.size
    if states.comm is not None and states.comm.size > 1:
        pieces = [piece for part in states.comm.allgather(pieces) for piece in part]
    if not pieces:
        return np.empty(0)
    values = np.empty((states.order.size, *pieces[0][1].shape[1:]))
    for positions, value in pieces:
        values[positions] = value
    return values[states.order]


def elements_between(states: Eigenstates, operator: Words) -> np.ndarray:
    """<m|O|n> (k, k) of a sum of Pauli strings, in the order of ``states.energies``; every rank has all of them.

    Phases are those of the states as they are. Cost for each pair of sectors that O connects: d k^2.
    """
    comm, k = states.comm, states.order.size
    sizes = [b.energies.size for b in states.blocks]
    starts = np.cumsum([0, *sizes])
    dtype = np.result_type(
        float, *(b.vectors.dtype for b in states.blocks), complex if _is_complex(operator) else float
    )
    values = np.zeros((k, k), dtype=dtype)
    for row, bra in enumerate(states.blocks):
        for column, ket in enumerate(states.blocks):
            matrix = matrix_between(operator, bra.sector.space, ket.sector.space)
            if not matrix.nnz or not sizes[row] or not sizes[column]:
                continue
            here = slice(starts[row], starts[row + 1])
            for columns, vectors in _whole_vectors(ket, np.arange(sizes[column]), comm):
                parts = [(columns, bra.sector.reduce(matrix @ vectors))]
                if comm is not None and comm.size > 1:
                    parts = comm.allgather(parts[0])
                for which, images in parts:
                    slab = bra.vectors.conj().T @ images[bra.rows[0] : bra.rows[1]]
                    values[here, starts[column] + which] = total(slab, comm)
    return values[np.ix_(states.order, states.order)]


def _is_complex(operator: Words) -> bool:
    return any((x & z).bit_count() % 2 for x, z in operator)


def levels(states: Eigenstates) -> np.ndarray:
    """Number of the level of each state (k,), in the order of ``states.energies``; sectors have levels of their own.

    States of one energy in different sectors are told apart by their labels and are not one level here.
    """
    numbers, before = [np.empty(0, dtype=np.int64)], 0
    for block in states.blocks:
        numbers.append(before + np.cumsum(np.diff(block.energies, prepend=-np.inf) > TIE * states.evidence.norm))
        before += block.energies.size
    return np.concatenate(numbers)[states.order]


def multiplicity(states: Eigenstates) -> np.ndarray:
    """Number of states of its sector that share a state's level (k,): 1 for a state that is defined by itself."""
    numbers = levels(states)
    return np.bincount(numbers, minlength=1)[numbers]


def level_mean(states: Eigenstates, values: np.ndarray) -> np.ndarray:
    """Values (k, ...) averaged over each level: traces over it divided by its multiplicity."""
    numbers = levels(states)
    sums = np.zeros((numbers.max(initial=0) + 1, *values.shape[1:]))
    np.add.at(sums, numbers, values)
    return sums[numbers] / multiplicity(states).reshape(-1, *(1,) * (values.ndim - 1))


def degenerate_weights(states: Eigenstates) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each level of several states: where they are in ``states.energies``, and the diagonal (d,) of its projector
    divided by its multiplicity, over the configurations of its space. Every rank has every level.
    """
    place = np.empty_like(states.order)
    place[states.order] = np.arange(states.order.size)
    numbers, before = levels(states)[place], 0
    for block in states.blocks:
        here = numbers[before : before + block.energies.size]
        for number in np.flatnonzero(np.bincount(here, minlength=1) > 1):
            columns = np.flatnonzero(here == number)
            weights = sum(
                (np.abs(vectors) ** 2).sum(axis=1) for _, vectors in _whole_vectors(block, columns, states.comm)
            )
            yield place[before + columns], total(np.asarray(weights), states.comm) / columns.size
        before += block.energies.size
