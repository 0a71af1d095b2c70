"""Which dense blocks the LDL^T factor of a sparse matrix has: order of elimination, columns, ranks that hold them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

#: States in a block, and blocks in a column of the factor.
BLOCK, COLUMN = 64, 2


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPattern:
    """Which blocks the factor of a matrix has. Blocks are named by their place in the order of elimination.

    ``place``: new number of each state, BLOCK to a block. Column j holds the places ``first[j]`` ... ``first[j + 1]``
    and the blocks of rows ``rows[pointer[j]:pointer[j + 1]]``, its own first; ``column``: the column of each place.
    """

    dim: int
    place: np.ndarray
    first: np.ndarray
    pointer: np.ndarray
    rows: np.ndarray
    column: np.ndarray

    @classmethod
    def of(cls, matrix: sp.csr_array) -> "BlockPattern":
        """The pattern of a symmetric matrix. Blocks hold successive states, of one connected component after the other."""
        entries, n = sp.coo_array(matrix), -(-matrix.shape[0] // BLOCK)
        _, component = connected_components(matrix, directed=False)
        number = np.argsort(np.argsort(component, kind="stable"))
        graph = np.zeros((n, n), dtype=bool)
        graph[number[entries.row] // BLOCK, number[entries.col] // BLOCK] = True
        order, later = minimum_degree(graph)
        first = _columns(later)
        pointer = np.cumsum([0] + [1 + later[k].size for k in first])
        rows = np.concatenate([np.concatenate([[k], later[k]]) for k in first])
        first = np.append(first, n)
        return cls(
            dim=matrix.shape[0],
            place=np.argsort(order)[number // BLOCK] * BLOCK + number % BLOCK,
            first=first,
            pointer=pointer,
            rows=rows,
            column=np.repeat(np.arange(first.size - 1), np.diff(first)),
        )

    @cached_property
    def width(self) -> np.ndarray:
        """States in each column."""
        return BLOCK * np.diff(self.first)

    @property
    def room(self) -> int:
        """States in all blocks: the last block may be larger than what is left for it."""
        return BLOCK * self.column.size

    @cached_property
    def sizes(self) -> np.ndarray:
        """Entries of each column."""
        return np.diff(self.pointer) * BLOCK * self.width

    def owners(self, ranks: int) -> np.ndarray:
        """The rank that holds each column: the one with the fewest entries so far."""
        load, owner = np.zeros(ranks, dtype=int), np.empty(self.sizes.size, dtype=int)
        for j, size in enumerate(self.sizes):
            owner[j] = np.argmin(load)
            load[owner[j]] += size
        return owner

    def bytes_per_rank(self, ranks: int) -> int:
        """Memory of the factor's largest share and of the columns that are on their way."""
        shares = np.bincount(self.owners(ranks), self.sizes, minlength=ranks)
        return 8 * int(shares.max() + (1 if ranks == 1 else 2) * self.sizes.max())

    def levels(self) -> list[np.ndarray]:
        """Columns, level by level: none of a level needs another of it, or of a later one."""
        level = np.zeros(self.sizes.size, dtype=int)
        for j, (begin, end) in enumerate(zip(self.pointer[:-1], self.pointer[1:], strict=True)):
            below = np.unique(self.column[self.rows[begin:end]])[1:]
            level[below] = np.maximum(level[below], level[j] + 1)
        return [np.flatnonzero(level == each) for each in range(level.max() + 1)]


def minimum_degree(graph: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Order of elimination of a graph (n, n) of bool, and for each place the later places joined to it, ascending.

    The node with the fewest neighbours goes first; those of a complete graph as they come.
    """
    graph, n = graph.copy(), graph.shape[0]
    np.fill_diagonal(graph, False)
    degree = graph.sum(axis=1)
    order, joined = [], []
    left = np.ones(n, dtype=bool)
    for _ in range(n):
        node = int(np.argmin(np.where(left, degree, n)))
        neighbours = np.flatnonzero(graph[node])
        order.append(node)
        joined.append(neighbours)
        left[node] = False
        graph[:, node] = False
        if neighbours.size == left.sum():
            order.extend(neighbours)
            joined.extend(neighbours[i:] for i in range(1, neighbours.size + 1))
            break
        graph[np.ix_(neighbours, neighbours)] = True
        graph[neighbours, neighbours] = False
        degree[neighbours] = graph[neighbours].sum(axis=1)
    places = np.argsort(order)
    return np.array(order), [np.sort(places[nodes]) for nodes in joined]


def _columns(later: list[np.ndarray]) -> np.ndarray:
    """The first place of each column: successive places with the same rows below them are joined."""
    first = [0]
    for k in range(1, len(later)):
        same = later[k - 1].size == later[k].size + 1 and later[k - 1][0] == k
        if not same or k - first[-1] == COLUMN:
            first.append(k)
    return np.array(first)
