import numpy as np
import pytest
from scipy.special import voigt_profile

from bigbath.broadening import distribution
from bigbath.cluster.realize import system_states
from bigbath.errors import ImpossibleRequest
from bigbath.hamiltonian import build
from bigbath.models import Ring, disorder_stream
from bigbath.solvers import Whole, solve
from bigbath.spectral import double_moments, fit_width, moments_of_state, scale, shell_spectra, window_coefficients
from bigbath.spectral.width import fit_lorentzian_behind

SIGMA, BATH_SIGMA = 0.3, 0.5


class Case:
    def __init__(self, N):
        composite = Ring(N=N).composite(disorder_stream(1, 0))
        self.h, self.b, self.system = build(composite), build(composite, "B"), system_states(composite)
        self.bath, self.states = solve(self.b, Whole()), solve(self.h, Whole())
        self.d = distribution(self.states, self.bath, self.system, width=0.5, keep=True)

    def smoothed(self, bath_energy, energy):
        """The shell average from all eigenstates, through the same Gaussians."""
        near = np.exp(-((bath_energy[:, None] - self.bath.energies) ** 2) / (2 * BATH_SIGMA**2))
        window = np.exp(-((energy[:, None] - self.states.energies) ** 2) / (2 * SIGMA**2)) / np.sqrt(2 * np.pi) / SIGMA
        return np.einsum("bm,mik,ek->ibe", near / near.sum(axis=1, keepdims=True), self.d.p, window, optimize=True)


@pytest.fixture(scope="module")
def case():
    return Case(9)


@pytest.fixture(scope="module")
def spectra(case):
    s, sb = scale(case.h), scale(case.b)
    moments = double_moments(
        case.h,
        case.b,
        case.system.vectors,
        degree=s.degree(SIGMA),
        bath_degree=sb.degree(BATH_SIGMA),
        vectors=12,
        rng=np.random.default_rng(5),
    )
    low, high = case.states.extremes
    energy = np.linspace(low - 2, high + 2, 160)
    return shell_spectra(moments, np.array([-3.0, 0.0, 3.0]), energy, sigma=SIGMA, bath_sigma=BATH_SIGMA)


def test_windows_are_gaussians(case):
    s = scale(case.h)
    degree = s.degree(SIGMA)
    coefficients = window_coefficients(np.array([0.4]), SIGMA, s, degree)[0]
    x = np.linspace(-0.98, 0.98, 50)
    values = np.polynomial.chebyshev.chebval(x, coefficients)
    expected = np.exp(-((0.4 - s.centre - s.half_width * x) ** 2) / (2 * SIGMA**2)) / np.sqrt(2 * np.pi) / SIGMA
    assert np.abs(values - expected).max() < 1e-6 * expected.max()
    with pytest.raises(ImpossibleRequest, match="resolve"):
        window_coefficients(np.array([0.4]), SIGMA / 2, s, degree)


def test_a_single_state_without_eigenstates(case):
    mu = 128
    phi = np.kron(case.system.vectors[:, 0], case.bath.vectors()[:, mu])
    s = scale(case.h)
    energy = np.linspace(-8, 8, 60)
    density = moments_of_state(case.h, phi, s.degree(SIGMA), s).density(energy, SIGMA)
    window = np.exp(-((energy[:, None] - case.states.energies) ** 2) / (2 * SIGMA**2)) / np.sqrt(2 * np.pi) / SIGMA
    assert np.allclose(density, window @ case.d.p[mu, 0], atol=1e-6)


def test_shell_average_agrees_within_its_error_bars(case, spectra):
    exact = case.smoothed(spectra.bath_energy, spectra.energy)
    where = exact > 0.02
    pull = (spectra.density - exact)[where] / spectra.error[where]
    assert 0.4 < np.sqrt(np.mean(pull**2)) < 2.0
    assert np.abs(spectra.density - exact).max() < 0.05


def test_sum_rules(case, spectra):
    step = spectra.energy[1] - spectra.energy[0]
    assert np.allclose(spectra.density.sum(axis=-1) * step, 1, atol=1e-3)
    assert np.isclose(spectra.levels.sum() * step, 512, rtol=1e-3)


def test_error_bars_shrink_with_more_vectors(case):
    s, sb = scale(case.h), scale(case.b)
    energy, errors = np.linspace(-6, 6, 40), []
    for vectors in (6, 24):
        rng = np.random.default_rng(1)
        moments = double_moments(
            case.h,
            case.b,
            case.system.vectors,
            degree=s.degree(SIGMA),
            bath_degree=sb.degree(BATH_SIGMA),
            vectors=vectors,
            rng=rng,
        )
        errors.append(shell_spectra(moments, np.array([0.0]), energy, sigma=SIGMA, bath_sigma=BATH_SIGMA).error.mean())
    assert 1.3 < errors[0] / errors[1] < 3.0  # sqrt(4) = 2


def test_known_gaussian_is_taken_out():
    x = np.linspace(-20, 20, 801)
    centre, chi = fit_lorentzian_behind(x, voigt_profile(x - 0.7, 0.4, 0.6), 0.4)
    assert np.isclose(centre, 0.7, atol=1e-6) and np.isclose(chi, 0.6, atol=1e-6)


def test_width_and_entropy_of_the_shell_average(case, spectra):
    fit = fit_width(spectra)
    exact = case.smoothed(spectra.bath_energy, spectra.energy)
    for i in range(2):
        for b in range(3):
            centre, chi = fit_lorentzian_behind(spectra.energy, exact[i, b], float(np.hypot(SIGMA, BATH_SIGMA)))
            assert abs(fit.chi[i, b] - chi) < 4 * fit.chi_error[i, b] + 1e-3
            assert abs(fit.centre[i, b] - centre) < 4 * fit.centre_error[i, b] + 1e-3
    s, error = spectra.entropy()
    assert np.all(error > 0) and np.all(s > case.d.shannon[100:150].mean()) and np.all(s < np.log(512))
