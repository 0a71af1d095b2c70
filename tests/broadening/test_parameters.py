import numpy as np
import pytest
import scipy.integrate

from bigbath.broadening.regression import branches, regress
from bigbath.broadening.self_consistent import (
    coarse_grained,
    hilbert_matrix,
    other_branch,
    reconstruct,
    solve_parameters,
    solve_spectra,
)
from bigbath.errors import ImpossibleRequest


def test_regression_against_polyfit():
    stream = np.random.default_rng(3)
    x = stream.uniform(-10, 10, 200)
    y = 0.998 * x - 1.61 + 0.05 * stream.standard_normal(200)
    line = regress(x, y)
    best, covariance = np.polyfit(x, y, 1, cov="unscaled")
    noise = np.sum((np.polyval(best, x) - y) ** 2) / 198
    assert np.allclose([line.slope, line.intercept], best, rtol=1e-8)
    assert np.allclose([line.slope_error, line.intercept_error], np.sqrt(noise * np.diag(covariance)), rtol=1e-8)
    both = branches(x, np.array([-1.0, 1.0]), np.stack([y, y + 2], axis=1), np.ones((200, 2)))
    assert np.isclose(both[0].shift.slope, line.slope - 1)
    assert np.isclose(both[1].shift.intercept, line.intercept + 1)


def test_reconstruction_against_dense_sums(ring):
    s = ring.strength
    centre, chi = ring.fit.centre, ring.fit.chi
    energy = other_branch(centre, np.array([2.63, -2.63]))
    weights = np.abs(ring.dense_interaction()) ** 2
    for mu in (0, 100):
        for i in (0, 1):
            w = weights[mu, i].copy()
            w[mu, i] = 0
            t = energy[mu, i] - centre
            expected = (w * chi / (t**2 + chi**2)).sum(), (w * t / (t**2 + chi**2)).sum()
            new_chi, shift = reconstruct(s, centre, chi, energy)
            assert np.allclose((new_chi[mu, i], shift[mu, i]), expected, rtol=1e-8, atol=1e-10)


def test_the_other_branch_makes_the_paper_self_consistent(bigger):
    centre, chi = bigger.fit.centre, bigger.fit.chi
    eta = np.array([2.63, -2.63])
    middle = slice(256, 768)
    right = reconstruct(bigger.strength, centre, chi, other_branch(centre, eta))[0][middle].mean()
    literal = reconstruct(bigger.strength, centre, chi, centre - eta)[0][middle].mean()
    fitted = chi[middle].mean()
    assert abs(right / fitted - 1) < 0.15
    assert literal < 0.3 * fitted


def test_iterated_parameters_solve_their_equations(bigger):
    eta = np.array([2.63, -2.63])
    solution = solve_parameters(bigger.strength, bigger.bare, eta=eta, tolerance=1e-3)
    middle = slice(200, 824)  # at the ends of the spectrum there are too few states for a smooth solution
    assert solution.convergence.settled[middle].mean() > 0.9
    chi, shift = reconstruct(bigger.strength, solution.centre, solution.chi, other_branch(solution.centre, eta))
    assert np.abs(chi - solution.chi)[middle].max() < 5e-3
    assert np.abs(bigger.bare + bigger.strength.diagonal + shift - solution.centre)[middle].max() < 5e-3
    assert abs(np.median(solution.chi) / np.median(bigger.fit.chi) - 1) < 0.2
    peak = solve_parameters(bigger.strength, bigger.bare, tolerance=1e-3)  # lambda at each peak: too narrow
    assert np.median(peak.chi[middle]) < 0.85 * np.median(bigger.fit.chi[middle])
    stopped = solve_parameters(bigger.strength, bigger.bare, eta=eta, iterations=2)
    assert not stopped.convergence.converged and stopped.convergence.iterations == 2


def test_hilbert_matrix_transforms_a_lorentzian():
    step = 0.02
    x = -40 + step * (np.arange(4000) + 0.5)
    density = 0.7 / np.pi / (x**2 + 0.7**2)
    middle = slice(1500, 2500)
    assert np.allclose((hilbert_matrix(4000) @ density)[middle], (x / (x**2 + 0.7**2))[middle], atol=2e-3)


def test_closed_equations_for_p_converge_to_the_measured_distribution(bigger):
    low, high = bigger.states.extremes
    solution = solve_spectra(bigger.strength, bigger.bare, (low - 6, high + 6), cells=250, tolerance=1e-3)
    assert solution.convergence.converged
    middle = slice(200, 824)
    assert np.abs(solution.norm[middle] - 1).max() < 5e-3
    P = solution.binned(bigger.d.shells.edges)[middle]
    exact = bigger.d.P[middle]
    error = np.abs(P - exact).sum(axis=-1).mean()
    assert error < 0.4  # the 1-norm of the difference of two disjoint distributions is 2
    # first moment: a + V, exactly as <H>; second: <H^2>
    mean = (solution.density * solution.energy).sum(axis=-1) * solution.step
    assert np.abs(mean[middle] - bigger.d.mean[middle]).max() < 0.02


def test_binned_spectra_keep_their_weight(bigger):
    low, high = bigger.states.extremes
    solution = solve_spectra(bigger.strength, bigger.bare, (low - 6, high + 6), cells=300, iterations=1)
    edges = np.linspace(low - 6, high + 6, 37)
    assert np.allclose(solution.binned(edges).sum(axis=-1), solution.norm, rtol=1e-10)


def test_coarse_grained_numbers_and_equations():
    point = coarse_grained(1.982, 7.2, 2.63)
    for integrand, expected in ((lambda d: point.chi, point.chi), (lambda d: d - 2.63, -point.delta)):
        value = scipy.integrate.quad(
            lambda d, f=integrand: f(d) / ((d - 2.63) ** 2 + point.chi**2), -3.6, 3.6, points=[2.63]
        )[0]
        assert np.isclose(1.982 / 7.2 * value, expected, rtol=1e-8)
    with pytest.raises(ImpossibleRequest, match="no solution"):
        coarse_grained(0.01, 7.2, 5.0)
