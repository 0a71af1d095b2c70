"""Chebyshev kernels against NumPy on QuSpin's matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.kernels.chebyshev import diagonal_factors, flip_steps, inside, padded, smallest_sites
from bigbath.models import TFIM, Imbrie, Ring, disorder_stream
from bigbath.operators import Flips, build, flips

DOUBLE = np.dtype(np.float64)


def reference(apply, v0, v1, weights, count):
    """T_{n+count}, T_{n+count+1} and sum_j weights[j] T_{n+j}; apply = 2 H."""
    total = np.zeros_like(v0)
    for step in range(count):
        if weights.size:
            total += weights[step] * v0
        v0, v1 = v1, apply(v1) - v0
    return v0, v1, total


def by_flips(h: Flips, v0, v1, weights, count, dtype=DOUBLE, stored=False):
    work = padded(h.sites, 4, dtype)
    for row, vector in zip(work, (v0, v1, 0 * v0, 2 * h.diagonal), strict=True):
        inside(row)[:] = vector.reshape(inside(row).shape)
    high, low = diagonal_factors(h.sites, {z: 2 * c for z, c in h.fields.items()}, dtype)
    patterns, low = (0, work[3:]) if stored else (len(low), low)
    steps = flip_steps(h.sites, tuple(h.flips), patterns, dtype)
    steps(
        work[0],
        work[1],
        work[:0],
        work[2],
        high,
        low,
        2 * np.array([*h.flips.values()], dtype),
        weights.astype(dtype),
        count,
    )
    low, high = (work[0], work[1]) if count % 2 == 0 else (work[1], work[0])
    assert not np.any(work[:, :, inside(work).shape[-1] :])  # nothing was written to the padding
    return [inside(v).ravel() for v in (low, high, work[2])]


def check(h: Flips, seed: int, dtype=DOUBLE, tolerance=1e-13):
    stream = np.random.default_rng(seed)
    v0, v1 = stream.normal(size=(2, h.dim))
    scale = sum(map(abs, h.flips.values())) + np.abs(h.diagonal).max()
    fields, strings = ({key: c / scale for key, c in part.items()} for part in (h.fields, h.flips))
    h = Flips(sites=h.sites, rotated=h.rotated, fields=fields, flips=strings)
    for stored, count, size in ((False, 1, 0), (True, 4, 0), (False, 6, 6), (True, 6, 6)):
        weights = stream.normal(size=size)
        expected = reference(lambda v: 2 * (h @ v), v0, v1, weights, count)
        for a, b in zip(by_flips(h, v0, v1, weights, count, dtype, stored), expected, strict=True):
            assert np.abs(a - b).max() <= tolerance * 50


@pytest.mark.parametrize("model", [Ring(N=10), Imbrie(L=11), TFIM(L=9), Imbrie(L=6)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-14), (np.dtype(np.float32), 1e-6)])
def test_models(model, dtype, tolerance):
    h = build(model.composite(disorder_stream(1, 0)))
    check(flips(h.terms, h.sites), 0, dtype, tolerance)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.integers(smallest_sites(), 11))
def test_random_strings_with_signs(seed, sites):
    stream = np.random.default_rng(seed)
    x, z = stream.integers(1, 2**sites, 12), stream.integers(0, 2**sites, 12)
    x[6:9] = x[:3]  # several signs of the same flip
    strings = {(int(a), int(b)): float(stream.normal()) for a, b in zip(x, z, strict=True)}
    check(Flips(sites=sites, rotated=frozenset(), fields={0: 0.3, 5: -1.0}, flips=strings), seed)


def test_heisenberg_chain_has_signed_flips():
    sites = 10
    pairs = tuple((1.0, j, j + 1) for j in range(sites - 1))
    h = flips((("xx", pairs), ("yy", pairs), ("zz", pairs)), sites)
    assert any(z for _, z in h.flips)
    check(h, 1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(DOUBLE, 1e-14), (np.dtype(np.float32), 1e-6)])
@pytest.mark.parametrize("straddle", [False, True])
def test_large_vectors_take_two_parts_of_steps_unless_a_flip_joins_them(straddle, dtype, tolerance):
    sites, stream = 17, np.random.default_rng(7)
    lower, upper = stream.integers(1, 2**13, 6), stream.integers(1, 2**4, 6) << 13
    upper[0] += int(straddle)
    x, z = np.concatenate([lower, lower[:2], upper, upper[:2]]), stream.integers(0, 2**sites, 16)
    strings = {(int(a), int(b)): float(stream.normal()) for a, b in zip(x, z, strict=True)}
    check(
        Flips(sites=sites, rotated=frozenset(), fields={0: 0.3, 5: -1.0, 3 << 12: 0.7}, flips=strings),
        1,
        dtype,
        tolerance,
    )
    steps = flip_steps(sites, tuple(strings), 0, dtype)
    assert steps.py_func.__name__ == ("in_one_pass" if straddle else "in_two_parts")


def test_too_few_spins_are_refused():
    with pytest.raises(ValueError, match="fewer"):
        flip_steps(smallest_sites() - 1, ((1, 0),), 1)
