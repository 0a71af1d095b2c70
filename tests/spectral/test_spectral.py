import numpy as np
import pytest
from scipy.special import voigt_profile
from support import dense

from bigbath.broadening import Shells, distribution, fit_lorentzian, shells_of
from bigbath.cluster.realize import system_states
from bigbath.models import TFIM, XXZ, Imbrie, Ring, draw
from bigbath.operators import build
from bigbath.solvers import Whole, solve
from bigbath.solvers.problem import spectral_extremes
from bigbath.spectral import (
    ShellAverage,
    ShellVectors,
    Windows,
    fit_smeared,
    jackknife_error,
    scaled_operator,
    shell_average,
    shell_parameters,
    smeared_distribution,
    state_moments,
)
from bigbath.spectral.chebyshev import coefficients, gaussians, quadrature, smeared_shells
from bigbath.spectral.products import InWholeSpace

SIGMA, BATH_SIGMA, WIDTH = 0.1, 0.3, 0.5
ENERGIES = np.array([-2.0, 0.0, 2.0])


class Case:
    """A model with all its eigenstates, and its shell vectors."""

    def __init__(self, model):
        self.composite = draw(model)
        self.system = system_states(self.composite)
        self.bath, self.states = solve(build(self.composite, "B"), Whole()), solve(build(self.composite), Whole())
        self.d = distribution(self.states, self.bath, self.system, width=WIDTH, keep=True)
        self.vectors = ShellVectors.of(self.composite, ENERGIES, bath_sigma=BATH_SIGMA, sigma=SIGMA)

    def exact(self):
        """The shell average from all eigenstates."""
        near = gaussians(self.bath.energies, ENERGIES, BATH_SIGMA)
        mean = np.einsum("bm,mik->ibk", near / near.sum(axis=1, keepdims=True), self.d.p)
        levels = self.states.energies
        shells, P = smeared_distribution(
            levels, np.ones(levels.size), mean, extremes=self.states.extremes, width=WIDTH, sigma=SIGMA
        )
        none = np.empty((0, *P.shape))
        return ShellAverage(shells=shells, P=P, smear=np.hypot(SIGMA, BATH_SIGMA), samples=none, counts=none[:, 0, 0])


@pytest.fixture(scope="module", params=[Ring(N=9), Imbrie(L=8)], ids=["ring", "imbrie"])
def case(request):
    return Case(request.param)


def sampled(case, number, seed=5):
    return [case.vectors.moments(np.random.default_rng([seed, r])) for r in range(number)]


@pytest.fixture(scope="module")
def average(case):
    return shell_average(case.vectors, sampled(case, 16), width=WIDTH)


def test_windows_are_smeared_shells():
    h = scaled_operator(draw(Ring(N=7)))
    edges = np.array([-1.0, -0.5, 0.7])
    points = quadrature(h.scale, h.degree(SIGMA))
    series = coefficients(smeared_shells(points, edges, SIGMA))
    energy = np.linspace(*h.extremes, 50)
    values = np.polynomial.chebyshev.chebval((energy - h.scale.centre) / h.scale.halfwidth, series.T)
    assert np.abs(values - smeared_shells(energy, edges, SIGMA)).max() < 1e-6
    assert np.allclose(smeared_shells(energy, edges, 1e-9)[0], (energy >= -1.0) & (energy < -0.5))


