"""Distributions p_n: sum rules, shells, independence of symmetries and of the engine."""

import os
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import KINDS, dense, hamiltonian_of, random_model

from bigbath import (
    Dense,
    Density,
    Interval,
    Levels,
    Nearest,
    ShiftInvert,
    Whole,
    distribution,
    fit_lorentzian,
    solve,
    system_states,
)
from bigbath.broadening import shells_of
from bigbath.broadening.shells import MOST
from bigbath.errors import ImpossibleRequest
from bigbath.models import Custom, Imbrie, Ring, disorder_stream


def ingredients(model, *, bath_window=None, seed=1):
    composite = model.composite(disorder_stream(seed, 0))
    bath = solve(hamiltonian_of(model, "B", seed=seed), bath_window or Whole(), engine=Dense())
    return hamiltonian_of(model, seed=seed), bath, system_states(composite)


def product_states(bath, system):
    """phi_i (x) phi_mu as columns (D, m D_S), mu slow, i fast."""
    V = bath.vectors()
    pairs = [np.kron(system.vectors[:, i], V[:, mu]) for mu in range(V.shape[1]) for i in range(system.energies.size)]
    return np.stack(pairs, axis=1)


def complex_model():
    model = random_model(np.random.default_rng(5), "custom", 6)
    fields = {
        "L": model.L,
        "system_sites": model.system_sites,
        "bath": (*model.bath, ("xyz", ((0.6, 2, 3, model.L - 1),))),
    }
    return Custom(system=(*model.system, ("y", ((0.4, 0),))), interaction=model.interaction, **fields)


MODELS = [*(random_model(np.random.default_rng(4), kind, 7) for kind in KINDS), Ring(N=7), complex_model()]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_sum_rules(model):
    """sum p = 1, sum p E = <H>, sum p E^2 = <H^2>; sum of shells 1; S_2 <= S_1 <= ln D; p is |<n|mu i>|^2."""
    h, bath, system = ingredients(model)
    states = solve(h, Whole(), engine=Dense())
    d = distribution(states, bath, system, width=0.5, keep=True)
    H, product = dense(h.matrix), product_states(bath, system)
    shape = d.norm.shape
    assert shape == (bath.energies.size, system.energies.size)
    assert np.abs(d.norm - 1).max() < 1e-11
    mean = np.einsum("ds,ds->s", product.conj(), H @ product).real.reshape(shape)
    second = (np.linalg.norm(H @ product, axis=0) ** 2).reshape(shape)
    assert np.allclose(d.mean, mean, atol=1e-10)
    assert np.allclose(d.second_moment, second, rtol=1e-10)
    assert np.allclose(d.P.sum(axis=-1), 1, atol=1e-11)
    assert np.all(d.P >= 0)
    assert np.all(d.renyi2 <= d.shannon + 1e-10)
    assert np.all(d.renyi2 >= -1e-10)
    assert np.all(d.shannon <= np.log(h.dim) + 1e-10)
    direct = np.abs(states.vectors().conj().T @ product).T.reshape(*shape, -1) ** 2
    assert np.allclose(d.p, direct, atol=1e-12)
    log = np.log(np.where(direct > 0, direct, 1))
    assert np.allclose(d.shannon, -(direct * log).sum(-1), atol=1e-10)
    assert np.allclose(d.renyi2, -np.log((direct**2).sum(-1)), atol=1e-10)


def test_mean_energy_of_an_off_diagonal_interaction():
    """With V = g tau^x sigma^x and tau^z thermometer states <V> = 0, so that the mean is E_i + epsilon_mu exactly."""
    h, bath, system = ingredients(Imbrie(L=6, g=0.7))
    d = distribution(solve(h, Whole(), engine=Dense()), bath, system, width=0.5)
    assert np.allclose(d.mean, bath.energies[:, None] + system.energies, atol=1e-11)


def test_p_of_nondegenerate_levels_does_not_depend_on_the_symmetries():
    """Of the pairs of degenerate levels only the sum is well defined, and it does not depend on them either."""
    h, bath, system = ingredients(Ring(N=7))
    runs = [
        distribution(solve(h, Whole(), engine=Dense(), symmetries=s), bath, system, width=0.5, keep=True)
        for s in ((), ("reflection",), ("momentum",), None)
    ]
    energies = np.linalg.eigvalsh(dense(h.matrix))
    level = np.concatenate([[0], np.cumsum(np.diff(energies) > 1e-8)])
    single = np.isin(level, np.flatnonzero(np.bincount(level) == 1))
    assert 10 < single.sum() < energies.size
    starts = np.flatnonzero(np.diff(level, prepend=-1))
    for other in runs[1:]:
        assert np.abs(other.p[..., single] - runs[0].p[..., single]).max() < 1e-10
        assert np.allclose(np.add.reduceat(other.p, starts, -1), np.add.reduceat(runs[0].p, starts, -1), atol=1e-10)
        assert np.allclose(other.P, runs[0].P, atol=1e-10)
    assert np.abs(runs[1].p - runs[3].p).max() < 1e-10  # reflection separates every pair: all of p_n


