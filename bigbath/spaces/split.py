"""How the configurations of a space split into two sets of sites, without padding."""

import numpy as np

from bigbath.conserved.charges import Charge
from bigbath.spaces.space import Everything, FixedCharges, Space


def bipartition(space: Space, sites: int, cut: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Numbers of basis states as matrices (d_A, d_B): rows are configurations of the sites in ``cut``, columns the rest's.

    A vector v over the space is the direct sum of the matrices v[block]: one for each value of the charges on ``cut``,
    one in all without charges. Cost: a sort of the space's d states.
    """
    states = space.states()
    rest = tuple(j for j in range(sites) if j not in cut)
    return _blocks(part_of(states, sites, cut), part_of(states, sites, rest))


def system_and_bath(space: Space, d_bath: int) -> tuple[np.ndarray, ...]:
    """The same for the system, whose states are the rows, and the bath of ``d_bath`` states: n = i d_bath + b."""
    return _blocks(*np.divmod(space.states(), d_bath))


def beside(space: FixedCharges, system_sites: int, state: int) -> Space:
    """The bath's configurations that make one of ``space`` together with the configuration ``state`` of the system.

    The charges left to the bath, in its own site numbers; without any, all configurations or none.
    """
    down = [state >> (system_sites - 1 - j) & 1 for j in range(system_sites)]
    sites, left = space.sites - system_sites, dict[Charge, set[int]]()
    for charge, value in zip(space.charges, space.values, strict=True):
        inside = sum(w * (1 - 2 * bit) for w, bit in zip(charge.weights, down, strict=False))
        left.setdefault(Charge(weights=charge.weights[system_sites:]), set()).add(value - inside)
    if any(len(values) > 1 or (not charge.sites and values != {0}) for charge, values in left.items()):
        return Everything(0)
    own = {charge: values.pop() for charge, values in left.items() if charge.sites}
    return FixedCharges(sites=sites, charges=tuple(own), values=tuple(own.values())) if own else Everything(2**sites)


def _blocks(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, ...]:
    """Numbers of states as matrices, from what each is on either side."""
    order = np.lexsort((outside, inside))
    starts = np.flatnonzero(np.diff(inside[order], prepend=-1))
    counts = np.diff(np.append(starts, inside.size))
    # The charges of the rest follow from those of the cut, so that two rows share all of their columns or none
    smallest = outside[order[starts]]
    return tuple(
        order[starts[smallest == key, None] + np.arange(counts[smallest == key][0])] for key in np.unique(smallest)
    )


def schmidt_weights(vectors: np.ndarray, blocks: tuple[np.ndarray, ...]) -> np.ndarray:
    """Squares of the Schmidt coefficients (m, k) of vectors (d, m) over a space that is split into ``blocks``, unordered."""
    return np.concatenate([_weights(vectors[block]) for block in blocks], axis=1)


def _weights(psi: np.ndarray) -> np.ndarray:
    """The same (m, min(d_A, d_B)) of matrices (d_A, d_B, m)."""
    small = psi if psi.shape[0] <= psi.shape[1] else psi.transpose(1, 0, 2)
    stacked = np.moveaxis(small, 2, 0)
    return np.linalg.eigvalsh(stacked @ stacked.conj().transpose(0, 2, 1))


def part_of(states: np.ndarray, sites: int, cut: tuple[int, ...]) -> np.ndarray:
    """Configurations (d,) of the sites in ``cut``, their first site in the highest bit."""
    result = np.zeros_like(states)
    for site in cut:
        result = result << 1 | states >> (sites - 1 - site) & 1
    return result
