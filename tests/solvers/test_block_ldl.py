"""The factorisation by dense blocks against LAPACK: solutions, inertia, its pattern and how ranks share it."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from support import KINDS, dense, hamiltonian_of, random_model

from bigbath.errors import ImpossibleRequest
from bigbath.kernels.block_update import multiply, subtract
from bigbath.models import TFIM, Imbrie
from bigbath.solvers.block_ldl import BACKWARD, BlockLDL
from bigbath.solvers.block_pattern import BLOCK, BlockPattern, minimum_degree


def random_matrix(n, density, seed):
    """A symmetric sparse matrix; its diagonal is not always stored."""
    stream = np.random.default_rng(seed)
    upper = sp.random_array((n, n), density=density, rng=stream, data_sampler=stream.standard_normal)
    return sp.csr_array(upper + upper.T)


def factorised(matrix, x):
    ldl = BlockLDL(BlockPattern.of(matrix), matrix, None)
    ldl.factorise(x)
    return ldl


def assert_solves(matrix, x, ldl):
    """Inertia is LAPACK's; A y = b to a backward error that is small beside the one asked for."""
    n = matrix.shape[0]
    energies = np.linalg.eigvalsh(matrix.toarray())
    assert ldl.negative == (energies < x).sum()
    assert ldl.zero == 0
    b = np.random.default_rng(1).standard_normal(n)
    y = ldl.solve(b)
    norm = abs(matrix).sum(axis=1).max() + abs(x)
    assert np.linalg.norm(matrix @ y - x * y - b) <= BACKWARD * norm * np.linalg.norm(y)
    exact = np.linalg.solve(matrix.toarray() - x * np.eye(n), b)
    condition = norm / np.abs(energies - x).min()
    assert np.linalg.norm(y - exact) <= 1e-10 * condition * np.linalg.norm(exact)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.floats(0, 0.2), st.integers(0, 2**32), st.floats(-2, 2))
def test_random_matrices(n, density, seed, x):
    matrix = random_matrix(n, density, seed)
    if np.abs(np.linalg.eigvalsh(matrix.toarray()) - x).min() > 1e-9:
        assert_solves(matrix, x, factorised(matrix, x))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_models(kind, seed):
    stream = np.random.default_rng([40, seed])
    matrix = hamiltonian_of(random_model(stream, kind, 10), seed=seed).matrix
    energies = np.linalg.eigvalsh(dense(matrix))
    ldl = BlockLDL(BlockPattern.of(matrix), sp.csr_array(matrix), None)
    for x in stream.uniform(energies[0] - 1, energies[-1] + 1, 4):  # in the same memory
        ldl.factorise(float(x))
        assert_solves(sp.csr_array(matrix), float(x), ldl)
    ldl.close()
    close = float(energies[energies.size // 2]) - 1e-7  # just below a level
    ldl.factorise(close)
    assert ldl.negative == (energies < close).sum()


@pytest.mark.parametrize("n", [64, 200, 640])
def test_pivots_that_are_zero(n):
    """[[0, C], [C^T, 0]] has no pivot but what moved eigenvalues leave; half of its levels are negative."""
    c = np.random.default_rng(n).standard_normal((n, n))
    matrix = sp.csr_array(sp.block_array([[None, sp.csr_array(c)], [sp.csr_array(c.T), None]]))
    ldl = factorised(matrix, 0.0)
    assert ldl.negative == n
    assert_solves(matrix, 0.0, ldl)


def test_levels_at_the_shift_are_counted_as_such():
    matrix = sp.csr_array(sp.diags_array(np.repeat([-1.0, 0.5, 2.0], [100, 3, 97])))
    ldl = factorised(matrix, 0.5)
    assert (ldl.negative, ldl.zero) == (100, 3)
    h = hamiltonian_of(Imbrie(L=7)).matrix
    for n, level in enumerate(np.linalg.eigvalsh(dense(h))[::16]):
        ldl = factorised(sp.csr_array(h), float(level))
        assert (ldl.negative, ldl.zero) in (
            (16 * n, 1),
            (16 * n, 0),
            (16 * n + 1, 0),
        )  # rounding may leave it beside the shift


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_units_do_not_matter(unit):
    matrix = random_matrix(150, 0.3, 7)
    energies = np.linalg.eigvalsh(matrix.toarray())
    ldl = factorised(matrix * unit, 0.3 * unit)
    assert (ldl.negative, ldl.zero) == ((energies < 0.3).sum(), 0)


def test_a_factorisation_that_is_not_accurate_is_done_again(monkeypatch):
    matrix = sp.csr_array(hamiltonian_of(Imbrie(L=8)).matrix)
    ldl = BlockLDL(BlockPattern.of(matrix), matrix, None)
    assert ldl.factorise(0.1) == 1
    moved, error = ldl._q.shape[1], BlockLDL._backward_error
    calls = iter([1.0])
    monkeypatch.setattr(BlockLDL, "_backward_error", lambda self, x: next(calls, error(self, x)))
    assert ldl.factorise(0.1) == 2
    assert ldl._q.shape[1] > moved
    assert_solves(matrix, 0.1, ldl)
    monkeypatch.setattr(BlockLDL, "_backward_error", lambda self, x: np.nan)
    with pytest.raises(ImpossibleRequest, match="is inaccurate"):
        ldl.factorise(0.1)


def test_a_matrix_of_zeros():
    zeros = sp.csr_array((100, 100))
    assert_solves(zeros, 1e-9, factorised(zeros, 1e-9))
    assert factorised(zeros, 0.0).zero == 100


def test_too_many_zero_pivots_are_refused(monkeypatch):
    monkeypatch.setattr("bigbath.solvers.block_ldl.MOST", 100)
    with pytest.raises(ImpossibleRequest, match='use factor = "mumps"'):
        test_pivots_that_are_zero(640)


def eliminated(graph, order):
    """The pattern of the factor by elimination of one node after the other."""
    filled = graph[np.ix_(order, order)] | np.eye(order.size, dtype=bool)
    for k in range(order.size):
        later = np.flatnonzero(filled[k + 1 :, k]) + k + 1
        filled[np.ix_(later, later)] = True
    return filled


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32))
def test_the_order_of_elimination_and_its_pattern(n, density, seed):
    graph = np.random.default_rng(seed).random((n, n)) < density
    graph |= graph.T
    order, later = minimum_degree(graph)
    assert sorted(order) == list(range(n))
    filled = eliminated(graph, order)
    for k in range(n):
        assert list(later[k]) == list(np.flatnonzero(filled[k + 1 :, k]) + k + 1)


