"""Fluctuations of p_n inside a shell and the entropies predicted from them, against random vectors, dense sums and data."""

import os

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import chi2

from bigbath.broadening import porter_thomas as pt
from bigbath.broadening.entropy import observational
from bigbath.broadening.interaction import Strength
from bigbath.broadening.prediction import coupled_states, predicted_entropies
from bigbath.broadening.self_consistent import hilbert_matrix, solve_spectra
from bigbath.errors import ImpossibleRequest

LONG = os.environ.get("BIGBATH_LONG")


@pytest.fixture(scope="module")
def spectra(bigger):
    return solve_spectra(bigger.strength, bigger.bare, (-22.0, 22.0), cells=140, tolerance=1e-4)


@pytest.mark.parametrize("freedom", [1, 2])
def test_constants_by_quadrature(freedom):
    def mean(f):
        return scipy.integrate.quad(lambda y: f(y) * freedom * chi2.pdf(freedom * y, freedom), 0, np.inf, limit=500)[0]

    for q in (2, 3, 4):
        assert np.isclose(pt.moment(q, freedom), mean(lambda y, q=q: y**q), rtol=1e-6)
    gamma = np.euler_gamma
    assert np.isclose(pt.shannon_deficit(freedom), (2 - gamma - np.log(2), 1 - gamma)[freedom - 1])
    assert np.isclose(pt.shannon_deficit(freedom), mean(lambda y: y * np.log(y) if y > 0 else 0.0), atol=1e-6)
    assert np.isclose(pt.renyi2_deficit(freedom), np.log((3, 2)[freedom - 1]))
    assert np.isclose(pt.cumulative(np.array([0.7]), freedom)[0], scipy.integrate.quad(
        lambda y: freedom * chi2.pdf(freedom * y, freedom), 0, 0.7)[0], atol=1e-6)  # fmt: skip


@pytest.mark.parametrize("freedom", [1, 2])
@pytest.mark.parametrize("degeneracy", [1, 2])
def test_expected_entropies_of_random_vectors(freedom, degeneracy):
    """Gaussian vectors normalised in shells of 1, 2, 6 and 40 levels: means over 40,000 of them."""
    stream, levels = np.random.default_rng(5), np.array([1, 2, 6, 40])
    P = np.array([0.1, 0.3, 0.4, 0.2])
    p = []
    for weight, d in zip(P, levels, strict=True):
        squares = stream.standard_normal((40_000, d, degeneracy * freedom)) ** 2
        y = squares.sum(axis=2)
        p.append(weight * y / y.sum(axis=1, keepdims=True))
    joined = np.concatenate(p, axis=1)
    shannon, purity = -rel_entr(joined, 1.0).sum(axis=1), (joined**2).sum(axis=1)
    own = levels * degeneracy
    assert abs(pt.shannon_of_shells(P, own, freedom, degeneracy) - shannon.mean()) < 5 * shannon.std() / 200
    assert abs(np.exp(-pt.renyi2_of_shells(P, own, freedom, degeneracy)) - purity.mean()) < 5 * purity.std() / 200
    if degeneracy == 1:
        powers = np.array([[(row**q).sum(axis=1).mean() for q in (2, 3, 4)] for row in p])
        ratios = pt.reduced_moments(P, powers, own, freedom)
        assert np.isnan(ratios[0]).all() and np.allclose(ratios[1:], 1, atol=0.06)
        many = np.array([4000])
        smooth = np.log(4000.0)
        assert np.isclose(
            pt.shannon_of_shells(np.ones(1), many, freedom), smooth - pt.shannon_deficit(freedom), atol=1e-3
        )
        assert np.isclose(
            pt.renyi2_of_shells(np.ones(1), many, freedom), smooth - pt.renyi2_deficit(freedom), atol=1e-3
        )


def test_probability_without_a_state_is_refused():
    with pytest.raises(ImpossibleRequest, match="can reach"):
        pt.shannon_of_shells(np.array([0.5, 0.5]), np.array([3, 0]), 1)


def test_own_states_of_the_ring_are_those_of_its_reflection_sector(bigger):
    """Every probability lies in the states of the bath state's own reflection, counted here from the sector labels."""
    d, states, bath = bigger.d, bigger.states, bigger.bath
    sign = np.array([dict(b.sector.labels)["reflection"] for b in states.blocks])[states.sector_index]
    of_bath = np.array([dict(b.sector.labels)["reflection"] for b in bath.blocks])[bath.sector_index]
    shell = d.shells.index(states.energies)
    for mu in (3, 200, 700):
        count = np.bincount(shell[sign == of_bath[mu]], minlength=d.shells.count.size)
        assert np.array_equal(d.own_count[mu, 0], count) and np.array_equal(d.own_count[mu, 1], count)
        assert d.p[mu][:, sign != of_bath[mu]].max() < 1e-20
    labels = coupled_states(bigger.strength)
    assert labels.max() == 1 and np.array_equal(labels[:, 0] == labels[0, 0], of_bath == of_bath[0])


def test_porter_thomas_moves_the_entropies_towards_the_data(bigger):
    d, middle = bigger.d, np.abs(bigger.bath.energies) < 4
    smooth = observational(d.P, d.shells.count)[middle].mean()
    predicted = pt.shannon_of_shells(d.P, d.own_count, 1)[middle].mean()
    assert abs(predicted - d.shannon[middle].mean()) < 0.3 < smooth - d.shannon[middle].mean() - 1.0
    assert np.all(pt.shannon_of_shells(d.P, d.own_count, 1) < observational(d.P, d.shells.count) + 1e-12)


