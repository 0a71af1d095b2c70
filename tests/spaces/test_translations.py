"""Several translations and signed momenta: labels, columns, spectra against LAPACK and against QuSpin's own bases."""

import os
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense, explicit, hamiltonian_of

from bigbath.errors import SymmetryError
from bigbath.models import XXZ, SpinComposite, Symmetry
from bigbath.operators import build
from bigbath.solvers import Dense, Density, Filter, ShiftInvert, solve
from bigbath.spaces import sectors
from bigbath.spaces.sector import contraction

LONG = os.environ.get("BIGBATH_LONG") == "1"


def translations(lengths):
    """The translation along each direction of a torus, as permutations of its sites; those of two sites are involutions."""
    sites = list(product(*(range(n) for n in lengths)))
    number = {site: j for j, site in enumerate(sites)}
    return tuple(
        Symmetry(
            name=f"k{d}",
            permutation=tuple(
                number[tuple((x + (d == e)) % n for e, (x, n) in enumerate(zip(s, lengths, strict=True)))]
                for s in sites
            ),
        )
        for d in range(len(lengths))
    )


def group(lengths):
    """All permutations that translations along the directions make."""
    found = {tuple(range(int(np.prod(lengths))))}
    while True:
        more = found | {tuple(t.permutation[j] for j in p) for p in found for t in translations(lengths)}
        if more == found:
            return sorted(found)
        found = more


def torus(seed, lengths, *, is_complex, conserving=False, symmetries=()):
    """Random strings of one and two sites, summed over the translations."""
    stream, L = np.random.default_rng(seed), int(np.prod(lengths))
    terms = []
    for _ in range(4):
        a, b = map(int, stream.choice(L, 2, replace=False))
        J = float(stream.normal())
        chosen = [("xx", J, (a, b)), ("yy", J, (a, b))]
        if is_complex:
            chosen += [("xy", J / 2, (a, b)), ("yx", -J / 2, (a, b))]
        chosen.append(("zz", float(stream.normal()), (a, b)))
        if not conserving:
            chosen += [("zx", float(stream.normal()), (a, b)), ("x", float(stream.normal()), (a,))]
        for p in group(lengths):
            terms += [(letters, ((J, *(p[j] for j in sites)),)) for letters, J, sites in chosen]
    h = build(
        SpinComposite(
            system_sites=1,
            bath_sites=L - 1,
            system=(),
            bath=(),
            interaction=tuple(terms),
            symmetries=translations(lengths) + tuple(symmetries),
        )
    )
    return h, tuple(terms)


def moved(permutation, L, V):
    """T V for a permutation of sites, configuration by configuration."""
    n = np.arange(2**L)
    image = sum((n >> (L - 1 - j) & 1) << (L - 1 - target) for j, target in enumerate(permutation))
    result = np.empty_like(V)
    result[image] = V
    return result


def check(h, H, symmetries, *, is_complex):
    """Columns, momenta and spectra of all sectors."""
    norm, union, columns = np.linalg.norm(H, 2), [], []
    parts = sectors(h)
    assert sum(s.dim for s in parts) == h.dim
    for s in parts:
        V, labels, matrix = s.lift(np.eye(s.dim)), dict(s.labels), dense(h.restricted(s))
        columns.append(V)
        assert np.iscomplexobj(V) == is_complex
        assert np.abs(H @ V - V @ matrix).max() < 1e-12 * norm
        for T in symmetries:
            n = next(m for m in range(1, h.sites + 1) if _power(T.permutation, m) == tuple(range(h.sites)))
            k = 2 * np.pi * labels[T.name] / n if n > 2 else np.arccos(labels[T.name])
            if is_complex:
                assert np.abs(moved(T.permutation, h.sites, V) - np.exp(1j * k) * V).max() < 1e-12
            else:
                both = moved(T.permutation, h.sites, V) + moved(np.argsort(T.permutation), h.sites, V)
                assert np.abs(both - 2 * np.cos(k) * V).max() < 1e-12
        union.append(np.linalg.eigvalsh(matrix))
    whole = np.hstack(columns)
    assert np.abs(whole.conj().T @ whole - np.eye(h.dim)).max() < 1e-12
    assert np.abs(np.sort(np.concatenate(union)) - np.linalg.eigvalsh(H)).max() < 1e-12 * norm
    return parts


