"""Sums of Pauli strings as sparse matrices within a space of configurations that they do not leave."""

from collections import defaultdict

import numpy as np
import scipy.sparse as sp

from bigbath.conserved.charges import ladder
from bigbath.conserved.sums import is_real
from bigbath.conserved.words import words
from bigbath.errors import SymmetryError
from bigbath.models.composite import Term
from bigbath.spaces import Space

#: Matrix entries that are collected before they are added up.
LARGEST = 2**24


def matrix_within(space: Space, terms: tuple[Term, ...], sites: int) -> sp.csr_array:
    """Matrix (d, d), float64, or complex128 for complex sums; SymmetryError when the strings lead out of the space.

    The strings are rewritten in sigma^+, sigma^- and sigma^z, of which each keeps the charges by itself. Those with the
    same sigma^+ and sigma^- make one element a state: sigma^+ = |up><down| clears the bits of ``plus``, sigma^- sets those
    of ``minus``, and sigma^z is -1 where its bit is set. Cost: d for each string.
    """
    hops: dict[tuple[int, int], list[tuple[int, complex]]] = defaultdict(list)
    for (plus, minus, z), coupling in ladder(terms, sites).items():
        hops[plus, minus].append((z, coupling))
    states = space.states()
    dtype = np.float64 if is_real(words(terms, sites)) else np.complex128
    total = sp.csr_array((states.size, states.size), dtype=dtype)
    rows, columns, data = [], [], []
    for (plus, minus), strings in hops.items():
        kets = np.flatnonzero((states & (plus | minus)) == plus)
        elements = np.zeros(kets.size, dtype=dtype)
        for z, coupling in strings:
            signs = 1.0 - 2.0 * (np.bitwise_count(states[kets] & z) & 1)
            elements += (coupling if dtype == np.complex128 else coupling.real) * signs
        kets, elements = kets[elements != 0], elements[elements != 0]
        bras = space.index(states[kets] ^ (plus | minus))
        if np.any(bras < 0):
            raise SymmetryError("the Hamiltonian leads out of the sector: a declared charge is not conserved")
        rows.append(bras.astype(np.int32))
        columns.append(kets.astype(np.int32))
        data.append(elements)
        if sum(map(len, data)) > LARGEST:
            total += _csr(rows, columns, data, total)
            rows, columns, data = [], [], []
    total += _csr(rows, columns, data, total)
    total.sum_duplicates()
    total.eliminate_zeros()
    return total


def _csr(rows: list, columns: list, data: list, like: sp.csr_array) -> sp.csr_array:
    if not data:
        return sp.csr_array(like.shape, dtype=like.dtype)
    entries = (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns)))
    return sp.csr_array(sp.coo_array(entries, shape=like.shape))