@pytest.mark.parametrize("width", [0.3, 0.5, 1.7])
def test_shells_of_the_whole_spectrum(width):
    """Centred on E_min + m width, gap-free, every level in one; the abscissa is the levels' mean."""
    h = hamiltonian_of(Ring(N=7))
    states = solve(h, Whole(), engine=Dense())
    shells = shells_of(states, width)
    energies = np.linalg.eigvalsh(dense(h.matrix))
    assert shells.first == 0
    assert shells.count.sum() == energies.size
    assert np.allclose(np.diff(shells.edges), width)
    assert (shells.edges[0] + shells.edges[1]) / 2 == pytest.approx(energies[0], abs=1e-10)
    number = np.rint((energies - energies[0]) / width).astype(int)
    for s in np.flatnonzero(shells.filled):
        assert shells.count[s] == (number == s).sum()
        assert shells.energy[s] == pytest.approx(energies[number == s].mean(), abs=1e-10)
    assert np.all(np.isnan(shells.energy[~shells.filled]))


@pytest.mark.parametrize(
    "engine", [Dense(), pytest.param(ShiftInvert(), marks=pytest.mark.petsc)], ids=lambda e: e.kind
)
@pytest.mark.parametrize(
    "window", [Interval(lower=-2.1, upper=3.3), Density(epsilon=0.5, k=80), Nearest(target=-9.0, k=30)], ids=str
)
def test_shells_of_a_window_are_shells_of_the_whole(engine, window):
    h, bath, system = ingredients(Ring(N=8), bath_window=Nearest(target=0.5, k=4))
    whole = distribution(solve(h, Whole(), engine=Dense()), bath, system, width=0.4)
    states = solve(h, window, engine=engine)
    part = distribution(states, bath, system, width=0.4)
    n = part.shells.count.size
    assert n >= 3
    same = slice(part.shells.first, part.shells.first + n)
    assert np.array_equal(part.shells.count, whole.shells.count[same])
    assert np.allclose(part.shells.edges[:-1], whole.shells.edges[:-1][same], atol=1e-9)
    assert np.allclose(part.shells.energy, whole.shells.energy[same], atol=1e-9, equal_nan=True)
    assert np.allclose(part.P, whole.P[..., same], atol=1e-10)
    assert np.all(part.norm < 1)
    lo, hi = states.evidence.edges[0]
    assert part.shells.edges[0] >= min(lo, whole.shells.edges[0] + 1e-9) - 1e-9
    assert part.shells.edges[-1] <= max(hi, whole.shells.edges[-1]) + 1e-9


@pytest.mark.petsc
@pytest.mark.parametrize("N", [9, 10, 11])
def test_window_of_the_ring_by_slepc_equals_lapack(N):
    """p_n to 1e-10 with the reflection resolved, by SLEPc in sectors and by LAPACK in sectors."""
    h, bath, system = ingredients(Ring(N=N), bath_window=Levels(energies=(0.5, 3.0)))
    window = Nearest(target=0.4, k=60)
    runs = []
    for engine in (ShiftInvert(), Dense()):
        for symmetries in (("reflection",), None):
            states = solve(h, window, engine=engine, symmetries=symmetries)
            runs.append((states.energies, distribution(states, bath, system, width=0.5, keep=True).p))
    for energies, p in runs[1:]:
        assert np.abs(energies - runs[0][0]).max() < 1e-10
        assert np.abs(p - runs[0][1]).max() < 1e-10


def test_chunks_change_nothing(monkeypatch):
    h, bath, system = ingredients(Ring(N=7))
    states = solve(h, Whole(), engine=Dense())
    one = distribution(states, bath, system, width=0.5, keep=True)
    monkeypatch.setattr(sys.modules["bigbath.broadening.distribution"], "CHUNK", 500)
    many = distribution(states, bath, system, width=0.5, keep=True)
    for name in ("P", "norm", "mean", "second_moment", "shannon", "renyi2", "p"):
        assert np.allclose(getattr(many, name), getattr(one, name), atol=1e-13)


def test_too_few_shells_for_a_fit_are_refused():
    h, bath, system = ingredients(Ring(N=7), bath_window=Levels(energies=(0.5,)))
    d = distribution(solve(h, Nearest(target=0.0, k=5), engine=Dense()), bath, system, width=3.0)
    with pytest.raises(ImpossibleRequest, match="too few for a fit"):
        fit_lorentzian(d.shells, d.P)


