import os

import numpy as np
import pytest
import scipy.integrate
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from bigbath.broadening import profiles
from bigbath.broadening.profile_fit import PROFILES, fit_profile

LONG = os.environ.get("BIGBATH_LONG")


def test_voigt_is_the_convolution_of_eq_55():
    step = 0.005
    x = step * np.arange(-20000, 20001)
    gauss = np.exp(-(x**2) / (2 * 0.4**2)) / np.sqrt(2 * np.pi) / 0.4
    convolved = fftconvolve(gauss, profiles.lorentzian(x, 0.0, 0.7), "same") * step
    middle = slice(18000, 22001)
    assert np.allclose(profiles.voigt(x[middle], 0.0, 0.7, 0.4), convolved[middle], atol=1e-5)
    assert np.allclose(profiles.voigt(x, 0.3, 0.7, 0.0), profiles.lorentzian(x, 0.3, 0.7))


def test_eq_4_written_out():
    """gamma / pi / [(a - lambda - eta)^2 + gamma^2], of norm 1."""
    a, eta, gamma, energy = 1.3, 0.4, 0.7, np.linspace(-9, 9, 7)
    expected = [gamma / (np.pi * ((a - x - eta) ** 2 + gamma**2)) for x in energy]
    assert np.allclose(profiles.lorentzian(energy - a, -eta, gamma), expected, rtol=1e-12)
    total = scipy.integrate.quad(lambda x: profiles.lorentzian(x - a, -eta, gamma), -np.inf, np.inf)[0]
    assert np.isclose(total, 1, rtol=1e-8)


@pytest.mark.parametrize("delta, chi, theta", [(0.55, 0.63, 0.02), (-0.5, 0.6, 0.3), (0.0, 1.0, 1.0), (2.0, 0.4, 0.05)])
def test_eq_62_by_quadrature(delta, chi, theta):
    value = profiles.integral(lambda x: profiles.quadratic_width(x, delta, chi, 0.0, theta))
    assert np.isclose(value, profiles.quadratic_norm(delta, chi, 0.0, theta), atol=1e-8)


@pytest.mark.parametrize(
    "delta, chi, upsilon, theta", [(0.55, 0.63, 0.05, 0.02), (-0.5, 0.6, -0.2, 0.3), (1.0, 0.8, 0.5, 0.2)]
)
def test_eq_64_by_quadrature(delta, chi, upsilon, theta):
    value = profiles.integral(lambda x: profiles.quadratic_width(x, delta, chi, upsilon, theta))
    assert np.isclose(value, profiles.quadratic_norm(delta, chi, upsilon, theta), atol=1e-8)


def test_the_norm_jumps_to_two_as_theta_vanishes():
    assert profiles.quadratic_norm(0.5, 0.6, 0.0, 0.0) == 1.0
    assert abs(profiles.quadratic_norm(0.5, 0.6, 0.0, 1e-7) - 2.0) < 1e-5


def test_eq_62_needs_lambda_measured_from_a():
    a, delta, chi, theta = 3.0, 0.5, 0.6, 0.05
    wrong = profiles.integral(
        lambda x: (chi + theta * x**2) / np.pi / ((x - a - delta) ** 2 + (chi + theta * x**2) ** 2)
    )
    assert abs(wrong - profiles.quadratic_norm(delta, chi, 0.0, theta)) > 0.1


@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_eq_66_by_quadrature(shift):
    delta, chi, upsilon, theta, slope = 0.5, 0.6, 0.1, 0.05, 0.2

    def imaginary(x):
        width = chi + upsilon * x + theta * x**2
        return width / np.pi / ((x - delta - slope * x - shift) ** 2 + width**2)

    assert np.isclose(
        profiles.integral(imaginary), profiles.composite_norm(delta, chi, upsilon, theta, slope, shift), atol=1e-8
    )


def test_composite_reduces_to_its_parts():
    x = np.linspace(-10, 10, 101)
    assert np.allclose(
        profiles.composite(x, 0.4, 0.7, 0.1, 0.02, 0.0, 0.0), profiles.quadratic_width(x, 0.4, 0.7, 0.1, 0.02)
    )
    assert np.allclose(profiles.composite(x, 0.4, 0.8, 0.0, 0.0, 0.0, 0.3), profiles.voigt(x, 0.4, 0.8, 0.3), atol=1e-6)


def test_the_criteria_find_the_profile_that_made_the_data():
    x = np.arange(-12, 12, 0.5) + 0.1
    noise = 2e-4 * np.random.default_rng(1).standard_normal(x.size)
    truth = profiles.voigt(x, 0.5, 0.4, 0.6)
    P = truth / truth.sum() + noise
    fits = {n: fit_profile(n, x, P, 0.5, start=(0.4, 0.7)) for n in ("lorentzian", "voigt", "quadratic width")}
    assert fits["voigt"].aic < fits["lorentzian"].aic - 10
    assert fits["voigt"].cross_validated < fits["lorentzian"].cross_validated
    assert np.allclose(np.abs(fits["voigt"].parameters), [0.5, 0.4, 0.6], atol=0.05)


