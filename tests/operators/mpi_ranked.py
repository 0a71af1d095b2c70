"""One rank of an MPI run, started by test_ranked_on_ranks.py: steps of rows shared out, against the whole matrix on each rank.

All ranks draw the same examples. Prints "OK <rank>".
"""

import os
import sys

import numpy as np
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpi4py import MPI
from test_ranked import drawn, exchanges, matrix, ring, scale_of

from bigbath.chebyshev import DensityOfStates, lanczos_extremes, random_vectors
from bigbath.operators import Scale
from bigbath.operators.ranked import RankedOperator

COMM = MPI.COMM_WORLD
EXAMPLES = 100 if os.environ.get("BIGBATH_LONG") == "1" else 8
SAME = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def check(h, seed, dtype, split=None):
    """Shares that cover all states, and steps, sums and products of each rank's rows."""
    scale, stream, single = scale_of(h), np.random.default_rng(seed), np.finfo(dtype).eps > 1e-10
    operator, H = RankedOperator(h, scale, dtype, split, COMM), matrix(h)
    shares = COMM.allgather(operator.rows)
    assert [first for first, _ in shares] == [0, *(last for _, last in shares[:-1])]
    assert shares[-1][1] == operator.dim == h.dim
    assert all(first < last for first, last in shares)
    x = 2 / scale.halfwidth * (H - scale.centre * sp.eye_array(h.dim))
    own, tolerance = slice(*operator.rows), 5e-3 if single else 5e-11
    v0, v1, weights = drawn(stream, h.dim, dtype), drawn(stream, h.dim, dtype), stream.normal(size=6)
    low, high, total = operator.zeros(3)
    operator.put(low, v0[own])
    operator.put(high, v1[own])
    operator.steps(low, high, total, weights, 6)
    operator.steps(low, high, total, weights[:0], 1)
    expected = np.zeros_like(v0)
    for step in range(7):
        expected += weights[step] * v0 if step < 6 else 0
        v0, v1 = v1, x @ v1 - v0
    for storage, vector in ((high, v0), (low, v1), (total, expected)):
        assert np.abs(operator.get(storage)[:, 0] - vector[own]).max() <= tolerance
    block = np.column_stack([drawn(stream, h.dim, dtype) for _ in range(2)])
    assert np.abs(operator.product(block[own]) - (H @ block)[own]).max() <= tolerance * scale.halfwidth


def takes(h, dtype, split):
    rows = h.sites - split.right if split else h.sites
    return RankedOperator.takes(h.sites, h.up, dtype, COMM.size) and rows >= COMM.size


@SAME
@given(exchanges(is_complex=False), st.sampled_from([np.float64, np.float64, np.float32]))
def real_bonds(case, dtype):
    h, split, seed = case
    if takes(h, dtype, split):
        check(h, seed, dtype, split)


@SAME
@given(exchanges(is_complex=True))
def complex_bonds(case):
    h, split, seed = case
    if takes(h, np.complex128, split):
        check(h, seed, np.complex128, split)


def recurrences():
    """Random vectors, ends of the spectrum and density of states are those of one process."""
    for h in (ring(11, 5), ring(10, 5, 0.4)):
        alone, shared = (RankedOperator(h, Scale(centre=0.1, halfwidth=9.0), comm=comm) for comm in (None, COMM))
        np.testing.assert_array_equal(random_vectors(alone, (3,))[slice(*shared.rows)], random_vectors(shared, (3,)))
        np.testing.assert_allclose(lanczos_extremes(shared), lanczos_extremes(alone), atol=1e-12)
        moments = [DensityOfStates.sample(operator, (5,)).moments for operator in (alone, shared)]
        np.testing.assert_allclose(*moments, atol=1e-12)
        assert COMM.size == 1 or shared.zeros(1).size < 1.3 / COMM.size * alone.zeros(1).size + 2000


def main():
    assert COMM.size == int(sys.argv[1]), f"{COMM.size} ranks instead of {sys.argv[1]}"
    real_bonds()
    complex_bonds()
    recurrences()
    COMM.Barrier()
    print(f"OK {COMM.rank}", flush=True)


if __name__ == "__main__":
    main()
