"""Charges Q = sum_j w_j sigma^z_j with integer weights, and the configurations that have given values of them."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from bigbath.conserved.charges import Charge

#: Values of several charges.
Values = tuple[int, ...]


def label(charge: Charge) -> str:
    """``magnetisation`` for all sites, ``magnetisation_0_3`` for sites 0 and 3, ``magnetisation_0_m3`` for their difference."""
    if charge.is_whole:
        return "magnetisation"
    parts = [
        ("m" if w < 0 else "") + (f"{abs(w)}x" if abs(w) > 1 else "") + str(j)
        for j, w in enumerate(charge.weights)
        if w
    ]
    return "magnetisation_" + "_".join(parts)


def dimensions(charges: Sequence[Charge], sites: int) -> dict[Values, int]:
    """Number of configurations with each value of the charges that occurs, in descending order of the values."""
    counts: dict[Values, int] = {(0,) * len(charges): 1}
    for site in range(sites):
        longer: dict[Values, int] = defaultdict(int)
        for values, count in counts.items():
            for spin in (1, -1):
                longer[_with(values, charges, site, spin)] += count
        counts = longer
    return dict(sorted(counts.items(), reverse=True))


def configurations(charges: Sequence[Charge], values: Values, sites: int) -> np.ndarray:
    """The configurations (d,) with these values, int64, ascending: site j is bit L-1-j, 0 = up.

    Made site by site from the last one on; what cannot be completed is dropped at once, so that no array is longer
    than the result.
    """
    reachable: list[set[Values]] = [{(0,) * len(charges)}]
    for site in range(sites):
        reachable.append({_with(v, charges, site, spin) for v in reachable[-1] for spin in (1, -1)})
    tails: dict[Values, np.ndarray] = {(0,) * len(charges): np.zeros(1, dtype=np.int64)}
    for site in reversed(range(sites)):
        pieces: dict[Values, list[np.ndarray]] = defaultdict(list)
        for spin, bit in ((1, 0), (-1, np.int64(1) << (sites - 1 - site))):
            for tail, states in tails.items():
                longer = _with(tail, charges, site, spin)
                if tuple(v - t for v, t in zip(values, longer, strict=True)) in reachable[site]:
                    pieces[longer].append(states | bit)
        tails = {tail: np.sort(np.concatenate(parts)) for tail, parts in pieces.items()}
    return tails.get(values, np.empty(0, dtype=np.int64))


def _with(values: Values, charges: Sequence[Charge], site: int, spin: int) -> Values:
    return tuple(v + c.weights[site] * spin for v, c in zip(values, charges, strict=True))
