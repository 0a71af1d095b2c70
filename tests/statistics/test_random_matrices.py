"""Random matrices and Poisson levels give the known statistics, within errors over realizations."""

import os
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad

from bigbath.statistics import (
    amplitude,
    averaged,
    central,
    distance,
    expected_form_factor,
    expected_number_variance,
    fit_unfolding,
    gap_ratio,
    gaussian_filter,
    goe,
    gue,
    multifractal_dimension,
    number_variance,
    poisson,
    random_levels,
    spacing_density,
    surmise,
    thouless_time,
    unfolded,
)

N, R = 200, 600 if os.environ.get("BIGBATH_LONG") else 120
KINDS = ("goe", "gue", "poisson")
TAU = np.geomspace(1e-3, 4, 300)


@cache
def spectra(kind):
    """Levels (R, N), ascending: of matrices with semicircle -1 ... 1, or independent uniform ones."""
    stream = np.random.default_rng(KINDS.index(kind))
    if kind == "poisson":
        return np.sort(stream.uniform(-1, 1, (R, N)))
    a = stream.normal(size=(R, N, N)) + (1j * stream.normal(size=(R, N, N)) if kind == "gue" else 0)
    h = (a + a.conj().transpose(0, 2, 1)) / 2
    return np.linalg.eigvalsh(h) / np.sqrt((4 if kind == "gue" else 2) * N)


def exactly_unfolded(kind):
    """By the known density: semicircle or uniform."""
    x = np.clip(spectra(kind), -1, 1)
    if kind == "poisson":
        return N * (x + 1) / 2
    return N * (0.5 + (x * np.sqrt(1 - x**2) + np.arcsin(x)) / np.pi)


def mean_and_error(values):
    values = np.array(values)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def form_factor(levels):
    weights = [gaussian_filter(e) for e in levels]
    Z = np.array([amplitude(e, f, TAU) for e, f in zip(levels, weights, strict=True)])
    return Z, np.array([np.sum(f**2) for f in weights])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unfold", ["density", "fit"])
