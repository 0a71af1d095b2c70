"""Each Numba kernel against NumPy or SciPy on arrays made by hypothesis."""

import os

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.kernels import (
    SUMS,
    bin_powers,
    bin_probabilities,
    csr_times_columns,
    fit_lorentzians,
    overlaps,
)
from bigbath.spaces import Everything, Sector, contraction

SEED = st.integers(0, 2**32 - 1)
SMALL = st.integers(1, 12)


def random_array(stream, shape, is_complex):
    x = stream.standard_normal(shape)
    return x + 1j * stream.standard_normal(shape) if is_complex else x


def random_sparse(stream, shape, density=0.3):
    return sp.csr_array(stream.standard_normal(shape) * (stream.random(shape) < density))


def orthonormal(stream, rows, columns):
    return sp.csr_array(np.linalg.qr(stream.standard_normal((rows, rows)))[0][:, :columns])


@given(SEED, SMALL, SMALL, st.integers(0, 9), st.booleans(), st.booleans())
def test_csr_times_columns(seed, m, d, k, is_complex, fortran):
    stream = np.random.default_rng(seed)
    matrix, x = random_sparse(stream, (m, d)), random_array(stream, (d, k), is_complex)
    result = csr_times_columns(matrix, np.asfortranarray(x) if fortran else x)
    assert result.shape == (m, k)
    assert result.dtype == x.dtype
    assert np.allclose(result, matrix.toarray() @ x, atol=1e-13)


@given(SEED, st.integers(1, 3), st.integers(1, 8), st.booleans(), st.booleans(), st.booleans())
def test_contraction(seed, d_system, d_bath, with_bath, with_whole, is_complex):
    """<phi|_S between sectors: W_B^T (<phi| (x) 1) W."""
    stream = np.random.default_rng(seed)
    phi = random_array(stream, d_system, is_complex)
    D = d_system * d_bath
    bath = orthonormal(stream, d_bath, int(stream.integers(1, d_bath + 1))) if with_bath else None
    whole = orthonormal(stream, D, int(stream.integers(1, D + 1))) if with_whole else None
    sectors = [
        w if w is None else Sector(labels=(), whole=dim, space=Everything(dim), isometry=w)
        for w, dim in ((bath, d_bath), (whole, D))
    ]
    expected = np.kron(phi.conj()[None, :], np.eye(d_bath))
    if whole is not None:
        expected = expected @ whole.toarray()
    if bath is not None:
        expected = bath.toarray().T @ expected
    assert np.allclose(contraction(phi, *sectors, (d_system, d_bath)).toarray(), expected, atol=1e-13)


@given(SEED, st.integers(1, 40), SMALL, st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans())
def test_overlaps_in_either_association_order(seed, m, d_bath, d, k, complex_bath, complex_states):
    """b^dagger (A v), whatever the shapes say is cheaper, for real and complex states."""
    stream = np.random.default_rng(seed)
    bath, vectors = random_array(stream, (d_bath, m), complex_bath), random_array(stream, (d, k), complex_states)
    bra = random_sparse(stream, (d_bath, d))
    assert np.allclose(overlaps(bath, bra, vectors), bath.conj().T @ bra.toarray() @ vectors, atol=1e-11)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("d_bath", "d"), [(40, 5), (5, 40)])
def test_both_association_orders_are_taken(d_bath, d, dtype, monkeypatch):
    """The shapes of a large and of a small sector lead to different orders, with one result."""
    stream = np.random.default_rng(1)
    shapes = []
    original = csr_times_columns

    def record(matrix, x):
        shapes.append(matrix.shape)
        return original(matrix, x)

    monkeypatch.setattr("bigbath.kernels.overlap.csr_times_columns", record)
    bath = random_array(stream, (d_bath, 30), dtype is complex)
    vectors = random_array(stream, (d, 30), dtype is complex)
    bra = random_sparse(stream, (d_bath, d))
    assert np.allclose(overlaps(bath, bra, vectors), bath.conj().T @ bra.toarray() @ vectors, atol=1e-11)
    assert shapes == [(d, d_bath) if d < d_bath else (d_bath, d)]


@given(SEED, st.integers(0, 8), st.integers(0, 30), st.integers(1, 6))
def test_bin_probabilities_and_their_powers(seed, m, k, S):
    stream = np.random.default_rng(seed)
    p = stream.random((m, k))
    p[stream.random((m, k)) < 0.2] = 0  # p ln p at p = 0
    shell, energies = stream.integers(0, S, k), stream.standard_normal(k)
    binned, sums = stream.random((m, S)), stream.random((m, len(SUMS)))
    expected_bins = binned + np.stack([p[:, shell == s].sum(axis=1) for s in range(S)], axis=1)
    log = np.log(np.where(p > 0, p, 1))
    expected = {
        "norm": p.sum(1), "first_moment": p @ energies, "second_moment": p @ energies**2,
        "shannon": -(p * log).sum(1), "purity": (p**2).sum(1),
    }  # fmt: skip
    expected_sums = sums + np.stack([expected[name] for name in SUMS], axis=1)
    bin_probabilities(p, shell, energies, binned, sums)
    assert np.allclose(binned, expected_bins, atol=1e-12)
    assert np.allclose(sums, expected_sums, atol=1e-12)
    powers = np.zeros((m, S, 3))
    bin_powers(p, shell, powers)
    for q in (2, 3, 4):
        assert np.allclose(powers[..., q - 2], np.stack([(p[:, shell == s] ** q).sum(1) for s in range(S)], 1))


