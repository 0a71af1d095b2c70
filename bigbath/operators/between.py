"""Sums of Pauli strings as sparse matrices between two spaces, which they may lead from one to the other."""

import numpy as np
import scipy.sparse as sp

from bigbath.conserved.words import Words
from bigbath.spaces import Space

#: i^n.
_PHASES = (1, 1j, -1, -1j)


def matrix_between(sums: Words, bra: Space, ket: Space) -> sp.csr_array:
    """Elements (bra.dim, ket.dim) of a sum of strings between the configurations of two spaces; complex only where needed.

    What leads out of ``bra`` is left out. Cost: one entry a state of ``ket`` and set of flipped spins. A word (x, z) is
    |s> -> i^(number of y) (-1)^(number of bits of s & z) |s ^ x>, since y = i x z.
    """
    states = ket.states()
    by_flips: dict[int, np.ndarray] = {}
    factors = {(x, z): complex(c) * _PHASES[(x & z).bit_count() % 4] for (x, z), c in sums.items()}
    is_real = all(factor.imag == 0 for factor in factors.values())
    for (x, z), factor in factors.items():
        signs = 1.0 - 2.0 * (np.bitwise_count(states & z) & 1)
        by_flips[x] = by_flips.get(x, 0) + (factor.real if is_real else factor) * signs
    result = sp.csr_array((bra.dim, ket.dim), dtype=float if is_real else complex)
    for x, values in by_flips.items():
        rows = bra.index(states ^ x)
        inside = np.flatnonzero((rows >= 0) & (values != 0))
        result = result + sp.csr_array((values[inside], (rows[inside], inside)), shape=result.shape)
    return result
