"""|V|^2 between bath shells by traces: with a complete set of vectors the dense sums; predictions as from all eigenstates."""

import numpy as np
import pytest
import scipy.linalg
from scipy.special import ndtr

import bigbath as bb
from bigbath.broadening import interaction, prediction, self_consistent
from bigbath.models import Custom, Imbrie, Ring
from bigbath.operators import build, to_dense
from bigbath.spectral.strength import BathShells

TWO_TERMS = Custom(
    L=5,
    system_sites=1,
    system=(("z", ((0.6, 0),)), ("x", ((0.3, 0),))),
    bath=(("zz", ((1.0, 1, 2), (0.8, 2, 3), (1.1, 3, 4))), ("x", ((0.9, 1), (0.7, 2), (1.0, 3), (0.8, 4)))),
    interaction=(("xx", ((0.4, 0, 1),)), ("zz", ((0.3, 0, 3),)), ("zx", ((0.2, 0, 3),))),
)


@pytest.mark.parametrize("model", [Ring(N=5), Imbrie(L=4), TWO_TERMS], ids=lambda m: m.name)
def test_a_complete_set_of_vectors_gives_the_dense_sums(model):
    c = bb.draw(model, seed=3)
    shells = BathShells.of(c, width=1.5)
    found = shells.strength([shells.traces_of(column) for column in scipy.linalg.hadamard(16).astype(float)])
    E, U = np.linalg.eigh(to_dense(build(c, "B").matrix))
    S = np.linalg.eigh(to_dense(build(c, "S").matrix))[1]
    basis = np.kron(S, U)
    V = (basis.conj().T @ to_dense(build(c, "V").matrix) @ basis).reshape(2, 16, 2, 16)
    below = ndtr((shells.edges[:, None] - E) / shells.sigma)
    g = below[1:] - below[:-1]
    assert np.allclose(g.sum(axis=0), 1, atol=1e-7)
    g = g[g.sum(axis=1) > 0.5]
    count = g.sum(axis=1)
    assert np.allclose(found.count, count, atol=1e-5)
    assert np.allclose(found.energy, g @ E / count, atol=1e-5)
    mean = np.einsum("mk,ikik->mi", g, V) / count[:, None]  # V_mu,i of a shell
    assert np.allclose(found.strength.diagonal, mean, atol=1e-5)
    squares = np.einsum("mk,ikjl,nl->ijmn", g, np.abs(V) ** 2, g)
    # the levels' own elements, as if each were the mean of its shell
    term = np.einsum("aij,am->ijm", shells.system_terms, _means(shells, g, U))
    squares -= np.einsum("ijm,ijn,mk,nk->ijmn", term, term.conj(), g, g).real
    squares = np.maximum(squares + squares.transpose(1, 0, 3, 2), 0) / 2
    values = np.random.default_rng(1).uniform(size=(count.size, 2))
    expected = np.einsum("ijmn,nj->mi", squares, values) / count[:, None]
    assert np.allclose(found.strength.sums(values), expected, rtol=1e-4, atol=1e-4)


def _means(shells, g, U):
    """<B_a> of each window (A, M)."""
    inside = [np.einsum("kl,kl->l", U.conj(), b @ U) for b in shells.bath_terms]
    return np.array(inside) @ g.T / g.sum(axis=1)


def test_entropies_from_shells_are_those_from_all_elements():
    """The closed equations with shells of half a width: entropies near the middle of the bath to a few hundredths."""
    c = bb.draw(Ring(N=11))
    bath, system = bb.solve(build(c, "B"), bb.Whole()), bb.system_states(c)
    v = interaction.strength(interaction.interaction(build(c, "V"), bath, system))
    bare = bath.energies[:, None] + system.energies
    options = {"support": (-22.0, 22.0), "cells": 180, "tolerance": 1e-3}
    every = prediction.predicted_entropies(
        self_consistent.solve_spectra(v, bare, **options), prediction.coupled_states(v), 1
    )
    shells = BathShells.of(c, width=0.4)
    found = shells.strength([shells.traces(np.random.default_rng([1, r])) for r in range(8)])
    spectra = self_consistent.solve_spectra(found.strength, found.bare, **options)
    mine = prediction.predicted_entropies(spectra, prediction.coupled_states(found.strength), 1, count=found.count)
    middle, near = np.abs(bath.energies) < 4, np.abs(found.energy) < 4
    weights = found.count[near] / found.count[near].sum()
    assert abs(weights @ mine.smooth[near].mean(axis=1) - every.smooth[middle].mean()) < 0.04
    assert (found.count[:, None, None] * spectra.density).sum() * spectra.step == pytest.approx(2048, rel=0.01)
