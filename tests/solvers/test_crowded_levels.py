"""Levels that do not repel: clusters, gaps and counts far from the mean must not make the filter begin again, nor lose or spoil a state."""

import os

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri
from support import expected_window

from bigbath.chebyshev import DensityOfStates
from bigbath.operators import Hamiltonian, MatrixOperator, Scale
from bigbath.solvers import Filter, Interval, Nearest, solve
from bigbath.solvers.basis import Basis
from bigbath.solvers.filter_part import FilterPart
from bigbath.solvers.planning import cheapest_plan
from bigbath.spaces import everything

LONG = bool(os.environ.get("BIGBATH_LONG"))


def quiet(done, of):
    """No report of steps."""


def diagonal(levels):
    return Hamiltonian(given=sp.csr_array(sp.diags_array(levels)), dims=(1, levels.size))


def independent_levels(stream, number, clusters, size, spread):
    """Normally distributed levels, of which ``clusters`` groups of ``size`` near the middle lie within ``spread`` mean spacings."""
    levels = np.sort(stream.standard_normal(number))
    spacing = np.sqrt(2 * np.pi) / number
    middle = number // 2 + stream.choice(np.arange(-25, 25, size), clusters, replace=False)
    for first in middle:
        levels[first : first + size] = levels[first] + spread * spacing * stream.uniform(size=size)
    return np.sort(levels)


@settings(max_examples=60 if LONG else 6, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1200, 2400), st.integers(20, 60), st.integers(0, 4), st.integers(2, 5),
    st.floats(0.01, 1.0),
)  # fmt: skip
def test_crowded_levels_are_resolved_without_a_second_attempt(seed, number, k, clusters, size, spread):
    stream = np.random.default_rng(seed)
    levels = independent_levels(stream, number, clusters, size, spread)
    window, said = Nearest(target=float(stream.uniform(-0.05, 0.05)), k=k), []
    states = solve(diagonal(levels), window, engine=Filter(seed=seed), report=lambda *a: said.append(a[0]))
    expected = levels[expected_window(window, levels, np.abs(levels).max())]
    assert states.evidence.complete == "yes", states.evidence.reason
    np.testing.assert_allclose(states.energies, expected, rtol=0, atol=1e-11)
    residuals = np.linalg.norm(levels[:, None] * states.vectors() - states.vectors() * states.energies, axis=0)
    assert residuals.max() <= 1e-10 * states.evidence.norm
    np.testing.assert_allclose(states.vectors().T @ states.vectors(), np.eye(expected.size), atol=1e-9)
    assert sum("again" in label for label in said) <= 1