@pytest.mark.parametrize("ranks", [1, 2, 3, 8])
def test_every_column_has_one_owner_and_shares_are_even(ranks):
    pattern = BlockPattern.of(hamiltonian_of(Imbrie(L=11)).matrix)
    shares = np.bincount(pattern.owners(ranks), pattern.sizes, minlength=ranks)
    assert shares.sum() == pattern.sizes.sum()
    assert shares.max() - shares.min() <= pattern.sizes.max()
    columns = (1 if ranks == 1 else 2) * pattern.sizes.max()
    assert pattern.bytes_per_rank(ranks) == 8 * (shares.max() + columns)


def test_columns_of_a_level_do_not_need_each_other():
    pattern = BlockPattern.of(hamiltonian_of(Imbrie(L=10)).matrix)
    levels = pattern.levels()
    assert sorted(np.concatenate(levels)) == list(range(pattern.sizes.size))
    for i, level in enumerate(levels):
        earlier = np.concatenate(levels[: i + 1])
        for j in level:
            below = pattern.rows[pattern.pointer[j] + pattern.width[j] // BLOCK : pattern.pointer[j + 1]]
            assert not np.isin(pattern.column[below], earlier).any()


def test_single_flips_fill_a_quarter_and_pairs_of_flips_four_fifths():
    """What the module's cost law says."""
    for model, low, high in ((Imbrie(L=11), 0.25, 0.37), (TFIM(L=11), 0.75, 0.95)):
        matrix = hamiltonian_of(model).matrix
        share = BlockPattern.of(matrix).sizes.sum() / (matrix.shape[0] ** 2 / 2)
        if model.name == "tfim":
            share *= 2  # two parities, which are not joined
        assert low < share < high


def test_the_update_is_a_product_subtracted():
    """Two columns of widths 2 and 1 after one of width 2, of which rows 3 and 5 exist in the target, 4 does not."""
    b, stream = 4, np.random.default_rng(5)
    places, column, first = np.array([2, 3, 5]), np.array([0, 0, 1, 1, 2, 2]), np.array([0, 2, 4, 6])
    u, inverse = stream.standard_normal((3, b, 2 * b)), stream.standard_normal((2 * b, 2 * b))
    w = np.empty_like(u)
    multiply(u, inverse, w)
    assert np.allclose(w, u @ inverse, atol=1e-14)
    rows, pointer = np.array([2, 3, 4, 5, 4, 5]), np.array([0, 0, 4, 6])
    start = np.array([0, 0, 4 * b * 2 * b, 6 * b * 2 * b])
    values = stream.standard_normal(start[-1])
    before = values.copy()
    subtract(u, w, places, np.arange(3), column, first, start, pointer, rows, values, 8)
    change = (before - values).reshape(6, b, 2 * b)
    expected = np.zeros_like(change)
    for p, (j, left) in enumerate([(0, 0), (0, b), (4, b)]):  # column 1 at blocks 0 ... 3, column 2 at 4, 5
        for i in range(p, 3):
            at = {2: 0, 3: 1, 5: 3}[places[i]] if j == 0 else 5
            expected[at, :, left : left + b] = w[i] @ u[p].T
    assert np.allclose(change, expected, atol=1e-13)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_the_update_of_some_targets_by_chunks(size):
    """20 blocks below a column, every third target on another rank; all rows exist in every later column of one block."""
    b, n, stream = 3, 20, np.random.default_rng(6)
    u, w = stream.standard_normal((2, n, b, b))
    mine = np.arange(n) % 3 > 0
    sizes = np.where(mine, (n - np.arange(n)) * b * b, 0)
    start = np.concatenate([[0], np.cumsum(sizes)])
    pointer = np.concatenate([[0], np.cumsum(n - np.arange(n))])
    rows = np.concatenate([np.arange(j, n) for j in range(n)])
    values = np.zeros(start[-1])
    subtract(
        u, w, np.arange(n), np.flatnonzero(mine), np.arange(n), np.arange(n + 1), start, pointer, rows, values, size
    )
    for j in np.flatnonzero(mine):
        column = values[start[j] : start[j + 1]].reshape(n - j, b, b)
        assert np.allclose(column, -w[j:] @ u[j].T, atol=1e-14)