def lorentzian(x, centre, chi, width=0.5):
    return width * chi / np.pi / ((x - centre) ** 2 + chi**2)


def jacobian(x, centre, chi, width=0.5):
    """d/d centre and d/d chi; curve_fit's own differences fail at a centre of 1e-308."""
    t = x - centre
    q = t**2 + chi**2
    return width / np.pi * np.stack([2 * t * chi, t**2 - chi**2], axis=1) / q[:, None] ** 2


@given(st.lists(st.tuples(st.floats(-4, 4), st.floats(0.3, 2.0)), min_size=1, max_size=5), st.floats(1e-3, 0.1), SEED)
def test_fit_against_scipy(parameters, noise, seed):
    """Centre, width, their errors and the residual as curve_fit's, with noise of up to 10 % of the peak."""
    stream = np.random.default_rng(seed)
    x = np.sort(stream.uniform(-9, 9, 60))
    y = np.stack([lorentzian(x, *p) * (1 + noise * stream.uniform(-1, 1, x.size)) for p in parameters])
    fitted = fit_lorentzians(x, y, 0.5)
    for row, start, values in zip(fitted, parameters, y, strict=True):
        best, covariance = scipy.optimize.curve_fit(
            lorentzian, x, values, p0=start, jac=jacobian, xtol=1e-12, ftol=1e-12
        )
        best[1] = abs(best[1])
        squares = lambda p, values=values: ((values - lorentzian(x, *p)) ** 2).sum()  # noqa: E731
        assert row[5] == 1
        assert row[1] > 0
        assert squares(row[:2]) <= squares(best) * (1 + 1e-9) + 1e-20
        assert np.allclose(row[:2], best, atol=1e-6, rtol=1e-6)
        assert np.allclose(row[2:4], np.sqrt(np.diag(covariance)), rtol=1e-3, atol=1e-8)
        assert row[4] == pytest.approx(np.sqrt(squares(row[:2]) / x.size), abs=1e-12)


def test_fit_recovers_an_exact_lorentzian():
    x = np.linspace(-10, 10, 41)
    fitted = fit_lorentzians(x, np.stack([lorentzian(x, 4.661, 0.753), lorentzian(x, -0.986, 0.606)]), 0.5)
    assert np.allclose(fitted[:, :2], [[4.661, 0.753], [-0.986, 0.606]], atol=1e-9)
    assert np.all(fitted[:, 4] < 1e-10)


def integrated(x, centre, chi, width=0.5):
    return (np.arctan((x + width - centre) / chi) - np.arctan((x - centre) / chi)) / np.pi


@given(st.floats(-4, 4), st.floats(0.05, 2.0), st.floats(1e-3, 0.1), SEED)
def test_integrated_fit_against_scipy(centre, chi, noise, seed):
    """Lower edges of shells, widths down to a tenth of a shell: never a larger sum of squares than curve_fit's."""
    x, stream = np.arange(-9, 9, 0.5), np.random.default_rng(seed)
    y = integrated(x, centre, chi) * (1 + noise * stream.uniform(-1, 1, x.size))
    row = fit_lorentzians(x, y[None], 0.5, binned=True)[0]
    best, _ = scipy.optimize.curve_fit(integrated, x, y, p0=(centre, chi), bounds=([-np.inf, 1e-6], np.inf))
    squares = lambda p: ((y - integrated(x, *p)) ** 2).sum()  # noqa: E731
    assert row[5] == 1 and row[1] > 0
    assert squares(row[:2]) <= squares(best) * (1 + 1e-9) + 1e-20
    assert row[4] == pytest.approx(np.sqrt(squares(row[:2]) / x.size), abs=1e-12)
    exact = fit_lorentzians(x, integrated(x, centre, chi)[None], 0.5, binned=True)[0]
    assert np.allclose(exact[:2], (centre, chi), atol=1e-6)


@settings(max_examples=500 if os.environ.get("BIGBATH_LONG") else 8, deadline=None)
@given(SEED, st.booleans(), st.integers(1, 3))
def test_fits_find_the_best_of_all_minima(seed, binned, peaks):
    """Noisy distributions with several peaks: no start of a dense grid, refined by SciPy, ends lower."""
    stream = np.random.default_rng(seed)
    x = np.arange(-6, 6, 0.5) + (0.0 if binned else 0.25)
    y = sum(integrated(x, stream.uniform(-4, 4), stream.uniform(0.2, 1.5)) for _ in range(peaks))
    y = np.abs(y * stream.chisquare(2, x.size))
    y /= y.sum()
    row = fit_lorentzians(x, y[None], 0.5, binned=binned)[0]
    model = integrated if binned else lorentzian
    residual = lambda p: model(x, p[0], abs(p[1])) - y  # noqa: E731
    starts = [(c, w) for c in np.arange(-6, 6, 0.5) for w in (0.1, 0.4, 1.5)]
    lowest = min(2 * scipy.optimize.least_squares(residual, s, method="lm").cost for s in starts)
    assert x.size * row[4] ** 2 <= lowest * (1 + 1e-6)