def test_ramp_and_plateau(kind, unfold):
    levels = exactly_unfolded(kind) if unfold == "density" else [unfolded(e) for e in spectra(kind)]
    Z, norms = form_factor(levels)
    f = averaged(TAU, Z, norms)
    earliest = 0.15 if unfold == "fit" else 0.03  # a fit of degree 10 removes correlations up to tau ~ 10/N
    late = earliest < TAU
    edges = np.flatnonzero(late)[:: max(1, late.sum() // 12)]
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        for values in (f.K, f.connected):
            ratio = np.abs(Z[:, first:last]) ** 2 / norms.mean() / expected_form_factor(kind, TAU[first:last])
            error = ratio.mean(axis=1).std(ddof=1) / np.sqrt(R)
            assert np.mean(values[first:last] / expected_form_factor(kind, TAU[first:last])) == pytest.approx(
                1, abs=4.5 * error + 0.02
            )


def test_dip_and_connected_part():
    """The disconnected part falls from n at tau = 0 to the dip; the connected one starts at the ramp, or at 1 for Poisson."""
    Z, norms = form_factor(exactly_unfolded("goe"))
    f = averaged(TAU, Z, norms)
    assert f.K[0] > 50 > 1 > f.K[(TAU > 0.02) & (TAU < 0.05)].max()
    assert f.connected[TAU < 0.004].max() < 0.1
    Z, norms = form_factor(exactly_unfolded("poisson"))
    f = averaged(TAU, Z, norms)
    early = (TAU > 0.01) & (TAU < 0.1)
    assert np.mean(f.connected[early]) == pytest.approx(1, abs=0.15)


def test_jackknife_errors_are_those_of_repeated_ensembles():
    Z, norms = form_factor(exactly_unfolded("goe"))
    parts = [averaged(TAU, Z[i::10], norms[i::10]) for i in range(10)]
    late = TAU > 0.05
    spread = np.std([p.K for p in parts], axis=0, ddof=1)[late].mean()
    assert np.mean([p.K_error for p in parts], axis=0)[late].mean() == pytest.approx(spread, rel=0.2)
    spread = np.std([p.connected for p in parts], axis=0, ddof=1)[late].mean()
    assert np.mean([p.connected_error for p in parts], axis=0)[late].mean() == pytest.approx(spread, rel=0.2)
    single = averaged(TAU, Z[:1], norms[:1])
    assert np.allclose(single.K, np.abs(Z[0]) ** 2 / norms[0])
    assert np.isnan(single.connected).all()
    assert np.isnan(single.K_error).all()


def test_thouless_times():
    """Random matrices have none above the dip, Poisson levels the plateau's; the wrong class never fits."""
    Z, norms = form_factor(exactly_unfolded("goe"))
    fast = thouless_time(TAU, Z, norms)
    assert fast.tau < 0.03
    Z, norms = form_factor(exactly_unfolded("poisson"))
    slow = thouless_time(TAU, Z, norms)
    assert 0.6 < slow.tau <= 1
    assert slow.error < 0.2
    Z, norms = form_factor(exactly_unfolded("goe"))
    assert thouless_time(TAU, Z, norms, kind="gue").tau > 0.5
    stuck = thouless_time(TAU, 2 * Z, norms)
    assert np.isnan(stuck.tau)
    assert np.isnan(stuck.error)


@pytest.mark.parametrize("kind", KINDS)
def test_gap_ratios(kind):
    large = {"goe": 0.5307, "gue": 0.5996, "poisson": 2 * np.log(2) - 1}[kind]
    mean, error = mean_and_error([gap_ratio(central(e, 0.8)) for e in spectra(kind)])
    assert mean == pytest.approx(large, abs=4 * error)
    assert surmise(kind) == pytest.approx(large, abs=0.006)
    for order in (2, 3):
        mean, error = mean_and_error([gap_ratio(central(e, 0.8), order) for e in spectra(kind)])
        assert mean == pytest.approx(surmise(kind, order), abs=4 * error + 0.006)
    assert np.isnan(gap_ratio(np.arange(2.0)))
    assert gap_ratio(np.arange(9.0), 4) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unfold", ["density", "fit"])
def test_number_variance(kind, unfold):
    lengths = np.array([0.5, 1.0, 2.0, 4.0])
    levels = exactly_unfolded(kind) if unfold == "density" else [unfolded(e, 6) for e in spectra(kind)]
    mean, error = mean_and_error([number_variance(central(e, 0.8), lengths) for e in levels])
    expected = expected_number_variance(kind, lengths)
    if unfold == "fit" and kind == "poisson":  # each of its 7 coefficients takes one fluctuation away
        expected = expected - 7 * lengths**2 / N
    assert (np.abs(mean - expected) < 4.5 * error + 0.02 * lengths).all()
    assert np.isnan(number_variance(np.arange(4.0), np.array([1.0]))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_spacings(kind):
    density = {"goe": goe, "gue": gue, "poisson": poisson}[kind]
    assert quad(density, 0, np.inf)[0] == pytest.approx(1)
    assert quad(lambda s: s * density(s), 0, np.inf)[0] == pytest.approx(1)
    edges = np.linspace(0, 4, 21)
    mean, error = mean_and_error([spacing_density(np.diff(central(unfolded(e), 0.8)), edges) for e in spectra(kind)])
    expected = [quad(density, a, b)[0] / (b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    assert (np.abs(mean - expected) < 4.5 * error + 0.02).all()
    pooled = np.concatenate([np.diff(central(e, 0.8)) for e in exactly_unfolded(kind)])
    distances = {other: distance(pooled, other) for other in KINDS}
    assert min(distances, key=distances.get) == kind
    assert distances[kind] < 0.015


def test_a_common_density_unfolds_every_realization():
    fit = fit_unfolding(spectra("goe"), degree=15)
    assert np.abs(fit(spectra("goe")[0]) - exactly_unfolded("goe")[0])[10:-10].max() < 0.5
    with pytest.raises(ValueError, match="needs 44 levels"):
        fit_unfolding([np.arange(10.0)])
    assert unfolded(np.arange(10.0)).size == 0


def test_multifractal_dimensions_of_random_and_localised_states():
    stream = np.random.default_rng(0)
    dims, errors = np.array([64, 256, 1024]), np.full(3, 0.01)
    random = []
    for d in dims:
        v = stream.normal(size=(d, 200))
        p = v**2 / np.sum(v**2, axis=0)
        random.append(np.mean(-np.log(np.sum(p**2, axis=0))))
    fit = multifractal_dimension(dims, np.array(random), errors)
    exact = np.polyfit(np.log(dims), np.log((dims + 2) / 3), 1)  # mean of sum p^2 is 3/(D + 2)
    assert (fit.value, fit.offset) == pytest.approx(tuple(exact), abs=0.05)
    assert fit.value == pytest.approx(1, abs=0.05)
    assert multifractal_dimension(dims, np.full(3, 0.7), errors).value == pytest.approx(0, abs=1e-12)
    assert multifractal_dimension(dims, np.log(dims) / 2, errors).value == pytest.approx(0.5)


def test_levels_from_the_tridiagonal_form_are_those_of_full_matrices():
    """Both have the semicircle's density with the same edges, and the GOE's gap ratio."""
    stream = np.random.default_rng(5)
    tridiagonal = np.array([random_levels(N, stream) for _ in range(R)]) / np.sqrt(4 * N)
    pairs = ((tridiagonal**2).mean(axis=1), (2 * spectra("goe") ** 2).mean(axis=1) / 2)
    (a, da), (b, db) = (mean_and_error(values) for values in pairs)
    assert a == pytest.approx(0.25 * (1 + 1 / N), abs=4 * da)
    assert a == pytest.approx(b, abs=4 * np.hypot(da, db))
    (a, da), (b, db) = (mean_and_error([gap_ratio(e) for e in some]) for some in (tridiagonal, spectra("goe")))
    assert a == pytest.approx(b, abs=4 * np.hypot(da, db))
