import numpy as np
import pytest
from scipy.signal import fftconvolve

from bigbath.broadening import profiles


def test_voigt_is_the_convolution_of_eq_55():
    step = 0.005
    x = step * np.arange(-20000, 20001)
    gauss = np.exp(-(x**2) / (2 * 0.4**2)) / np.sqrt(2 * np.pi) / 0.4
    convolved = fftconvolve(gauss, profiles.lorentzian(x, 0.0, 0.7), "same") * step
    middle = slice(18000, 22001)
    assert np.allclose(profiles.voigt(x[middle], 0.0, 0.7, 0.4), convolved[middle], atol=1e-5)
    assert np.allclose(profiles.voigt(x, 0.3, 0.7, 0.0), profiles.lorentzian(x, 0.3, 0.7))


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
    fits = {n: profiles.fit_profile(n, x, P, 0.5, start=(0.4, 0.7)) for n in ("lorentzian", "voigt", "quadratic width")}
    assert fits["voigt"].aic < fits["lorentzian"].aic - 10
    assert fits["voigt"].cross_validated < fits["lorentzian"].cross_validated
    assert np.allclose(np.abs(fits["voigt"].parameters), [0.5, 0.4, 0.6], atol=0.05)


def test_every_profile_fits_a_real_distribution(ring):
    mu = 128
    filled = ring.d.shells.filled
    x = ring.d.shells.energy[filled] - ring.bare[mu, 0]
    P = ring.d.P[mu, 0, filled]
    start = (float(ring.fit.centre[mu, 0] - ring.bare[mu, 0]), float(ring.fit.chi[mu, 0]))
    line = profiles.fit_profile("lorentzian", x, P, 0.5, start=start, norm="line")
    assert np.allclose(line.parameters, [start[0], start[1]], atol=1e-5)
    fits = {}
    for name in profiles.PROFILES:
        fit = fits[name] = profiles.fit_profile(name, x, P, 0.5, start=start, folds=3)
        assert np.isfinite(fit.aic) and np.isfinite(fit.cross_validated)
        assert fit.rms <= 1.01 * fits["lorentzian"].rms
