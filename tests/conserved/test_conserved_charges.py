"""Conserved sums of sigma^z against commutators of explicit matrices, on random models with charges planted."""

import os
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PAULI, explicit, random_terms

from bigbath.conserved import Charge, charges, is_conserved, ladder

EXAMPLES = 500 if os.environ.get("BIGBATH_LONG") else 150
RAISING = (PAULI["x"] + 1j * PAULI["y"]) / 2


def charge_matrix(weights):
    L = len(weights)
    return explicit((("z", tuple((w, j) for j, w in enumerate(weights))),), L)


def conserved_space(terms, L):
    """Dimension of {w: [sum_j w_j sigma^z_j, H] = 0}, from commutators of matrices."""
    H = explicit(terms, L)
    columns = []
    for j in range(L):
        Z = np.diag(charge_matrix(np.eye(L)[j]))
        columns.append((Z[:, None] * H - H * Z).ravel())
    return L - np.linalg.matrix_rank(np.array(columns).T, tol=1e-10)


def from_ladder(plus, minus, z, coupling, L):
    """Pauli strings of coupling * prod sigma^+ sigma^- sigma^z, site sets given as lists of sites."""
    terms = []
    active = [*plus, *minus]
    for choice in product("xy", repeat=len(active)):
        value = coupling
        for letter, site in zip(choice, active, strict=True):
            value *= 0.5 if letter == "x" else (0.5j if site in plus else -0.5j)
        terms.append(("".join(choice) + "z" * len(z), ((value, *active, *z),)))
    return terms


@st.composite
def planted(draw):
    """A Hermitian sum of ladder strings that conserve the given weights."""
    L = draw(st.integers(2, 6))
    kind = draw(st.sampled_from([(0, 1), (-1, 1), (-1, 0, 1), (1,), (0, 1, 2)]))
    weights = np.array(draw(st.lists(st.sampled_from(kind), min_size=L, max_size=L)))
    stream = np.random.default_rng(draw(st.integers(0, 2**32)))
    terms = []
    for _ in range(draw(st.integers(1, 8))):
        for _ in range(50):
            spins = stream.integers(-1, 2, L)
            if spins @ weights == 0:
                break
        else:
            spins = np.zeros(L, dtype=int)
        plus, minus = np.flatnonzero(spins == 1).tolist(), np.flatnonzero(spins == -1).tolist()
        z = [j for j in np.flatnonzero(spins == 0).tolist() if stream.random() < 0.3]
        value = complex(stream.normal(), stream.normal())
        terms += from_ladder(plus, minus, z, value, L) + from_ladder(minus, plus, z, value.conjugate(), L)
    return tuple(terms), tuple(int(w) for w in weights), L


@settings(max_examples=EXAMPLES, deadline=None)
@given(planted())
def test_planted_charges_are_found(case):
    terms, weights, L = case
    found = charges(terms, L)
    assert len(found) == conserved_space(terms, L)
    rows = np.array([c.weights for c in found])
    assert np.linalg.matrix_rank(rows) == len(found)
    if any(weights):
        assert np.linalg.matrix_rank(np.vstack([rows, weights])) == len(found)
        assert is_conserved(Charge(weights), terms, L)
    H = explicit(terms, L)
    for charge in found:
        Q = charge_matrix(charge.weights)
        assert np.abs(Q @ H - H @ Q).max() < 1e-12 * max(1, np.abs(H).max())
        assert is_conserved(charge, terms, L)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.sampled_from(["xz", "xyz", "z", "xyzI"]))
def test_random_strings(seed, strings, letters):
    stream = np.random.default_rng(seed)
    L = int(stream.integers(2, 7))
    terms = random_terms(stream, range(L), strings, letters=letters, longest=L)
    assert len(charges(terms, L)) == conserved_space(terms, L)
    weights = tuple(int(w) for w in stream.integers(-1, 2, L))
    H, Q = explicit(terms, L), charge_matrix(weights)
    assert is_conserved(Charge(weights), terms, L) == (np.abs(Q @ H - H @ Q).max() < 1e-12)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8))
