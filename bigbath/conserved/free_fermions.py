"""Free fermions: strings that are products of two Majorana operators each, in whatever order, frame or boundary.

Join the strings that anticommute. If this graph is the line graph of another, whose edges are the strings and whose
vertices are Majorana operators, H is quadratic in them (Chapman and Flammia, Quantum 4, 278 (2020)): XX and XY chains,
the Ising chain in a transverse field, with fields at the ends, and their rotations. Strings with the same neighbours
differ by a conserved string and count once.
"""

import numpy as np

from bigbath.conserved.finding import Finding
from bigbath.conserved.sector import Fixed
from bigbath.conserved.words import Words


def is_free(found: Words, sites: int) -> bool:
    """Whether the strings are free fermions; False where none of them anticommute."""
    adjacent = _anticommuting(found, sites)
    return adjacent is not None and bool(adjacent.any()) and is_line_graph(adjacent)


def _anticommuting(found: Words, sites: int) -> np.ndarray | None:
    """(n, n) truth values for strings with different neighbours; None for more than 2 sites + 2 Majoranas have."""
    everything = list(found)
    most = (2 * sites + 2) * (2 * sites + 1) // 2
    if len(everything) > 4 * most:
        return None
    x, z = (np.array([word[i] for word in everything], dtype=np.uint64) for i in (0, 1))
    odd = (np.bitwise_count(x[:, None] & z) + np.bitwise_count(z[:, None] & x)) % 2 == 1
    first = np.unique(np.packbits(odd, axis=1), axis=0, return_index=True)[1] if everything else np.empty(0, int)
    return None if first.size > most else odd[np.ix_(first, first)]


def is_line_graph(adjacent: np.ndarray) -> bool:
    """Whether a graph (n, n) is a line graph (van Rooij and Wilf, 1965).

    No vertex may have three neighbours that are not joined with each other (a claw), and two odd triangles with a
    common edge must be in a complete graph of four. A triangle is odd if some vertex has an odd number of neighbours
    in it.
    """
    for row in adjacent:
        near = np.flatnonzero(row)
        apart = (~adjacent[np.ix_(near, near)]).astype(float)
        np.fill_diagonal(apart, 0)
        if ((apart @ apart) * apart).any():
            return False
    for u, v in np.argwhere(np.triu(adjacent)):
        common = np.flatnonzero(adjacent[u] & adjacent[v])
        odd = common[(adjacent[u] ^ adjacent[v] ^ adjacent[common]).any(axis=1)]
        joined = adjacent[np.ix_(odd, odd)].copy()
        np.fill_diagonal(joined, True)
        if not joined.all():
            return False
    return True


def find_free_fermions(found: Words, fixed: Fixed) -> tuple[Finding, ...]:
    """Levels that are sums of independent one-particle energies."""
    if not is_free(found, fixed.sites):
        return ()
    return (
        Finding(name="free fermions", sentence="the strings are quadratic in Majorana operators, energies are sums"),
    )