@pytest.mark.parametrize("freedom", [1, 2])
def test_random_matrices_real_and_complex(freedom):
    """H = random levels + GOE or GUE: entropies of the states of H_0 are those of the shells with 1 or 2 degrees of freedom."""
    stream, D = np.random.default_rng(7), 600
    x = stream.standard_normal((D, D)) + (1j * stream.standard_normal((D, D)) if freedom == 2 else 0)
    h = np.diag(np.sort(stream.uniform(-8, 8, D))) + 1.5 * (x + x.conj().T) / np.sqrt(2 * D * freedom)
    levels, vectors = np.linalg.eigh(h)
    p = np.abs(vectors[150:450]) ** 2
    edges = np.arange(levels[0], levels[-1] + 0.4, 0.4)
    shell, shells = np.digitize(levels, edges) - 1, edges.size
    P = np.stack([p[:, shell == s].sum(axis=1) for s in range(shells)], axis=1)
    own = np.broadcast_to(np.bincount(shell, minlength=shells), P.shape)
    shannon, purity = -rel_entr(p, 1.0).sum(axis=1), (p**2).sum(axis=1)
    off = {f: float((pt.shannon_of_shells(P, own, f) - shannon).mean()) for f in (1, 2)}
    assert abs(off[freedom]) < 0.05 < abs(off[3 - freedom])
    assert abs((pt.renyi2_of_shells(P, own, freedom) + np.log(purity)).mean()) < 0.08
    powers = np.stack(
        [np.stack([(p[:, shell == s] ** q).sum(axis=1) for s in range(shells)], 1) for q in (2, 3, 4)], -1
    )
    body = (own >= 10) & (P > 0.05)
    assert abs(pt.reduced_moments(P, powers, own, freedom)[body][:, 0].mean() - 1) < 0.06


def test_closed_equations_return_widths_and_shifts(bigger, spectra):
    """chi = pi sum |V|^2 rho and Delta = V + P-integral, by dense sums over the solution; density is their Lorentzian."""
    weights = np.abs(bigger.dense_interaction()) ** 2
    for mu, i in ((300, 0), (512, 1)):
        w = weights[mu, i].copy()
        w[mu, i] = 0
        total = np.einsum("nj,njc->c", w, spectra.density)
        inside = slice(35, 105)
        assert np.allclose(np.pi * total[inside], spectra.chi[mu, i, inside], atol=1e-3)
        shift = bigger.strength.diagonal[mu, i] + hilbert_matrix(140) @ total
        assert np.allclose(shift[inside], spectra.shift[mu, i, inside], atol=1e-3)
        chi, away = spectra.chi[mu, i], spectra.energy - bigger.bare[mu, i] - spectra.shift[mu, i]
        assert np.allclose((chi / np.pi / (away**2 + chi**2))[inside], spectra.density[mu, i, inside], atol=1e-3)
    levels = bigger.states.energies
    predicted = spectra.density.sum(axis=(0, 1))  # the density of states of H
    for edge in (-6.0, 0.0, 5.0):
        counted = predicted[spectra.energy < edge].sum() * spectra.step
        assert abs(counted - (levels < spectra.energy[spectra.energy < edge].max() + spectra.step / 2).sum()) < 60


def test_entropies_from_v_alone(bigger, spectra):
    d = bigger.d
    e = predicted_entropies(spectra, coupled_states(bigger.strength), 1)
    middle = np.abs(bigger.bath.energies) < 4
    assert abs(e.smooth[middle].mean() - observational(d.P, d.shells.count)[middle].mean()) < 0.1
    assert abs(e.von_neumann[middle].mean() - pt.shannon_of_shells(d.P, d.own_count, 1)[middle].mean()) < 0.1
    assert abs(e.renyi2[middle].mean() - pt.renyi2_of_shells(d.P, d.own_count, 1)[middle].mean()) < 0.1
    assert np.allclose(e.own - e.von_neumann, 2 - np.euler_gamma - np.log(2))
    assert np.allclose(
        (e.smooth - e.own)[middle], np.log(2), atol=0.1
    )  # about half of the levels have the other reflection


@settings(max_examples=200 if LONG else 25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_coupled_states_are_the_components_of_v(seed):
    """Sectors of the bath that V joins in a random pattern, by a search on the dense graph of sectors."""
    stream = np.random.default_rng(seed)
    sizes, D = stream.integers(1, 4, stream.integers(1, 5)), int(stream.integers(1, 4))
    sector = np.repeat(np.arange(sizes.size), sizes)
    weights = np.zeros((1, D, D))
    weights[0] = stream.random((D, D)) < 0.4
    weights[0] = np.maximum(weights[0], weights[0].T)
    blocks, joined = [], np.zeros((sizes.size, sizes.size), dtype=bool)
    for a in range(sizes.size):
        for b in range(a, sizes.size):
            if stream.random() < 0.4:
                joined[a, b] = joined[b, a] = True
                rows, columns = np.flatnonzero(sector == a), np.flatnonzero(sector == b)
                w = stream.random((1, rows.size, columns.size)) + 0.1
                blocks.append((rows, columns, w))
                if a != b:
                    blocks.append((columns, rows, w.transpose(0, 2, 1)))
    v = Strength(weights=weights, blocks=tuple(blocks), diagonal=np.zeros((sector.size, D)), real=True)
    graph = np.kron(joined, weights[0]) > 0
    reach = np.linalg.matrix_power(graph.astype(float) + np.eye(len(graph)), len(graph)) > 0
    labels, node = coupled_states(v), (sector[:, None] * D + np.arange(D)).ravel()
    same = labels.ravel()[:, None] == labels.ravel()[None, :]
    expected = reach[node[:, None], node[None, :]]
    touched = {int(s) for a in range(sizes.size) for s in (a,) if joined[a].any()}
    inside = np.isin(node // D, list(touched))
    assert np.array_equal(same[np.ix_(inside, inside)], expected[np.ix_(inside, inside)])