def test_the_ladder_is_the_same_operator(seed, strings):
    stream = np.random.default_rng(seed)
    L = int(stream.integers(1, 6))
    terms = tuple(
        (letters, tuple((c * (1 + 0.3j), *j) for c, *j in couplings))
        for letters, couplings in random_terms(stream, range(L), strings, letters="xyzI", longest=L)
    )
    total = np.zeros((2**L, 2**L), dtype=complex)
    for (plus, minus, z), coupling in ladder(terms, L).items():
        assert coupling != 0
        factor = np.eye(1)
        for j in range(L):
            bit = 1 << (L - 1 - j)
            one = RAISING if plus & bit else RAISING.T if minus & bit else PAULI["z"] if z & bit else PAULI["I"]
            factor = np.kron(factor, one)
        total += coupling * factor
    assert np.allclose(total, explicit(terms, L), atol=1e-13)


def chain(sites, letters="xyz", values=(1.0, 1.0, 1.0)):
    pairs = list(zip(sites[:-1], sites[1:], strict=True))
    return tuple((a + a, tuple((v, i, j) for i, j in pairs)) for a, v in zip(letters, values, strict=True))


def test_the_preferred_basis():
    weights = lambda terms, L: {c.weights for c in charges(terms, L)}  # noqa: E731
    assert weights(chain(range(5)), 5) == {(1, 1, 1, 1, 1)}
    assert weights(chain(range(3)) + chain(range(3, 6)), 6) == {(1, 1, 1, 0, 0, 0), (0, 0, 0, 1, 1, 1)}
    assert weights((*chain(range(1, 5)), ("zz", ((0.3, 0, 1),))), 5) == {(1, 0, 0, 0, 0), (0, 1, 1, 1, 1)}
    assert weights(chain(range(4), values=(1.0, -1.0, 0.4)), 4) == {(1, -1, 1, -1)}
    assert weights(chain(range(4), values=(1.0, 0.9, 0.4)), 4) == set()
    assert weights((("x", ((1.0, 0),)), ("z", ((1.0, 1),))), 3) == {(0, 1, 0), (0, 0, 1)}
    moved = tuple(from_ladder([0, 3], [1, 2], [], 1.0, 4) + from_ladder([1, 2], [0, 3], [], 1.0, 4))
    found = weights(moved, 4)
    assert len(found) == 3
    assert all(set(w) <= {0, 1} for w in found)


def test_cancellations_to_rounding_and_repeated_sites():
    noisy = (("xx", ((0.1, 0, 1), (0.2, 0, 1))), ("yy", ((0.3, 0, 1),)))
    assert charges(noisy, 2) == (Charge((1, 1)),)
    assert charges((("xx", ((1.0, 0, 1),)), ("yy", ((1.0 + 1e-12, 0, 1),))), 2) == ()
    assert charges((("xx", ((1e-20, 0, 1),)), ("yy", ((1e-20, 0, 1),)), ("z", ((1.0, 0),))), 2) == (Charge((1, 1)),)
    assert charges((("xy", ((1j, 0, 0),)), ("x", ((1.0, 1),))), 2) == (Charge((1, 0)),)


@pytest.mark.parametrize("L", [20, 62])
def test_strings_longer_than_any_expansion(L):
    """X on all but two sites and xx + yy on these: only the last two can move a spin between them."""
    rest = tuple(range(2, L))
    terms = tuple(("x" * len(rest) + a + a, ((1.0, *rest, 0, 1),)) for a in "xy")
    assert charges(terms, L) == (Charge((1, 1, *(0,) * (L - 2))),)
    assert is_conserved(Charge((1, 1, *(0,) * (L - 2))), terms, L)
    assert not is_conserved(Charge((1,) * L), terms, L)
    assert charges((("x" * L, ((1.0, *range(L)),)),), L) == ()


def test_many_strings_of_62_sites_take_seconds():
    stream = np.random.default_rng(5)
    quads = [tuple(int(j) for j in stream.permutation(62)[:4]) for _ in range(16_000)]
    flips = tuple((a + a + "zz", tuple((1.0, *q) for q in quads)) for a in "xy")
    pairs = tuple(("zz" + "I" * k, tuple((0.3, *q[: k + 2]) for q in quads)) for k in range(2))
    hops = tuple((a + a, tuple((0.7, *q[2:]) for q in quads)) for a in "xy")
    start = time.process_time()
    assert charges(flips + pairs + hops, 62) == (Charge((1,) * 62),)
    assert is_conserved(Charge((1,) * 62), flips + pairs + hops, 62)
    assert time.process_time() - start < 20