def _power(permutation, m):
    result = tuple(range(len(permutation)))
    for _ in range(m):
        result = tuple(permutation[j] for j in result)
    return result


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from([(2, 3), (2, 4), (2, 2, 2), (5,), (3, 2)]), st.booleans(), st.booleans())
def test_random_couplings_on_a_torus(seed, lengths, is_complex, conserving):
    h, terms = torus(seed, lengths, is_complex=is_complex, conserving=conserving)
    check(h, explicit(terms, h.sites), h.symmetries, is_complex=h.is_complex and max(lengths) > 2)


@pytest.mark.parametrize("is_complex", [False, True])
def test_a_torus_of_nine_spins(is_complex):
    h, _ = torus(3, (3, 3), is_complex=is_complex)
    parts = check(h, dense(h.matrix), h.symmetries, is_complex=is_complex)
    labels = [tuple(v for _, v in s.labels) for s in parts]
    assert labels == (list(product(range(3), repeat=2)) if is_complex else [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)])
    some = sectors(h, only={"k1": 2})
    expected = {(k, 2) for k in range(3)} if is_complex else {(0, 1), (1, 1), (1, 2)}
    assert {tuple(v for _, v in s.labels) for s in some} == expected


def test_a_torus_inside_magnetisation_sectors_with_the_spin_flip():
    flip = Symmetry(name="flip", permutation=tuple(range(6)), flip=frozenset(range(6)))
    h, terms = torus(5, (2, 3), is_complex=False, conserving=True, symmetries=(flip,))
    parts = check(h, explicit(terms, 6), h.symmetries[:2], is_complex=False)
    for s in parts:
        assert ("flip" in dict(s.labels)) == (dict(s.labels)["magnetisation"] == 0)


@pytest.mark.parametrize("is_complex", [False, True])
def test_a_torus_against_quspin(is_complex):
    """QuSpin's T has the eigenvalue e^(-2 pi i k/n) in its block k."""
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    h, terms = torus(11, (3, 3), is_complex=is_complex, conserving=True)
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    first, second = (np.array(t.permutation) for t in h.symmetries)

    def quspin(k, q):
        basis = spin_basis_general(9, Nup=5, pauli=1, a=(first, k), b=(second, q))
        return hamiltonian(static, [], basis=basis, dtype=np.complex128, **silent).eigvalsh()

    for s in sectors(h, only={"magnetisation": 1}):
        k, q = dict(s.labels)["k0"], dict(s.labels)["k1"]
        blocks = {(k, q)} if is_complex else {(k, q), (-k % 3, -q % 3)}
        expected = np.sort(np.concatenate([quspin(*b) for b in sorted(blocks)]))
        assert np.abs(np.linalg.eigvalsh(dense(h.restricted(s))) - expected).max() < 1e-11


