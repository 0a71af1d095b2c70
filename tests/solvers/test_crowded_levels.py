"""Levels that do not repel: clusters, gaps and counts far from the mean must not make the filter begin again, nor lose or spoil a state."""

import os

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from support import expected_window

from bigbath.operators import Hamiltonian, MatrixOperator, Scale
from bigbath.solvers import Filter, Interval, Nearest, solve
from bigbath.solvers.basis import Basis
from bigbath.solvers.filter_part import FilterPart

LONG = bool(os.environ.get("BIGBATH_LONG"))


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


def test_levels_that_rounding_spoils_are_filtered_again_instead_of_other_vectors(monkeypatch):
    """Independent levels, half of which are crowded: all of these are good after a part of one vector's filter."""
    refilter, ritz, before, after = FilterPart.refilter, FilterPart.ritz, [], []

    def spoiled(part, norm, core, which, report):
        before.append((part.energies[which], part.products))
        return refilter(part, norm, core, which, report)

    def mended(part, norm, core, first=0):
        ritz(part, norm, core, first)
        if first:
            energies, products = before[-1]
            error = np.abs(energies[:, None] - part.energies[part.good]).min(axis=1).max()
            after.append((error, (part.products - products) / part.plan.coefficients.size))

    monkeypatch.setattr(FilterPart, "refilter", spoiled)
    monkeypatch.setattr(FilterPart, "ritz", mended)
    for seed in range(16):
        levels = independent_levels(np.random.default_rng(seed), 2400, 0, 2, 1.0)
        assert solve(diagonal(levels), Nearest(target=0.0, k=60), engine=Filter(seed=seed)).evidence.complete == "yes"
    errors, filters = np.transpose(after)
    assert len(before) >= 4 and len(after) == len(before)
    assert errors.max() < 1e-9
    assert filters.mean() < 1


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
