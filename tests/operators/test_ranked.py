"""Matrix-free steps in a sector of fixed magnetisation against matrices built state by state, and QuSpin's.

BIGBATH_LONG=1: 300 random sets of bonds.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from math import comb

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from quspin.basis import spin_basis_general
from quspin.operators import hamiltonian

from bigbath.chebyshev import DensityOfStates, Recurrence
from bigbath.errors import BigbathError
from bigbath.operators import Scale
from bigbath.operators.exchange import Exchange, exchange
from bigbath.operators.halves import configurations
from bigbath.operators.ranked import RankedOperator
from bigbath.operators.split import Split

EXAMPLES = 300 if os.environ.get("BIGBATH_LONG") == "1" else 60


def matrix(h: Exchange) -> sp.csr_array:
    """H in the sector, configurations ascending, from its definition and one state at a time."""
    states = sorted(sum(1 << bit for bit in down) for down in combinations(range(h.sites), h.sites - h.up))
    number = {n: i for i, n in enumerate(states)}
    entries = []
    for i, n in enumerate(states):
        entries.append((i, i, sum(c * (-1) ** (n & z).bit_count() for z, c in h.fields.items())))
        for (p, q), t in h.hops.items():
            if n >> p & 1 and not n >> q & 1:  # up at q, down at p
                j = number[n ^ (1 << p | 1 << q)]
                entries += [(j, i, t), (i, j, np.conj(t))]
    rows, columns, values = zip(*entries, strict=True)
    return sp.csr_array((np.array(values), (rows, columns)), shape=(len(states), len(states)))


def scale_of(h: Exchange) -> Scale:
    reach = sum(map(abs, h.fields.values())) + sum(map(abs, h.hops.values()))
    return Scale(centre=0.3 * reach, halfwidth=1.5 * reach + 1e-3)


def drawn(stream, dim: int, dtype) -> np.ndarray:
    vector = stream.normal(size=dim)
    return vector + 1j * stream.normal(size=dim) if np.dtype(dtype).kind == "c" else vector


def check(h: Exchange, seed: int, dtype=np.float64, split=None):
    """Steps with and without the sum, transfer and product beside the matrix."""
    scale, stream = scale_of(h), np.random.default_rng(seed)
    operator, H = RankedOperator(h, scale, dtype, split), matrix(h)
    x = 2 / scale.halfwidth * (H - scale.centre * sp.eye_array(h.dim))
    single = np.finfo(dtype).eps > 1e-10
    tolerance = 1e-4 if single else 1e-12
    for count, weighted in ((1, False), (6, True)):
        v0, v1 = drawn(stream, h.dim, dtype), drawn(stream, h.dim, dtype)
        weights = stream.normal(size=count if weighted else 0)
        low, high, total = operator.zeros(3)
        operator.put(low, v0)
        operator.put(high, v1)
        assert np.abs(operator.get(low)[:, 0] - v0).max() <= (1e-6 if single else 1e-14)
        operator.steps(low, high, total, weights, count)
        expected = np.zeros_like(v0)
        for step in range(count):
            if weighted:
                expected += weights[step] * v0
            v0, v1 = v1, x @ v1 - v0
        first, second = (low, high) if count % 2 == 0 else (high, low)
        for storage, vector in ((first, v0), (second, v1), (total, expected)):
            assert np.abs(operator.get(storage)[:, 0] - vector).max() <= tolerance * 50
        for storage in (low, high, total):  # nothing was written to the padding
            copy = storage.copy()
            operator.put(copy, np.zeros(h.dim))
            assert not copy.any()
    block = np.column_stack([drawn(stream, h.dim, dtype) for _ in range(2)])
    assert np.abs(operator.product(block) - H @ block).max() <= tolerance * 50 * scale.halfwidth
    return operator


@st.composite
def exchanges(draw, is_complex: bool):
    """Random bonds of any range with any amplitudes, fields on any strings of sigma^z, any number of spins up."""
    sites = draw(st.integers(4, 12))
    up = draw(st.sampled_from(sorted({1, 2, sites // 2, (sites + 1) // 2, sites - 1})))
    pairs = list(combinations(range(sites), 2))
    seed = draw(st.integers(0, 2**32 - 1))
    stream = np.random.default_rng(seed)
    number = draw(st.sampled_from([0, 1, 3, sites, 2 * sites, len(pairs)]))
    chosen = [pairs[i] for i in stream.choice(len(pairs), size=min(number, len(pairs)), replace=False)]
    hops = {pair[:: stream.choice([1, -1])]: 0.5 for pair in chosen}
    if draw(st.booleans()):  # not all of them equal
        hops = {pair: stream.choice([0.5, stream.normal()]) for pair in hops}
    if is_complex:
        hops = {pair: complex(t * np.exp(1j * stream.choice([0, stream.normal()]))) for pair, t in hops.items()}
    masks = [1 << bit for bit in range(sites)] + [1 << p | 1 << q for p, q in chosen]
    if draw(st.booleans()):
        masks += [int(z) for z in stream.integers(2**sites, size=3)]
    fields = {z: float(stream.normal()) for z in masks}
    return Exchange(sites=sites, up=up, fields=fields, hops=hops), draw(splits(sites)), seed


def splits(sites: int):
    """None, the fastest one, or any."""
    kinds = {"right": st.sampled_from([1, sites // 2]), "pattern": st.integers(0, 6), "packed": st.booleans()}
    return st.none() | st.builds(Split, **kinds)


def taken(h: Exchange, dtype) -> bool:
    return RankedOperator.takes(h.sites, h.up, dtype)


@settings(max_examples=EXAMPLES, deadline=None)
@given(exchanges(is_complex=False))
def test_real_bonds(drawn_case):
    h, split, seed = drawn_case
    if taken(h, np.float64):
        check(h, seed, split=split)


@settings(max_examples=EXAMPLES, deadline=None)
@given(exchanges(is_complex=True))
def test_complex_bonds(drawn_case):
    h, split, seed = drawn_case
    if taken(h, np.complex128):
        check(h, seed, np.complex128, split)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(exchanges(is_complex=False), st.sampled_from([np.float32, np.complex64]))
def test_single_precision(drawn_case, dtype):
    h, split, seed = drawn_case
    if taken(h, dtype):
        check(h, seed, dtype, split)


def ring(sites: int, up: int, flux: float = 0.0) -> Exchange:
    """Random-field Heisenberg ring of spins 1/2, with a twist at its last bond."""
    stream, bonds = np.random.default_rng(sites), [(i, (i + 1) % sites) for i in range(sites)]
    fields = {1 << i: stream.uniform(-1, 1) / 2 for i in range(sites)} | {1 << p | 1 << q: 0.25 for p, q in bonds}
    hops = {(p, q): 0.5 * (np.exp(1j * flux) if flux and q == 0 else 1.0) for p, q in bonds}
    return Exchange(sites=sites, up=up, fields=fields, hops=hops)


@pytest.mark.parametrize(("sites", "up"), [(13, 6), (14, 7), (12, 11), (9, 1), (12, 10)])
def test_ring(sites, up):
    check(ring(sites, up), 1)


def test_one_state_or_few_are_left_to_others():
    assert not any(RankedOperator.takes(10, up) for up in (0, 10))
    assert not RankedOperator.takes(7, 1)
    assert RankedOperator.takes(7, 3)
    assert RankedOperator.takes(60, 2)
    assert not RankedOperator.takes(8, 1, np.float32)


def test_the_twist_may_be_anywhere():
    """A gauge transformation does not change the moments of a product state."""
    h = ring(10, 5, 0.7)
    spread = Exchange(sites=10, up=5, fields=h.fields, hops={pair: 0.5 * np.exp(0.07j) for pair in h.hops})
    for case in (h, spread):
        operator = check(case, 2, np.complex128)
        assert operator._planes == 2
    spectra = [np.linalg.eigvalsh(matrix(case).toarray()) for case in (h, spread)]
    np.testing.assert_allclose(*spectra, atol=1e-12)


@pytest.mark.parametrize(("sites", "up", "flux"), [(8, 4, 0.0), (9, 3, 0.0), (8, 5, 0.4)])
def test_quspin(sites, up, flux):
    h = ring(sites, up, flux)
    site = sites - 1 - np.arange(sites)  # of a bit
    z = [[c, site[m.bit_length() - 1]] for m, c in h.fields.items() if m.bit_count() == 1]
    zz = [[c, *(site[bit] for bit in range(sites) if m >> bit & 1)] for m, c in h.fields.items() if m.bit_count() == 2]
    # in units of Pauli matrices QuSpin's "+" is twice sigma^+
    move = [[t / 4, site[p], site[q]] for (p, q), t in h.hops.items()]
    back = [[np.conj(t) / 4, site[p], site[q]] for (p, q), t in h.hops.items()]
    basis = spin_basis_general(sites, Nup=up)
    static = [["z", z], ["zz", zz], ["+-", move], ["-+", back]]
    H = hamiltonian(static, [], basis=basis, dtype=np.complex128, check_herm=True, check_symm=False, check_pcon=False)
    operator = RankedOperator(h, scale_of(h))
    made = operator.product(np.eye(h.dim, dtype=operator.dtype))
    np.testing.assert_allclose(made, H.toarray(), atol=1e-13)


def test_many_sites_and_few_up():
    """One magnon on a ring of 62 sites, and two of 40 beside the two-particle matrix: nothing has size 2^sites."""
    sites = 62
    h = Exchange(sites=sites, up=1, fields={}, hops={(i, (i + 1) % sites): 1.0 for i in range(sites)})
    operator = RankedOperator(h, Scale(centre=0.0, halfwidth=3.0))
    made = np.linalg.eigvalsh(operator.product(np.eye(sites)))
    np.testing.assert_allclose(made, np.sort(2 * np.cos(2 * np.pi * np.arange(sites) / sites)), atol=1e-12)
    check(ring(40, 2), 3)
    check(ring(24, 22), 3)


def test_configurations():
    for bits in range(9):
        for ones in range(-1, bits + 2):
            assert configurations(bits, ones).tolist() == [n for n in range(2**bits) if n.bit_count() == ones]
    assert configurations(60, 2).size == comb(60, 2)


def test_threads_do_not_disturb_each_other():
    h = ring(14, 7)
    operator = RankedOperator(h, scale_of(h))
    starts = np.random.default_rng(0).normal(size=(4, h.dim))

    def run(start):
        recurrence = Recurrence(operator, start[:, None])
        recurrence.advance(100, np.ones(100))
        return operator.get(recurrence.total)

    alone = [run(start) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(run, starts), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("flux", [0.0, 0.4])
def test_density_of_states(flux):
    """The operator does what recurrences need: the number of states below zero, beside LAPACK."""
    h = ring(12, 6, flux)
    energies = np.linalg.eigvalsh(matrix(h).toarray())
    scale = Scale.of((energies[0], energies[-1]))
    density = DensityOfStates.sample(RankedOperator(h, scale), (1,), vectors=16)
    expected, error = density.count(scale.angle(0.0), np.pi)
    assert abs(expected - np.sum(energies < 0)) < 5 * error + 5


def test_other_amplitudes_are_noticed():
    operator = RankedOperator(ring(8, 4), Scale(centre=0.0, halfwidth=5.0))
    operator._verify()
    operator._arguments[-1][-1][:] *= 1.01  # amplitudes of whole rows
    with pytest.raises(BigbathError, match="does not reproduce"):
        operator._verify()


@pytest.mark.parametrize("hops", [{(0, 0): 1.0}, {(0, 1): 1.0, (1, 0): 1.0}, {(0, 9): 1.0}])
def test_bonds_that_are_none(hops):
    with pytest.raises(ValueError, match="hops"):
        Exchange(sites=6, up=3, fields={}, hops=hops)


def test_complex_hops_need_complex_vectors():
    with pytest.raises(ValueError, match="complex"):
        RankedOperator(ring(8, 4, 0.3), Scale(centre=0.0, halfwidth=5.0), np.float64)


PAULI = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]]), "z": np.diag([1, -1]), "i": np.eye(2)}


def dense(terms, sites):
    """H from Kronecker products."""
    H = np.zeros((2**sites, 2**sites), complex)
    for letters, couplings in terms:
        for c, *where in couplings:
            factors = dict(zip(where, letters, strict=True))
            product = np.eye(1)
            for site in range(sites):
                product = np.kron(product, PAULI[factors.get(site, "i")])
            H += c * product
    return H


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(5, 7))
def test_pauli_strings(seed, sites):
    """Exchange, Dzyaloshinskii-Moriya bonds and any products of sigma^z."""
    stream, pairs = np.random.default_rng(seed), list(combinations(range(sites), 2))
    J, D = stream.normal(size=(2, len(pairs)))
    terms = [(name, tuple((j, *pair) for j, pair in zip(J, pairs, strict=True))) for name in ("xx", "yy")]
    terms += [("xy", tuple((d, *pair) for d, pair in zip(D, pairs, strict=True)))]
    terms += [("yx", tuple((-d, *pair) for d, pair in zip(D, pairs, strict=True)))]
    terms += [("zzz", ((stream.normal(), 0, 2, 4),)), ("z", tuple((stream.normal(), i) for i in range(sites)))]
    H, up = dense(terms, sites), int(stream.integers(2, 4))
    states = [n for n in range(2**sites) if n.bit_count() == sites - up]
    h = exchange(tuple(terms), sites, up)
    np.testing.assert_allclose(matrix(h).toarray(), H[np.ix_(states, states)], atol=1e-12)
    operator = RankedOperator(h, scale_of(h))
    np.testing.assert_allclose(operator.product(np.eye(h.dim, dtype=complex)), H[np.ix_(states, states)], atol=1e-12)
    real = exchange(tuple(terms[:2] + terms[4:]), sites, up)
    assert real.is_real
    assert not h.is_real


@pytest.mark.parametrize(
    "terms",
    [
        (("x", ((1.0, 0),)),),
        (("xx", ((1.0, 0, 1),)),),
        (("xx", ((1.0, 0, 1),)), ("yy", ((0.9, 0, 1),))),
        (("xy", ((1.0, 0, 1),)), ("yx", ((1.0, 0, 1),))),
        (("xxz", ((1.0, 0, 1, 2),)), ("yyz", ((1.0, 0, 1, 2),))),
        (("xxxx", ((1.0, 0, 1, 2, 3),)),),
        (("z", ((1j, 0),)),),
    ],
)
def test_strings_that_are_more_than_exchange(terms):
    assert exchange(terms, 4, 2) is None