@pytest.mark.petsc
@pytest.mark.parametrize("lengths", [(3, 3), (4, 4)] if LONG else [(3, 3)])
def test_a_window_in_one_momentum_of_a_torus(lengths):
    """By every engine, certified, against LAPACK on QuSpin's own block; on the torus of 4 x 4, 715 of 65,536 states."""
    from quspin.basis import spin_basis_general
    from quspin.operators import hamiltonian

    L = int(np.prod(lengths))
    h, terms = torus(7, lengths, is_complex=True, conserving=True)
    assert sum(s.dim for s in sectors(h)) == 2**L
    sector = {"magnetisation": 2 - L % 2, "k0": 1, "k1": 2}
    static = [[letters, [list(c) for c in couplings]] for letters, couplings in terms]
    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    first, second = (np.array(t.permutation) for t in h.symmetries)
    basis = spin_basis_general(L, Nup=(L + 2 - L % 2) // 2, pauli=1, a=(first, 1), b=(second, 2))
    levels = hamiltonian(static, [], basis=basis, dtype=np.complex128, **silent).eigvalsh()
    target = levels[0] + 0.45 * (levels[-1] - levels[0])
    expected = np.sort(levels[np.argsort(np.abs(levels - target))[:6]])
    for engine in (Dense(), Filter(), ShiftInvert()):
        states = solve(h, Density(epsilon=0.45, k=6), engine=engine, sector=sector)
        assert states.evidence.complete == "yes", states.evidence.reason
        assert np.abs(states.energies - expected).max() < 1e-11 * np.abs(levels).max()
    print(f"{lengths}: {len(levels)} states in {sector}")


def test_a_ring_with_flux_has_signed_momenta():
    h = hamiltonian_of(XXZ(L=6, W=0.0, phi=0.7))
    parts = check(h, dense(h.matrix), h.symmetries, is_complex=True)
    energies = {s.labels: np.linalg.eigvalsh(dense(h.restricted(s))) for s in parts}
    plus, minus = (energies[("magnetisation", 2), ("momentum", k)] for k in (1, 5))
    assert np.abs(plus - minus).max() > 1e-3
    assert str(sectors(h, only={"magnetisation": 2, "momentum": 5})[0]) == "magnetisation +2, momentum 5"


def _uniform(letters_and_sites, symmetries, L=6):
    terms = tuple((w, tuple((c, *((j + s) % L for s in at)) for j in range(L))) for w, c, at in letters_and_sites)
    composite = SpinComposite(
        system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=terms, symmetries=symmetries
    )
    return build(composite)


ROLL = translations((6,))[0]
MIRROR = Symmetry(name="mirror", permutation=tuple(-j % 6 for j in range(6)))


def test_a_reflection_joins_the_momenta_of_a_complex_hamiltonian():
    h = _uniform([("zz", 1.0, (0, 1)), ("y", 0.7, (0,)), ("x", 0.4, (0,)), ("xz", 0.3, (0, 3))], (MIRROR, ROLL))
    assert h.is_complex
    parts = check(h, dense(h.matrix), (), is_complex=False)
    assert {dict(s.labels)["k0"] for s in parts} == {0, 1, 2, 3}


def test_a_mirror_of_one_direction_has_no_sectors_with_both_translations():
    mirror = Symmetry(name="mirror", permutation=tuple(3 * (-x % 3) + y for x in range(3) for y in range(3)))
    terms = tuple(("zz", tuple((1.0, t.permutation[j], j) for j in range(9))) for t in translations((3, 3)))
    composite = SpinComposite(
        system_sites=1,
        bath_sites=8,
        system=(),
        bath=(),
        interaction=(*terms, ("x", tuple((0.7, j) for j in range(9)))),
        symmetries=(mirror, *translations((3, 3))),
    )
    h = build(composite)
    with pytest.raises(SymmetryError, match="'k0' and 'mirror' have no common real sectors"):
        sectors(h)
    assert sum(s.dim for s in sectors(h, use=("mirror", "k0"))) == 512


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=5)
def test_complex_columns_in_contraction_and_overlaps(seed):
    stream = np.random.default_rng(seed)
    h = hamiltonian_of(XXZ(L=6, W=0.0, phi=0.7))
    phi = stream.normal(size=2) + 1j * stream.normal(size=2)
    for s in sectors(h, only={"magnetisation": 2}):
        V = s.lift(np.eye(s.dim))
        v = stream.normal(size=(64, 2)) + 1j * stream.normal(size=(64, 2))
        assert np.abs(s.project(v) - V.conj().T @ v).max() < 1e-13
        c = stream.normal(size=(s.dim, 2)) + 1j * stream.normal(size=(s.dim, 2))
        assert np.abs(s.project(s.lift(c)) - c).max() < 1e-13
        expected = np.einsum("i,ibn->bn", phi.conj(), V.reshape(2, 32, -1))
        assert np.abs(dense(contraction(phi, None, s, (2, 32))) - expected).max() < 1e-13
