"""Pauli strings as a diagonal plus flips, against QuSpin's own matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.errors import SymmetryError
from bigbath.models import TFIM, Imbrie, Ring, SpinComposite, disorder_stream
from bigbath.operators import FlipOperator, Hamiltonian, Scale, build, flips
from bigbath.operators.quspin import matrix as _quspin


def random_terms(rng, sites: int, strings: int):
    """Strings of up to four letters with an even number of sigma^y, couplings of any sign."""
    terms = []
    while len(terms) < strings:
        length = int(rng.integers(1, min(4, sites) + 1))
        letters = "".join(rng.choice(list("xyzI"), length))
        if letters.count("y") % 2 == 0:
            where = rng.choice(sites, length, replace=False)
            terms.append((letters, ((float(rng.normal()), *map(int, where)),)))
    return tuple(terms)


def dense_in_z_basis(h) -> np.ndarray:
    """The flips' matrix, rotated back."""
    matrix = h @ np.eye(h.dim)
    return h.to_z_basis(np.ascontiguousarray(h.to_z_basis(matrix).T))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 20))
def test_random_strings_are_quspin_s_matrix(seed, sites, strings):
    terms = random_terms(np.random.default_rng(seed), sites, strings)
    np.testing.assert_allclose(dense_in_z_basis(flips(terms, sites)), _quspin(terms, sites).toarray(), atol=1e-12)


@pytest.mark.parametrize("model", [Ring(N=8), Ring(N=7, boundary="open"), Imbrie(L=7), TFIM(L=7)])
def test_models_become_a_diagonal_and_as_many_flips_as_spins(model):
    h: Hamiltonian = build(model.composite(disorder_stream(3, 0)))
    free = flips(h.terms, h.sites)
    assert len({x for x, _ in free.flips}) == h.sites
    assert all(z == 0 for _, z in free.flips)
    np.testing.assert_allclose(dense_in_z_basis(free), h.matrix.toarray(), atol=1e-12)


@pytest.mark.parametrize("part", ["H0", "V", "S", "B"])
def test_every_part_carries_its_strings(part):
    h = build(TFIM(L=5).composite(disorder_stream(3, 0)), part)
    np.testing.assert_allclose(dense_in_z_basis(flips(h.terms, h.sites)), h.matrix.toarray(), atol=1e-12)


def test_complex_strings_are_refused():
    assert flips((("yz", ((1.0, 0, 1),)),), 2) is None


@pytest.mark.parametrize("interaction", [("x", ((1j, 1),)), ("xy", ((1.0, 0, 0),)), ("+-", ((1.0, 0, 1),))])
def test_only_hermitian_sums_are_built(interaction):
    parts = {"system": (("z", ((1.0, 0),)),), "bath": (("z", ((1.0, 1),)),)}
    with pytest.raises(SymmetryError, match="Hermitian"):
        build(SpinComposite(system_sites=1, bath_sites=1, interaction=(interaction,), **parts))


def test_strings_that_are_hermitian_together_only():
    hop = (("+-", ((0.5, 0, 1),)), ("-+", ((0.5, 0, 1),)))
    h = build(SpinComposite(system_sites=1, bath_sites=1, system=(), bath=(), interaction=hop))
    same = flips((("xx", ((1.0, 0, 1),)), ("yy", ((1.0, 0, 1),))), 2)
    np.testing.assert_allclose(h.matrix.toarray(), dense_in_z_basis(same), atol=1e-15)
    np.testing.assert_allclose(dense_in_z_basis(flips(h.terms, 2)), h.matrix.toarray(), atol=1e-15)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_products_with_real_and_complex_vectors(seed, dtype, is_complex):
    rng = np.random.default_rng(seed)
    terms = (*random_terms(rng, 8, 6), ("x", ((0.5, 3),)))
    operator = FlipOperator(flips(terms, 8), Scale(centre=0.3, halfwidth=20.0), dtype=dtype)
    vectors = rng.normal(size=(256, 3)) + (1j * rng.normal(size=(256, 3)) if is_complex else 0)
    made = operator.product(vectors)
    assert made.dtype == vectors.dtype
    np.testing.assert_allclose(made, _quspin(terms, 8) @ vectors, atol=1e3 * np.finfo(dtype).eps)
    if is_complex:  # a step takes real vectors only, and must not drop the rest
        with pytest.raises(TypeError):
            operator.put(operator.zeros(1)[0], vectors[:, 0])
