"""No number of a start, a tolerance or a threshold is an energy: results in other units are the same results."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import voigt_profile

import bigbath as bb
from bigbath.broadening.interaction import fit_square_wave, interaction
from bigbath.broadening.profile_fit import PROFILES, fit_profile
from bigbath.broadening.resolvent import lanczos
from bigbath.broadening.shells import Shells
from bigbath.broadening.system import system_states
from bigbath.models import Custom
from bigbath.operators import build
from bigbath.spectral.width import fit_smeared

EXAMPLES = 200 if os.environ.get("BIGBATH_LONG") else 6
#: Powers of ten by which energies are multiplied, and shifts in units of the width of a shell.
SCALES, SHIFTS = st.floats(-6, 6).map(lambda power: 10.0**power), st.floats(-50, 50)
SEEDS = st.integers(0, 2**32 - 1)


def shells_at(energy, width):
    edges = np.append(energy - width / 2, energy[-1] + width / 2)
    return Shells(width=width, first=0, edges=edges, energy=energy, count=np.ones(energy.size, dtype=int))


@settings(max_examples=EXAMPLES, deadline=None)
@given(SCALES, SHIFTS, SEEDS)
def test_a_fit_through_gaussians(s, shift, seed):
    random = np.random.default_rng(seed)
    x, width, sigma = np.arange(-12.0, 12.5, 0.5), 0.5, random.uniform(0.1, 0.4)
    P = width * voigt_profile(x - random.uniform(-3, 3), sigma, random.uniform(0.4, 1.2))
    P *= 1 + 0.02 * random.standard_normal(x.size)
    centre, chi, rms = fit_smeared(shells_at(x, width), P, sigma)
    moved = shells_at(s * (x + shift * width), s * width)
    found = fit_smeared(moved, P, s * sigma)
    assert np.allclose(found, (s * (centre + shift * width), s * chi, rms), rtol=1e-6, atol=1e-6 * s * chi)
    assert np.isclose(found[2], rms, rtol=1e-6)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SCALES, SEEDS)
def test_a_square_wave(s, seed):
    random = np.random.default_rng(seed)
    x = np.arange(-10.0, 10.5, 0.5)
    amplitude, slope, lower, upper = random.uniform((0.05, 1.0, 2.0, 3.0), (0.2, 2.5, 4.0, 5.0))
    F2 = amplitude * (np.tanh(slope * (x + lower)) + np.tanh(slope * (upper - x)))
    F2 += 1e-3 * amplitude * random.standard_normal(x.size)
    one, other = fit_square_wave(x, F2), fit_square_wave(s * x, s**2 * F2)
    expected = (s**2 * one.amplitude, one.slope / s, s * one.lower, s * one.upper)
    assert np.allclose((other.amplitude, other.slope, other.lower, other.upper), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", sorted(PROFILES))
@settings(max_examples=max(2, EXAMPLES // 3), deadline=None)
@given(SCALES, SEEDS)
def test_a_profile(name, s, seed):
    random = np.random.default_rng(seed)
    x, width = np.arange(-10.0, 10.5, 0.5), 0.5
    delta, chi = random.uniform((-1, 0.5), (1, 0.9))
    P = chi / np.pi / ((x - delta) ** 2 + chi**2)
    P *= (1 + 0.05 * random.standard_normal(x.size)) / P.sum()
    one = fit_profile(name, x, P, width, start=(delta, chi))
    other = fit_profile(name, s * x, P, s * width, start=(s * delta, s * chi))
    assert np.isclose(other.rms, one.rms, rtol=1e-4)
    assert np.allclose(other.parameters[:2], s * one.parameters[:2], rtol=1e-2, atol=1e-2 * s * chi)
    if one.parameters.size > 3:  # chi + upsilon x + theta x^2
        assert np.allclose(other.parameters[3] * s, one.parameters[3], rtol=1e-2, atol=1e-3)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SCALES, SEEDS)
def test_a_krylov_space_ends_at_the_same_step(s, seed):
    random = np.random.default_rng(seed)
    q, _ = np.linalg.qr(random.standard_normal((20, 20)))
    levels = np.repeat(random.standard_normal(5), 4)  # five levels: at most five steps
    h, start = q @ np.diag(levels) @ q.T, random.standard_normal(20)
    one, other = lanczos(lambda v: h @ v, start, 12), lanczos(lambda v: s * (h @ v), start, 12)
    assert one.alpha.size == other.alpha.size == 5
    assert np.allclose(other.alpha, s * one.alpha, rtol=1e-6, atol=1e-8 * s)
    assert np.allclose(other.beta, s * one.beta, rtol=1e-6, atol=1e-8 * s)


def chain(s):
    bonds = tuple((s * (1.0 + 0.1 * j), j, j + 1) for j in range(1, 4))
    fields = tuple((s * (0.7 + 0.1 * j), j) for j in range(1, 5))
    coupling = (("xx", ((0.4 * s, 0, 1),)), ("zx", ((0.3 * s, 0, 3),)))
    return Custom(
        system_sites=1, L=5, system=(("z", ((0.7 * s, 0),)),), bath=(("zz", bonds), ("x", fields)), interaction=coupling
    )


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.floats(-18, 6).map(lambda power: 10.0**power))
def test_elements_of_a_weak_interaction_are_not_taken_for_rounding(s):
    def elements(scale):
        model = bb.draw(chain(scale))
        bath = bb.solve(build(model, "B"), bb.Whole())
        v = interaction(build(model, "V"), bath, system_states(model))
        return np.abs(v.elements(np.arange(bath.energies.size)))

    assert np.allclose(elements(s) / s, elements(1.0), atol=1e-9)