@settings(max_examples=40 if LONG else 8, deadline=None)
@given(st.integers(0, 10**6), st.integers(10, 60), st.floats(0.3, 0.9), st.integers(0, 6))
def test_samples_that_come_after_ritz_vectors_tell_what_is_rounding_in_these(seed, rank, share, faint):
    """Samples in two portions, with Ritz vectors between them, give what they give at once; rounding is not admitted as a state."""
    stream = np.random.default_rng(seed)
    levels = stream.uniform(-1, 1, 900)
    operator = MatrixOperator(sp.csr_array(sp.diags_array(levels)), Scale(centre=0.0, halfwidth=1.0), 1)
    chosen = stream.choice(900, rank, replace=False)
    samples = 1e-15 * stream.standard_normal((900, 2 * rank))
    samples[chosen] += stream.standard_normal((rank, 2 * rank))
    samples[chosen[: rank // 3]] *= 10.0**-faint
    basis = Basis(operator, 2 * rank)
    for part in np.split(samples, [int(2 * rank * share)], axis=1):
        basis.columns(basis.size, basis.size + part.shape[1])[:] = part
        basis.extend(part.shape[1])
        energies, residuals = basis.ritz(1.0, (-1.0, 1.0))
        vectors = basis.columns(0, basis.size)
    assert energies.size == rank
    np.testing.assert_allclose(energies, np.sort(levels[chosen]), rtol=0, atol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(rank), atol=1e-11)
    assert residuals.max() < 1e-11 * 10.0**faint * rank


@settings(max_examples=40 if LONG else 6, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.integers(1, 2), st.integers(1, 3))
def test_few_directions_that_spoil_many_ritz_vectors_are_filtered_out(seed, is_complex, columns, directions):
    """Eigenvectors again, orthonormal and in order, without Rayleigh-Ritz on the others; blocks of one and of two vectors."""
    stream, d = np.random.default_rng(seed), 700

    def normal(*shape):
        values = stream.standard_normal(shape) + 1j * is_complex * stream.standard_normal(shape)
        return values if is_complex else values.real

    levels = ndtri((np.arange(d) + stream.uniform(0.3, 0.7, d)) / d)
    vectors = np.linalg.qr(normal(d, d))[0]
    matrix = (vectors * levels) @ vectors.conj().T
    matrix = (matrix + matrix.conj().T) / 2
    scale, norm, core = (
        Scale.of((levels[0], levels[-1])),
        np.abs(levels).max(),
        (levels[330] - 1e-3, levels[370] + 1e-3),
    )
    operator = MatrixOperator(matrix, scale, columns)
    part = FilterPart(everything(d), operator, DensityOfStates.sample(operator, (seed, 0)))
    part.begin(cheapest_plan(operator, part.density, core, scale, b=2, surplus=1.0, memory=1e9), (seed, 1))
    part.sample(None, quiet)
    part.ritz(norm, core)
    basis = part.basis.columns(0, part.basis.size)
    spoiled = np.flatnonzero((part.energies > core[0]) & (part.energies < core[1]))
    basis[:, spoiled] += 1e-7 * normal(d, directions) @ normal(directions, spoiled.size) / np.sqrt(d)
    basis[:] = np.linalg.qr(basis)[0]
    part.ritz(norm, core)
    which = part.spoiled(scale, core, 1e-4)
    assert which.size >= 20
    part._refilters = 20.0  # whatever it takes
    first = part.refilter(scale, norm, core, which, quiet)
    assert first is not None and first < part.basis.size - which.size + 1
    part.ritz(norm, core, first)
    inside = (part.energies > core[0]) & (part.energies < core[1]) & (part.residuals < 1e-5 * norm)
    np.testing.assert_allclose(part.energies[inside], levels[330:371], rtol=0, atol=1e-12)
    basis = part.basis.columns(0, part.basis.size)
    residuals = np.linalg.norm(matrix @ basis - basis * part.energies, axis=0)
    np.testing.assert_allclose(residuals, part.residuals, rtol=1e-2, atol=1e-13)
    assert residuals[inside].max() <= 1e-10 * norm
    assert np.all(np.diff(part.energies) >= 0)
    np.testing.assert_allclose(basis.conj().T @ basis, np.eye(part.basis.size), atol=1e-12)


def test_crowded_levels_take_parts_of_filters_instead_of_other_vectors(monkeypatch):
    """Of sixteen spectra of independent levels several have crowded ones; most of these are good after less than a filter."""
    go_on, spent = FilterPart.go_on, []

    def watched(part, *choices):
        vectors, products = part.vectors, part.products
        first = go_on(part, *choices)
        spent.append((part.vectors - vectors, (part.products - products) / part.plan.coefficients.size))
        return first

    monkeypatch.setattr(FilterPart, "go_on", watched)
    for seed in range(16):
        levels = np.sort(np.random.default_rng(seed).standard_normal(2400))
        assert solve(diagonal(levels), Nearest(target=0.0, k=60), engine=Filter(seed=seed)).evidence.complete == "yes"
    vectors, filters = np.transpose(spent)
    assert vectors.size >= 4
    assert np.mean(vectors == 0) > 0.5 and np.median(filters) < 1


def test_columns_that_are_turned_and_put_in_order_still_give_the_samples():
    stream = np.random.default_rng(2)
    operator = MatrixOperator(
        sp.csr_array(sp.diags_array(stream.uniform(-1, 1, 300))), Scale(centre=0.0, halfwidth=1.0), 1
    )
    basis, samples = Basis(operator, 40), np.asfortranarray(stream.standard_normal((300, 40)))
    basis.columns(0, 40)[:] = samples
    basis.extend(40)
    basis.ritz(1.0, (-1.0, 1.0))
    which = stream.choice(40, 12, replace=False)
    basis.turn(which, np.linalg.qr(stream.standard_normal((12, 12)))[0])
    basis.reorder(stream.permutation(40))
    np.testing.assert_allclose(basis.columns(0, 40) @ basis._coefficients, samples, atol=1e-12)


@settings(max_examples=300 if LONG else 8, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1200, 2400), st.integers(1, 150), st.floats(0.01, 8), st.booleans(),
    st.sampled_from([-1, 1]), st.floats(0, 1),
)  # fmt: skip
def test_levels_whose_density_grows_within_the_window(seed, number, k, growth, repel, sign, where):
    """Density exp(growth x), x in [0, 1], up to 3,000 times as dense at one end; windows anywhere, at both ends too."""
    stream = np.random.default_rng(seed)
    places = np.arange(number) + stream.uniform(-0.3, 0.3, number) if repel else number * stream.uniform(size=number)
    levels = np.sort(sign * np.log1p((places + 0.3) / number * np.expm1(growth)) / growth)
    first = int(where**3 * (number - k))
    edges = np.r_[levels[0] - 1e-3, (levels[1:] + levels[:-1]) / 2, levels[-1] + 1e-3]
    window = Interval(lower=float(edges[first]), upper=float(edges[first + k]))
    states = solve(diagonal(levels), window, engine=Filter(seed=seed))
    assert states.evidence.complete == "yes", states.evidence.reason
    np.testing.assert_allclose(states.energies, levels[first : first + k], rtol=0, atol=1e-11)
    residuals = np.linalg.norm(levels[:, None] * states.vectors() - states.vectors() * states.energies, axis=0)
    assert residuals.max() <= 1e-10 * states.evidence.norm
