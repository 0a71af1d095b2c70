"""Splitting a space into two sets of sites, against the reshaped vector of all configurations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigbath.conserved.charges import Charge
from bigbath.spaces import Everything, FixedCharges, bipartition
from bigbath.spaces.charges import dimensions


@given(st.integers(0, 10**6), st.integers(2, 8), st.integers(0, 2))
def test_blocks_have_the_singular_values_of_the_padded_vector(seed, L, number):
    stream = np.random.default_rng(seed)
    charges = tuple(Charge(tuple(int(w) for w in stream.integers(-1, 2, L))) for _ in range(number))
    if charges:
        counts = dimensions(charges, L)
        values = list(counts)[int(stream.integers(len(counts)))]
        space = FixedCharges(sites=L, charges=charges, values=values)
    else:
        space = Everything(2**L)
    cut = tuple(int(j) for j in stream.permutation(L)[: int(stream.integers(1, L))])
    v = stream.standard_normal(space.dim)
    blocks = bipartition(space, L, cut)
    assert np.array_equal(np.sort(np.concatenate([b.ravel() for b in blocks])), np.arange(space.dim))
    found = np.concatenate([np.linalg.svd(v[b], compute_uv=False) for b in blocks])
    padded = np.zeros(2**L)
    padded[space.states()] = v
    rest = [j for j in range(L) if j not in cut]
    matrix = padded.reshape((2,) * L).transpose(*cut, *rest).reshape(2 ** len(cut), -1)
    expected = np.linalg.svd(matrix, compute_uv=False)
    found = np.sort(np.append(found, np.zeros(max(0, expected.size - found.size))))[::-1]
    assert np.abs(found[: expected.size] - expected).max() < 1e-12
    assert np.all(found[expected.size :] < 1e-12)