def test_profile_of_the_fit_is_normalised():
    h, bath, system = ingredients(Ring(N=8), bath_window=Levels(energies=(0.5, 3.0)))
    d = distribution(solve(h, Whole(), engine=Dense()), bath, system, width=0.5)
    fit = fit_lorentzian(d.shells, d.P)
    assert fit.centre.shape == fit.chi.shape == d.norm.shape
    energy = fit.centre.mean() + np.tan(np.linspace(-1.5707, 1.5707, 400001))
    assert np.allclose(np.trapezoid(fit.profile(energy), energy, axis=-1), 1, atol=1e-3)


def by_projectors(h, product, tie=1e-9):
    """Weight of each level in product states (D, s): <phi|Pi_E|phi>, projectors from NumPy's own eigenvectors."""
    energies, vectors = np.linalg.eigh(dense(h.matrix))
    starts = np.flatnonzero(np.diff(energies, prepend=-np.inf) > tie)
    return np.add.reduceat(np.abs(vectors.conj().T @ product) ** 2, starts, axis=0).T


DEGENERATE = {
    "custom": lambda s: Custom(  # XYZ bonds on an odd number of spins: Kramers pairs
        L=5,
        system_sites=1,
        system=(),
        bath=tuple(
            (2 * c, tuple((float(x), j, j + 1) for j, x in enumerate(s.uniform(0.3, 1.5, 3), 1))) for c in "xyz"
        ),
        interaction=tuple((2 * c, ((float(s.uniform(0.3, 1.0)), 0, 1),)) for c in "xyz"),
    ),
    "ring": lambda s: Ring(N=int(s.integers(4, 8)), g=float(s.uniform(0.2, 1.5)), h=float(s.uniform(0, 0.5))),
    "classical": lambda s: Ring(N=int(s.integers(4, 8)), g=0.0, h=float(s.integers(0, 2))),
}


@settings(max_examples=500 if os.environ.get("BIGBATH_LONG") else 15, deadline=None)
@given(st.sampled_from(sorted(DEGENERATE)), st.integers(0, 2**32 - 1))
def test_steady_states_have_one_weight_a_level(kind, seed):
    """Eqs. 1-3 for degenerate spectra: entropies and shells are those of the projectors, whatever the basis is."""
    stream = np.random.default_rng(seed)
    model = DEGENERATE[kind](stream)
    h, bath, system = ingredients(model)
    weights = by_projectors(h, product_states(bath, system))
    p = np.where(weights > 0, weights, 1.0)
    shannon, renyi2 = -(weights * np.log(p)).sum(axis=1), -np.log((weights**2).sum(axis=1))
    for symmetries in (None, ()):
        d = distribution(solve(h, Whole(), engine=Dense(), symmetries=symmetries), bath, system, width=0.5, powers=True)
        assert np.allclose(d.shannon.ravel(), shannon, atol=1e-9)
        assert np.allclose(d.renyi2.ravel(), renyi2, atol=1e-9)
        assert np.allclose(d.powers[..., 0].sum(axis=-1).ravel(), (weights**2).sum(axis=1), atol=1e-12)
        assert np.all(d.own_count <= d.shells.count) and np.all(d.own_count[d.P > 1e-20] > 0)
        assert d.degeneracy.sum() >= d.degeneracy.size


def test_the_degenerate_case_has_its_known_entropies():
    """XYZ bonds, 7 spins: 2.329 and 1.847 in the mean; single states inside a pair are marked."""
    bath = (
        ("xx", ((0.7, 1, 2), (1.3, 2, 3), (0.9, 3, 4), (1.1, 4, 5), (0.8, 5, 6))),
        ("yy", ((1.0, 1, 2), (0.6, 2, 3), (1.2, 3, 4), (0.5, 4, 5), (1.4, 5, 6))),
        ("zz", ((1.3, 1, 2), (0.8, 2, 3), (0.4, 3, 4), (1.5, 4, 5), (1.0, 5, 6), (0.3, 2, 6))),
    )
    v = (("xx", ((1.0, 0, 1),)), ("yy", ((0.7, 0, 1),)), ("zz", ((0.5, 0, 1), (0.31, 0, 4))))
    h, b, system = ingredients(Custom(L=7, system_sites=1, system=(), bath=bath, interaction=v))
    d = distribution(solve(h, Whole(), engine=Dense()), b, system, width=0.5)
    assert (round(d.shannon.mean(), 3), round(d.renyi2.mean(), 3)) == (2.329, 1.847)
    assert np.all(d.degeneracy == 2)
    assert np.all(d.dataset().degeneracy == 2)


def test_a_width_in_wrong_units_is_refused():
    h, _, _ = ingredients(Ring(N=5))
    with pytest.raises(ImpossibleRequest, match="shell_width"):
        shells_of(solve(h, Whole(), engine=Dense()), 1e-3 / MOST)
