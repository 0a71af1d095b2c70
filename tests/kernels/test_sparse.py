"""Chebyshev steps with a matrix against the recurrence in dense NumPy."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.operators import MatrixOperator, Scale


@st.composite
def hermitian(draw):
    """A random Hermitian matrix: any number of rows and entries, rows without entries, sparse or dense, real or complex."""
    dim, is_complex = draw(st.integers(1, 90)), draw(st.booleans())
    stream = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    matrix = stream.normal(size=(dim, dim)) * (stream.random((dim, dim)) < draw(st.sampled_from([0.0, 0.05, 0.3, 1.0])))
    if is_complex:
        matrix = matrix * np.exp(1j * stream.normal(size=(dim, dim)))
    matrix[stream.random(dim) < 0.2] = 0
    matrix = (matrix + matrix.conj().T) / np.sqrt(dim)
    return matrix, draw(st.booleans()), draw(st.integers(1, 4)), stream


@settings(max_examples=60, deadline=None)
@given(hermitian())
def test_steps_sums_and_products(case):
    matrix, is_dense, columns, stream = case
    dim, scale = len(matrix), Scale(centre=0.3, halfwidth=5.0)
    operator = MatrixOperator(matrix if is_dense else sp.csr_array(matrix), scale, columns)
    twice = 2 / scale.halfwidth * (matrix - scale.centre * np.eye(dim))

    def block():
        real, imaginary = stream.normal(size=(2, dim, columns))
        return real + 1j * imaginary if operator.dtype.kind == "c" else real

    for count, weights in ((1, np.empty(0)), (3, np.empty(0)), (6, stream.normal(size=6))):
        v0, v1, expected = block(), block(), np.zeros((dim, columns), operator.dtype)
        storages = low, high, total = operator.zeros(3)
        operator.put(low, v0)
        operator.put(high, v1)
        np.testing.assert_array_equal(operator.get(low), v0)
        np.testing.assert_allclose(operator.dot(low, high), np.vecdot(v0, v1, axis=0).real, atol=1e-12)
        operator.steps(low, high, total, weights, count)
        for step in range(count):
            if weights.size:
                expected += weights[step] * v0
            v0, v1 = v1, twice @ v1 - v0
        if count % 2:
            low, high = high, low
        for storage, vectors in ((low, v0), (high, v1), (total, expected)):
            np.testing.assert_allclose(operator.get(storage), vectors, atol=1e-12)
        for storage in storages:  # nothing was written to the padding
            operator.put(storage, np.zeros((dim, columns)))
            assert not storage.any()
    vectors = stream.normal(size=(dim, 3))
    np.testing.assert_allclose(operator.product(vectors), matrix @ vectors, atol=1e-12)
