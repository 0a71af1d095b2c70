"""Charge sectors: their configurations, their order against QuSpin's, the union of their spectra against LAPACK."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quspin.basis import spin_basis_general
from quspin.operators import hamiltonian
from support import dense, explicit

from bigbath.conserved.charges import Charge, charges
from bigbath.errors import JobError, SymmetryError
from bigbath.models import SpinComposite, Symmetry
from bigbath.operators import build
from bigbath.operators.within import matrix_within
from bigbath.spaces import FixedCharges, charge_names, sectors
from bigbath.spaces.charges import dimensions


def chain(terms, L, symmetries=()):
    """A composite with all of its strings in the interaction."""
    return build(
        SpinComposite(
            system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=tuple(terms), symmetries=symmetries
        )
    )


def conserving_terms(stream, L, *, is_complex):
    """Random strings that conserve a random charge each of two groups of sites: hops inside groups, and z strings."""
    groups = stream.integers(0, 2, L) if stream.random() < 0.5 else np.zeros(L, dtype=int)
    terms = []
    for _ in range(2 * L):
        a, b = map(int, stream.choice(L, 2, replace=False))
        J = float(stream.normal())
        if groups[a] == groups[b]:
            third = int(stream.integers(L))
            tail, sites = ("z", (third,)) if third not in (a, b) and stream.random() < 0.3 else ("", ())
            kind = stream.random()
            if is_complex and kind < 0.4:
                terms += [("xy" + tail, ((J, a, b, *sites),)), ("yx" + tail, ((-J, a, b, *sites),))]
            else:
                terms += [("xx" + tail, ((J, a, b, *sites),)), ("yy" + tail, ((J, a, b, *sites),))]
        terms.append(("zz", ((float(stream.normal()), a, b),)))
    terms.append(("z", tuple((float(stream.normal()), j) for j in range(L))))
    return terms


def weights_of(charge, L):
    """Values of a charge on all 2^L configurations, one configuration after the other."""
    return np.array(
        [sum(w * s for w, s in zip(charge.weights, spins, strict=True)) for spins in product((1, -1), repeat=L)]
    )


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 3))
def test_configurations_are_all_that_have_the_values(seed, L, number):
    stream = np.random.default_rng(seed)
    some = tuple(Charge(tuple(int(w) for w in stream.integers(-2, 3, L))) for _ in range(number))
    values = np.array([weights_of(c, L) for c in some])
    counts = dimensions(some, L)
    assert sum(counts.values()) == 2**L
    for wanted, count in counts.items():
        space = FixedCharges(sites=L, charges=some, values=wanted)
        expected = np.flatnonzero(np.all(values == np.array(wanted)[:, None], axis=0))
        assert space.dim == count
        assert np.array_equal(space.states(), expected)
        assert np.array_equal(space.index(expected), np.arange(count))
        outside = np.setdiff1d(np.arange(2**L), expected)
        assert np.all(space.index(outside) == -1)


@pytest.mark.parametrize(("L", "up"), [(4, 2), (7, 0), (7, 3), (8, 8), (12, 5)])
def test_the_order_is_quspin_s(L, up):
    space = FixedCharges(sites=L, charges=(Charge((1,) * L),), values=(2 * up - L,))
    assert np.array_equal(2**L - 1 - space.states(), spin_basis_general(L, Nup=up).states.astype(np.int64))


def test_few_up_spins_among_many_need_no_array_of_all_configurations():
    space = FixedCharges(sites=62, charges=(Charge((1,) * 62),), values=(6 - 62,))
    assert space.dim == 37_820
    assert np.all(np.bitwise_count(space.states()) == 59)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8), st.booleans())
def test_the_union_of_the_sectors_is_the_whole_spectrum(seed, L, is_complex):
    terms = conserving_terms(np.random.default_rng(seed), L, is_complex=is_complex)
    H = explicit(terms, L)
    h = chain(terms, L)
    assert np.abs(dense(h.matrix) - H).max() <= 1e-13 * np.abs(H).max()
    parts = sectors(h)
    assert sum(s.dim for s in parts) == 2**L
    norm = np.abs(np.linalg.eigvalsh(H)).max()
    union = []
    for s in parts:
        matrix = dense(h.restricted(s))
        assert np.abs(matrix - dense(s.restrict(h.matrix))).max() <= 1e-13 * norm
        assert np.abs(H @ s.lift(np.eye(s.dim)) - s.lift(matrix)).max() <= 1e-13 * norm
        union.append(np.linalg.eigvalsh(matrix))
    assert np.abs(np.sort(np.concatenate(union)) - np.linalg.eigvalsh(H)).max() <= 1e-12 * norm


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_magnetisation_sectors_are_quspin_s(seed, L):
    terms = conserving_terms(np.random.default_rng(seed), L, is_complex=False)
    h = chain(terms, L)
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    for up in range(L + 1):
        parts = sectors(h, use=(), only={"magnetisation": 2 * up - L})
        basis = spin_basis_general(L, Nup=up, pauli=1)
        expected = hamiltonian(static, [], basis=basis, dtype=np.float64, **silent).toarray()
        (one,) = parts
        assert np.abs(dense(h.restricted(one)) - expected).max() <= 1e-13 * max(np.abs(expected).max(), 1e-300)


XXZ = (
    ("xx", tuple((0.25, j, (j + 1) % 6) for j in range(6))),
    ("yy", tuple((0.25, j, (j + 1) % 6) for j in range(6))),
    ("zz", tuple((0.3, j, (j + 1) % 6) for j in range(6))),
)
FLIP = Symmetry(name="flip", permutation=tuple(range(6)), flip=frozenset(range(6)))
ROLL = Symmetry(name="momentum", permutation=(1, 2, 3, 4, 5, 0))


def test_symmetries_inside_charge_sectors():
    h = chain(XXZ, 6, (FLIP, ROLL))
    parts = sectors(h)
    assert sum(s.dim for s in parts) == 64
    union = np.sort(np.concatenate([np.linalg.eigvalsh(dense(h.restricted(s))) for s in parts]))
    assert np.abs(union - np.linalg.eigvalsh(dense(h.matrix))).max() < 1e-12
    for s in parts:  # the spin flip labels states at magnetisation 0 only
        assert ("flip" in dict(s.labels)) == (dict(s.labels)["magnetisation"] == 0)
    (one,) = sectors(h, only={"magnetisation": 0, "flip": 1, "momentum": 0})
    assert one.dim == 3
    with pytest.raises(JobError, match="no sector has the labels"):
        sectors(h, only={"magnetisation": 2, "flip": 1})


def test_a_charge_that_is_not_conserved_is_a_job_error_and_a_wrong_value_too():
    broken = chain((*XXZ, ("x", ((0.1, 0),))), 6)
    assert charge_names(broken) == ()
    with pytest.raises(JobError, match="magnetisation"):
        sectors(broken, only={"magnetisation": 0})
    with pytest.raises(JobError, match="no sector has the labels"):
        sectors(chain(XXZ, 6), only={"magnetisation": 1})


def test_a_space_that_the_hamiltonian_leaves_is_refused():
    terms = (("x", ((1.0, 0),)), ("zz", ((1.0, 0, 1),)))
    with pytest.raises(SymmetryError, match="leads out"):
        matrix_within(FixedCharges(sites=2, charges=(Charge((1, 1)),), values=(0,)), terms, 2)


def test_two_chains_have_two_charges_and_their_sum():
    terms = tuple((p + p, ((0.3, 0, 1), (0.4, 2, 3))) for p in "xyz")
    h = chain((*terms, ("zz", ((0.2, 1, 2),))), 4)
    assert charge_names(h) == ("magnetisation_0_1", "magnetisation_2_3")
    assert sum(s.dim for s in sectors(h, only={"magnetisation": 0})) == 6
    (one,) = sectors(h, only={"magnetisation_0_1": 0, "magnetisation_2_3": 2})
    assert one.dim == 2


def test_a_classical_model_keeps_its_total_magnetisation_only():
    terms = (("zz", tuple((0.1 * j + 1, j, j + 1) for j in range(11))),)
    assert len(charges(terms, 12)) == 12
    parts = sectors(chain(terms, 12))
    assert len(parts) == 13
    assert sum(s.dim for s in parts) == 2**12