@pytest.mark.parametrize("model", [Ring(N=7), TFIM(L=7), Ring(N=5)], ids=["flips", "rotated elsewhere", "matrix"])
@pytest.mark.parametrize("part", ["H", "B"])
def test_operators_are_the_hamiltonians(model, part):
    composite = draw(model)
    h, exact = scaled_operator(composite, part), build(composite, part)
    assert np.allclose(h.extremes, spectral_extremes(exact), atol=1e-8)
    vector = np.random.default_rng(1).standard_normal(exact.dim)
    low, high, total = h.operator.zeros(3)
    h.operator.put(high, vector[:, None])
    h.operator.steps(low, high, total, np.empty(0), 1)
    scaled = (exact.matrix @ vector - h.scale.centre * vector) / h.scale.halfwidth
    assert np.allclose(h.operator.get(low)[:, 0], 2 * scaled, atol=1e-12)
    if part == "H":
        phi, out = np.array([0.6, -0.8]), np.empty(exact.dim // 2)
        InWholeSpace(operator=h.operator, phi=phi).contract(high, out)
        assert np.allclose(out, phi @ vector.reshape(2, -1), atol=1e-14)


def test_complex_models():
    """A bath with a chirality, all configurations: every moment beside dense matrices."""
    ring = XXZ(L=6, W=0.7, phi=0.9)
    composite = draw(ring)
    vectors = ShellVectors.of(composite, ENERGIES, bath_sigma=BATH_SIGMA, sigma=SIGMA)
    H, B = (dense(build(composite, part).matrix) for part in ("H", "B"))
    (E, psi), (levels, states) = np.linalg.eigh(H), np.linalg.eigh(B)
    assert np.abs(H.imag).max() > 0.05
    found, r = vectors.moments(np.random.default_rng(3)), np.random.default_rng(3).choice((-1.0, 1.0), size=32)
    T = np.cos(
        np.outer(np.arange(found.trace.size), np.arccos((E - vectors.h.scale.centre) / vectors.h.scale.halfwidth))
    )
    a = (states * gaussians(levels, ENERGIES, BATH_SIGMA)[:, None, :]) @ (states.conj().T @ r)
    for i, phi in enumerate(system_states(composite).vectors.T):
        left, right = np.array([np.kron(phi, v) for v in a]).conj() @ psi, psi.conj().T @ np.kron(phi, r)
        assert np.abs(found.shell[i] - (left * right @ T.T).real / 32).max() < 1e-6
        assert np.abs(found.weight[i] - (a.conj() @ r).real / 32).max() < 1e-6


def test_a_single_state_without_eigenstates(case):
    mu, h = 128, case.vectors.h
    phi = np.kron(case.system.vectors[:, 0], case.bath.vectors()[:, mu])
    P = Windows(h, width=WIDTH, sigma=SIGMA).series @ state_moments(h, phi, h.degree(SIGMA))
    levels = case.states.energies
    _, exact = smeared_distribution(
        levels, np.ones(levels.size), case.d.p[mu, 0], extremes=case.states.extremes, width=WIDTH, sigma=SIGMA
    )
    assert np.allclose(P, exact, atol=1e-6)
    assert np.isclose(P.sum(), 1, atol=1e-6)


def test_sharp_shells_are_those_of_the_eigenstates(case):
    levels = case.states.energies
    shells, P = smeared_distribution(
        levels, np.ones(levels.size), case.d.p, extremes=case.states.extremes, width=WIDTH, sigma=1e-12
    )
    theirs = shells_of(case.states, WIDTH)
    assert np.allclose(P, case.d.P, atol=1e-12) and np.array_equal(shells.count, theirs.count)
    assert np.allclose(shells.energy[theirs.filled], theirs.energy[theirs.filled])


def test_shell_average_agrees_within_its_error_bars(average, case):
    exact = case.exact()
    error = jackknife_error(average.samples)
    where = exact.P > 0.02
    pull = (average.P - exact.P)[where] / error[where]
    assert 0.4 < np.sqrt(np.mean(pull**2)) < 1.8
    pull = (average.shells.count - exact.shells.count) / np.maximum(jackknife_error(average.counts), 1e-3)
    assert np.sqrt(np.mean(pull**2)) < 2.5


def test_parameters_agree_within_their_error_bars(average, case):
    found, exact = shell_parameters(average), shell_parameters(case.exact())
    for name in ("centre", "chi", "observational"):
        pull = (getattr(found, name) - getattr(exact, name)) / getattr(found, f"{name}_error")
        assert np.abs(pull).max() < 4, name
        assert np.all(np.isnan(getattr(exact, f"{name}_error")))


def test_sum_rules(average):
    assert np.allclose(average.P.sum(axis=-1), 1, atol=1e-6)
    assert np.isclose(average.shells.count.sum(), 512, rtol=1e-3)  # the last edge cuts the smear of the highest level


def test_error_bars_shrink_with_more_vectors():
    case = Case(Ring(N=8))
    moments = sampled(case, 32)
    errors = [
        jackknife_error(shell_average(case.vectors, part, width=WIDTH).samples).mean()
        for part in (moments[:8], moments)
    ]
    assert 1.4 < errors[0] / errors[1] < 2.8  # sqrt(4) = 2


def test_moments_depend_on_the_stream_alone(case):
    one, again = (vars(case.vectors.moments(np.random.default_rng([3, 1]))) for _ in range(2))
    assert all(np.array_equal(one[name], again[name]) for name in ("shell", "trace", "weight"))


def test_known_gaussian_is_taken_out():
    x = np.linspace(-20, 20, 81)
    shells = Shells(width=0.5, first=0, edges=np.r_[x - 0.25, 20.25], energy=x, count=np.ones(81))
    centre, chi, rms = fit_smeared(shells, 0.5 * voigt_profile(x - 0.7, 0.4, 0.6), 0.4)
    assert np.allclose([centre, chi, rms], [0.7, 0.6, 0], atol=1e-6)
    P = 0.5 * voigt_profile(x - 0.7, 0.0, 0.6) + 1e-3 * np.random.default_rng(0).standard_normal(81)
    theirs = fit_lorentzian(shells, P[None])
    assert np.allclose(fit_smeared(shells, P, 0.0)[:2], (theirs.centre[0], theirs.chi[0]), atol=1e-5)
