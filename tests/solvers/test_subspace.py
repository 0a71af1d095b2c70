"""Rayleigh-Ritz in the span of given vectors, against NumPy; spans that have fewer dimensions than vectors."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.solvers.subspace import orthonormalise, rayleigh_ritz

EVERYWHERE = (-np.inf, np.inf)


def ritz_pairs(basis, h, norm):
    """Ritz values, vectors and residuals of the span of ``basis``, which is overwritten."""
    coefficients, _ = orthonormalise(basis, 0)
    energies, residuals, _ = rayleigh_ritz(basis, coefficients, h, norm, EVERYWHERE)
    return energies, basis[:, : energies.size], residuals


@settings(max_examples=40, deadline=None)
@given(
    d=st.integers(300, 5000),
    m=st.integers(1, 280),
    before=st.floats(0, 1),
    decades=st.floats(0, 18),
    is_complex=st.booleans(),
    seed=st.integers(0),
)
def test_columns_of_any_lengths_become_orthonormal(d, m, before, decades, is_complex, seed):
    """Singular values over up to 18 decades, in two portions: V^H V = 1, and V R gives the columns back to rounding."""
    stream = np.random.default_rng(seed)
    left, right = (
        stream.standard_normal((rows, m)) + 1j * is_complex * stream.standard_normal((rows, m)) for rows in (d, m)
    )
    graded = np.linalg.qr(left)[0] * 10.0 ** -np.linspace(0, decades, m) @ np.linalg.qr(right)[0]
    given_columns = (graded if is_complex else graded.real) * 10.0 ** stream.uniform(-30, 30)
    basis, first = given_columns.copy(order="F"), int(before * m)
    parts = [orthonormalise(basis[:, :first], 0)[0], orthonormalise(basis, first)[0]]
    length = np.linalg.norm(given_columns, axis=0).max()
    kept = np.linalg.norm(basis, axis=0) > 0.5
    np.testing.assert_allclose(basis.conj().T @ basis, np.diag(kept.astype(float)), rtol=0, atol=1e-13)
    assert kept.all() or decades > 13  # only what is rounding may be left out
    for vectors, coefficients, columns in (
        (basis[:, :first], parts[0], slice(0, first)),
        (basis, parts[1], slice(first, m)),
    ):
        np.testing.assert_allclose(
            vectors @ coefficients / length, given_columns[:, columns] / length, rtol=0, atol=1e-14
        )


@settings(max_examples=8, deadline=None)
@given(new=st.floats(-16, 0), is_complex=st.booleans(), seed=st.integers(0))
def test_orthogonality_is_not_lost_from_panel_to_panel(new, is_complex, seed):
    """Columns mostly in the span of those before, in ten portions: what each loses must not grow in the next."""
    stream = np.random.default_rng(seed)

    def normal(*shape):
        return stream.standard_normal(shape) + 1j * is_complex * stream.standard_normal(shape)

    fresh = np.linalg.qr(normal(3000, 600))[0]
    columns = [fresh[:, :60]]
    for k in range(60, 600, 60):
        known = normal(k, 60)
        columns.append(fresh[:, :k] @ (known / np.linalg.norm(known, axis=0)) + 10**new * fresh[:, k : k + 60])
    basis = np.hstack(columns)
    basis = (basis if is_complex else basis.real).copy(order="F")
    for k in range(0, 600, 60):
        orthonormalise(basis[:, : k + 60], k)
    kept = np.linalg.norm(basis, axis=0) > 0.5
    np.testing.assert_allclose(basis.conj().T @ basis, np.diag(kept.astype(float)), rtol=0, atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(
    d=st.integers(200, 9000),
    m=st.integers(1, 150),
    lost=st.floats(0, 0.9),
    faint=st.integers(0, 9),
    seed=st.integers(0),
)
def test_eigenvectors_in_the_span_are_found(d, m, lost, faint, seed):
    stream = np.random.default_rng(seed)
    h = sp.diags_array(stream.standard_normal(d), format="csr")
    rank = max(1, int(m * (1 - lost)))
    chosen = stream.choice(d, rank, replace=False)
    basis = np.zeros((m, d)).T
    basis[chosen] = stream.standard_normal((rank, m))
    basis[chosen[rank // 2 :]] *= 10.0**-faint  # weak, but in the span
    energies, vectors, residuals = ritz_pairs(basis, lambda x: h @ x, 5.0)
    np.testing.assert_allclose(energies, np.sort(h.diagonal()[chosen]), rtol=0, atol=1e-10)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(rank), atol=1e-12)
    assert residuals.max() < 1e-4  # where the span holds the vectors to 1e-13 / 1e-9


def test_a_zero_block_and_repeated_vectors():
    h = sp.diags_array(np.arange(5000.0), format="csr")
    basis = np.zeros((130, 5000)).T
    basis[4990:] = np.random.default_rng(0).standard_normal((10, 130))
    basis[:, 64:] = basis[:, :66]
    energies, _, residuals = ritz_pairs(basis, lambda x: h @ x, 5000.0)
    np.testing.assert_allclose(energies, np.arange(4990, 5000), rtol=1e-12)
    assert residuals.max() < 1e-9


def test_a_spurious_ritz_value_on_a_level_does_not_spoil_its_eigenvector():
    """Twenty eigenvectors with errors of 1e-12, and s = (|0> + |1>) / sqrt 2 of two others, whose Ritz value is 3e-4 from a level."""
    stream = np.random.default_rng(5)
    levels = np.concatenate([[-10.0, 10.0 + 6e-4], np.linspace(-1, 1, 21), stream.uniform(-20, 20, 977)])
    h = sp.diags_array(levels, format="csr")
    basis = np.eye(1000)[:, 2:24].copy(order="F") + 1e-12 * stream.standard_normal((1000, 22))
    basis[:, 21] = np.eye(1000)[:2].sum(axis=0) / np.sqrt(2)
    energies, vectors, residuals = ritz_pairs(basis, lambda x: h @ x, 20.0)
    close = np.abs(energies) < 1e-3
    assert close.sum() == 2
    assert np.sort(residuals)[-1] > 1  # the spurious one
    assert np.sort(residuals)[-2] < 1e-9  # and 1e-7 without a look at it
    kept = residuals < 1
    np.testing.assert_allclose(vectors[:, kept].T @ vectors[:, kept], np.eye(21), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(spurious=st.integers(1, 6), is_complex=st.booleans(), seed=st.integers(0, 10**6))
def test_many_eigenvectors_beside_several_spurious_vectors(spurious, is_complex, seed):
    """Forty eigenvectors with errors of 1e-12; s = (|a> + phase |b>) / sqrt 2, each with a Ritz value 3e-4 from one of their levels."""
    stream = np.random.default_rng(seed)
    levels = np.linspace(-1, 1, 40)
    pairs = levels[stream.choice(40, spurious, replace=False), None] + 3e-4 + np.array([-10.0, 10.0])
    h = sp.diags_array(np.concatenate([pairs.ravel(), levels, stream.uniform(-20, 20, 900)]), format="csr")
    dtype, d = (complex, float)[not is_complex], h.shape[0]
    phases = np.exp(2j * np.pi * stream.random(d)) if is_complex else np.ones(d)
    vectors = np.diag(phases)[:, 2 * spurious : 2 * spurious + 40]
    false = [(phases[2 * k] * np.eye(d)[2 * k] + np.eye(d)[2 * k + 1]) / np.sqrt(2) for k in range(spurious)]
    basis = np.asfortranarray(np.column_stack([vectors, *false]).astype(dtype))
    basis[:, :40] += 1e-12 * stream.standard_normal((d, 40))
    energies, found, residuals = ritz_pairs(basis, lambda x: h @ x, 20.0)
    assert np.sum(residuals > 1) == spurious and np.sort(residuals)[39] < 1e-9
    np.testing.assert_allclose(np.sort(energies[residuals < 1]), levels, atol=1e-12)
    np.testing.assert_allclose(found.conj().T @ found, np.eye(40 + spurious), atol=1e-12)
