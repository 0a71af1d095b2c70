"""Splitting a space into two sets of sites, against the reshaped vector of all configurations."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bigbath.conserved.charges import Charge
from bigbath.spaces import Everything, FixedCharges, beside, bipartition
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


@given(st.data())
def test_bath_states_beside_a_system_state(data):
    """Every configuration of a space is one of the system's with one of the bath's beside it, and there are no others."""
    sites = data.draw(st.integers(2, 7))
    system = data.draw(st.integers(1, sites - 1))
    weights = data.draw(st.lists(st.lists(st.integers(-1, 2), min_size=sites, max_size=sites), min_size=1, max_size=2))
    every = np.arange(2**sites)
    signs = 1 - 2 * (every[:, None] >> np.arange(sites - 1, -1, -1) & 1)
    start = data.draw(st.integers(0, 2**sites - 1))
    values = tuple(int(np.dot(w, signs[start])) for w in weights)
    inside = every[np.all([signs @ w == v for w, v in zip(weights, values, strict=True)], axis=0)]
    space = FixedCharges(sites=sites, charges=tuple(Charge(tuple(w)) for w in weights), values=values)
    for state in range(2**system):
        expected = [n % 2 ** (sites - system) for n in inside if n >> (sites - system) == state]
        assert beside(space, system, state).states().tolist() == expected