def test_every_profile_fits_a_real_distribution(ring):
    mu = 128
    filled = ring.d.shells.filled
    x = ring.d.shells.energy[filled] - ring.bare[mu, 0]
    P = ring.d.P[mu, 0, filled]
    start = (float(ring.fit.centre[mu, 0] - ring.bare[mu, 0]), float(ring.fit.chi[mu, 0]))
    line = fit_profile("lorentzian", x, P, 0.5, start=start, norm="line")
    assert np.allclose(line.parameters, [start[0], start[1]], atol=1e-5)
    fits = {}
    for name in PROFILES:
        fit = fits[name] = fit_profile(name, x, P, 0.5, start=start, folds=3)
        assert np.isfinite(fit.aic) and np.isfinite(fit.cross_validated)
        assert fit.rms <= 1.01 * fits["lorentzian"].rms


SIGNED = st.floats(-0.8, 0.8)


@settings(max_examples=500 if LONG else 25, deadline=None)
@given(st.floats(-2, 2), st.floats(0.1, 1.5), SIGNED, st.floats(-0.5, 0.5), SIGNED, SIGNED)
def test_norms_at_every_sign_of_theta_by_quadrature(delta, chi, upsilon, theta, slope, shift):
    """Eqs. 62, 64, 66 for theta < 0, = 0 and > 0 and any upsilon: the integral, its principal value where theta = 0."""
    theta = 0.0 if abs(theta) < 0.05 else theta

    def imaginary(x):
        w = chi + upsilon * x + theta * x**2
        away = x - delta - slope * x - shift
        return w / np.pi / (away**2 + w**2)

    root = np.sqrt((1 - slope - 1j * upsilon) ** 2 - 4j * theta * (delta + shift + 1j * chi))
    poles = [(1 - slope - 1j * upsilon + s * root) / (2j * theta) for s in (1, -1)] if theta else [1j]
    assume(min(abs(p.imag) for p in poles) > 0.02 and abs(root) > 0.1)  # else quadrature misses the peak
    value = profiles.integral(imaginary)
    assert np.isclose(value, profiles.composite_norm(delta, chi, upsilon, theta, slope, shift), atol=1e-6)


def test_edges_of_the_norms():
    assert np.isclose(profiles.quadratic_norm(0.5, 0.6, 0.0, -1e-9), 0.0)  # the tails cancel the peak
    assert np.isclose(profiles.quadratic_norm(0.5, 0.6, 0.3, 0.0), 1 / 1.09)
    assert np.isclose(profiles.composite_norm(0.5, 0.6, 0.0, 0.0, 0.2), 1 / 0.8)


@pytest.mark.parametrize("chi, sigma", [(0.02, 0.6), (0.2, 0.6), (0.7, 0.3), (0.5, 0.01)])
def test_eq_65_is_exact_at_any_ratio_of_the_widths(chi, sigma):
    """The convolution over x' by adaptive quadrature, also at chi/sigma = 1/30."""
    delta, upsilon, theta, slope = 0.4, 0.03, 0.02, 0.1
    for x in (-3.0, 0.3, 0.5, 2.0):
        w, centre = chi + upsilon * x + theta * x * x, x - delta - slope * x

        def integrand(y, w=w, centre=centre, norm=False):
            gauss = np.exp(-(y**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi) / sigma
            z = profiles.composite_norm(delta, chi, upsilon, theta, slope, y) if norm else 1.0
            return gauss * w / np.pi / ((centre - y) ** 2 + w**2) / z

        for norm, function in ((False, profiles.composite), (True, profiles.composite_on_the_line)):
            exact = scipy.integrate.quad(
                lambda y, i=integrand, n=norm: i(y, norm=n), -9 * sigma, 9 * sigma, points=[0.0, np.clip(centre, -8 * sigma, 8 * sigma)], limit=2000,
            )[0]  # fmt: skip
            value = function(np.array([x]), delta, chi, upsilon, theta, slope, sigma)[0]
            assert np.isclose(value, exact, rtol=1e-7, atol=1e-10), (x, norm)


def test_eq_65_is_normalised_with_z_inside_the_integral():
    parameters = (0.5, 0.6, 0.1, 0.05, 0.2, 0.4)
    total = profiles.integral(lambda x: profiles.composite_on_the_line(x, *parameters))
    assert np.isclose(total, 1.0, atol=1e-6)


@settings(max_examples=60 if LONG else 6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_fitted_widths_are_positive_and_richer_profiles_fit_better(seed):
    """Data whose best unconstrained quadratic width is negative in the tails: thin tails, noise."""
    stream = np.random.default_rng(seed)
    x = np.arange(-14, 14, 0.5) + 0.1
    truth = np.exp(-(np.abs(x - stream.uniform(-1, 1)) ** stream.uniform(1, 2)) / stream.uniform(0.5, 2))
    P = np.abs(truth / truth.sum() + 2e-3 * stream.standard_normal(x.size))
    P /= P.sum()
    fits = {name: fit_profile(name, x, P, 0.5, start=(0.0, 0.7), folds=2) for name in PROFILES}
    far = np.linspace(-100, 100, 2001)
    for name, family in PROFILES.items():
        assert np.all(family.profile(far, *fits[name].parameters) >= 0)
        for simple in family.inside:
            assert fits[name].rms <= fits[simple].rms * (1 + 1e-6)
        if "quadratic" in name or name == "composite":
            assert np.all(profiles.width(far, *fits[name].parameters[1:4]) >= -1e-12)
