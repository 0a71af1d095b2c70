import numpy as np
import pytest
import scipy.integrate

from bigbath.broadening import distribution
from bigbath.broadening.density_of_states import Binomial, FromLevels, Gaussian, kappa
from bigbath.broadening.entropy import (
    lorentzian_entropy,
    lorentzian_entropy_integral,
    lorentzian_renyi2,
    observational,
    renyi,
    shannon,
)
from bigbath.broadening.subsystem import branch_weights, canonical_weights, gaussian_weights, predicted_weights

K = kappa(1.05, 0.1, sites=15, bonds=15)


def test_sums_and_moments(ring):
    p, levels = ring.d.p, ring.states.energies
    assert np.allclose(p.sum(axis=-1), 1)
    assert np.allclose(p @ levels, ring.bare + ring.strength.diagonal)  # <H> = a + V
    second = (ring.bare + ring.strength.diagonal) ** 2 + ring.strength.sums(np.ones((256, 2, 1)))[..., 0]
    assert np.allclose(p @ levels**2, second)  # <H^2>
    assert np.allclose(branch_weights(p).sum(axis=1), 1)  # Eq. 56


def test_entropies_agree_with_the_kernel_and_obey_their_order(ring):
    p = ring.d.p
    assert np.allclose(shannon(p), ring.d.shannon, rtol=1e-10)
    assert np.allclose(renyi(p, 2), ring.d.renyi2, rtol=1e-10)
    ladder = [renyi(p, alpha) for alpha in (0.5, 1, 2, 3, np.inf)]
    for higher, lower in zip(ladder[:-1], ladder[1:], strict=True):
        assert np.all(higher >= lower - 1e-12)
    assert np.allclose(renyi(p, 1 + 1e-6), shannon(p), atol=1e-4)


@pytest.mark.parametrize("width", [0.1, 0.5, 2.0, 100.0])
def test_observational_entropy_is_at_least_von_neumann(ring, width):
    d = ring.d if width == 0.5 else distribution(ring.states, ring.bath, ring.system, width=width)
    s = observational(d.P, d.shells.count)
    assert np.all(s >= d.shannon - 1e-10)
    if width == 100.0:
        assert np.allclose(s, np.log(512))


def test_densities_of_states():
    binomial, gaussian = Binomial(sites=15, kappa=K), Gaussian(sites=15, kappa=K)
    for density, atol in ((binomial, 1e-3), (gaussian, 1e-4)):
        total = scipy.integrate.quad(lambda x, d=density: float(np.exp(d.entropy(x))), -24, 24, limit=200)[0]
        assert abs(total / 2**15 - 1) < atol
        x = np.array([-8.0, 0.3, 6.0])
        slope = (density.entropy(x + 1e-5) - density.entropy(x - 1e-5)) / 2e-5
        assert np.allclose(density.beta(x), slope, atol=1e-8)
    assert np.isneginf(binomial.entropy(np.array([30.0])))[0]


def test_density_from_levels(ring):
    levels = ring.states.energies
    density = FromLevels(levels=levels, width=0.4)
    x = np.array([-5.0, 0.0, 4.0])
    expected = np.exp(-((x[:, None] - levels) ** 2) / (2 * 0.4**2)).sum(axis=1) / np.sqrt(2 * np.pi) / 0.4
    assert np.allclose(np.exp(density.entropy(x)), expected, rtol=5e-3)
    assert np.allclose(density.beta(x), (density.entropy(x + 1e-4) - density.entropy(x - 1e-4)) / 2e-4, atol=1e-4)
    assert np.isneginf(density.entropy(np.array([99.0])))[0]


def test_eqs_38_and_53_by_quadrature():
    density = Gaussian(sites=15, kappa=K)
    centre, chi, support = -0.986, 0.606, (-24.0, 24.0)

    def profile(x):
        return chi / np.pi / ((x - centre) ** 2 + chi**2)

    norm = scipy.integrate.quad(profile, *support, points=[centre], limit=500)[0]
    integral = scipy.integrate.quad(
        lambda x: profile(x) / norm * (float(density.entropy(x)) - np.log(profile(x) / norm)),
        *support,
        points=[centre],
        limit=500,
    )[0]
    assert np.isclose(lorentzian_entropy_integral(centre, chi, density, support=support), integral, atol=1e-4)
    log_terms = scipy.integrate.quad(lambda x: -profile(x) * np.log(profile(x)), -np.inf, np.inf, limit=500)[0]
    assert np.isclose(log_terms, np.log(4 * np.pi * chi), atol=1e-5)  # the second term of Eq. 38
    purity = scipy.integrate.quad(lambda x: profile(x) ** 2, -np.inf, np.inf)[0]
    assert np.isclose(-np.log(purity), np.log(2 * np.pi * chi), rtol=1e-8)  # Eq. 53
    assert np.isclose(
        lorentzian_entropy(centre, chi, density) - lorentzian_renyi2(centre, chi, density), np.log(2), rtol=1e-12
    )
    printed = 15 * np.log(2) - 2 * K**2 * centre**2 / 15 + np.log(4 * np.pi * chi) - np.log(np.pi * 15 / (2 * K**2)) / 2
    assert np.isclose(lorentzian_entropy(centre, chi, density), printed, rtol=1e-12)  # Eq. 49


def test_subsystem_predictions_obey_their_constraint(ring):
    x = np.array([-4.0, 0.0, 4.0])
    density = FromLevels(levels=ring.states.energies, width=0.5)
    weights = predicted_weights(x, ring.fit.centre, ring.fit.chi, density)
    assert np.abs(weights.sum(axis=1) - 1).max() < 0.1
    total = Gaussian(sites=9, kappa=kappa(1.05, 0.1, sites=9, bonds=9))
    bath = Gaussian(sites=8, kappa=kappa(1.05, 0.1, sites=8, bonds=7))
    closed = np.stack(
        [
            gaussian_weights(x, e, s, 0.6, 0.0, total, bath)
            for e, s in zip(ring.system.energies, (-0.5, 0.5), strict=True)
        ],
        axis=1,
    )
    assert np.abs(closed.sum(axis=1) - 1).max() < 0.1
    exact = branch_weights(ring.d.p)
    assert np.allclose(exact.sum(axis=1), 1, rtol=1e-12)  # Eq. 56: product states are complete
    levels = ring.states.energies
    middle = np.abs(levels) < 5
    smooth = np.polyval(np.polyfit(levels[middle], exact[middle, 0], 3), levels[middle])
    bare = canonical_weights(levels, ring.system.energies, total)
    assert np.allclose(bare.sum(axis=1), 1)
    assert np.abs(smooth - bare[middle, 0]).max() < 0.04
    # Tr_B V = 0, so that to first order in beta the local state is canonical with E_i, not with E_i + Delta_i as Eq. 60 has it
    shifted = canonical_weights(levels, ring.system.energies + np.array([-0.55, 0.55]), total)
    assert np.abs(smooth - bare[middle, 0]).mean() < 0.5 * np.abs(smooth - shifted[middle, 0]).mean()
