"""Symmetry sectors: isometries, dimensions, spectra against numpy and against QuSpin's own symmetric bases."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import dense, hamiltonian_of

from bigbath.errors import JobError, SymmetryError
from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring, Symmetry, disorder_stream
from bigbath.models.custom import DeclaredSymmetry
from bigbath.operators import build
from bigbath.spaces import sectors, symmetry_names

RINGS = [Ring(N=N, g=1.05, h=0.1) for N in (3, 4, 5, 8, 9)]


def spectrum(matrix):
    return np.linalg.eigvalsh(dense(matrix))


def unitary(symmetry, L):
    """U = (site j -> permutation[j]) . prod_{j in flip} sigma^x_j . prod_{j in sign} sigma^z_j, bit string by bit string."""
    U = np.zeros((2**L, 2**L))
    for n in range(2**L):
        bits = [int(b) for b in format(n, f"0{L}b")]
        sign = np.prod([-1 if bits[j] else 1 for j in symmetry.sign])
        bits = [1 - b if j in symmetry.flip else b for j, b in enumerate(bits)]
        moved = [0] * L
        for j, b in enumerate(bits):
            moved[symmetry.permutation[j]] = b
        U[int("".join(map(str, moved)), 2), n] = sign
    return U


def check_sectors(h, parts):
    """Orthonormal isometries that fill the space, block-diagonalise H and carry its whole spectrum."""
    assert sum(s.dim for s in parts) == h.dim
    isometry = np.hstack([dense(s.lift(np.eye(s.dim))) for s in parts])
    assert np.abs(isometry.T @ isometry - np.eye(h.dim)).max() < 1e-12
    H = dense(h.matrix)
    for s in parts:
        leak = H @ s.lift(np.eye(s.dim)) - s.lift(dense(s.restrict(h.matrix)))
        assert np.abs(leak).max() < 1e-12 * max(1, np.abs(H).max()) * h.dim
    union = np.sort(np.concatenate([spectrum(s.restrict(h.matrix)) for s in parts]))
    assert np.abs(union - spectrum(H)).max() < 1e-11 * max(1, np.abs(H).max()) * h.sites


@pytest.mark.parametrize("part", ["H", "B"])
@pytest.mark.parametrize("model", [*RINGS, Ring(N=7, boundary="open"), TFIM(L=6)], ids=str)
def test_sectors_of_the_models(model, part):
    h = hamiltonian_of(model, part)
    if not h.symmetries:
        (whole,) = sectors(h)
        assert whole.isometry is None
        assert whole.dim == h.dim
        return
    parts = sectors(h)
    check_sectors(h, parts)
    for s in parts:
        for symmetry in h.symmetries:
            U, label = unitary(symmetry, h.sites), dict(s.labels)[symmetry.name]
            V = dense(s.isometry)
            if symmetry.name == "momentum":  # T + 1/T = 2 cos(k)
                assert np.allclose(U @ V + U.T @ V, 2 * np.cos(2 * np.pi * label / h.sites) * V, atol=1e-12)
            else:
                assert np.allclose(U @ V, label * V, atol=1e-12)


@pytest.mark.parametrize("N", [6, 7, 8])
def test_momentum_pairs_are_split_between_reflections(N):
    """For 0 < k < N/2 either reflection sector holds one state of each +-k pair: equal dimension, equal spectrum."""
    h = hamiltonian_of(Ring(N=N))
    parts = {s.labels: s for s in sectors(h)}
    for k in range(1, (N + 1) // 2):
        even, odd = (spectrum(parts[("reflection", r), ("momentum", k)].restrict(h.matrix)) for r in (1, -1))
        assert np.allclose(even, odd, atol=1e-11)
        assert np.diff(even).min() > 1e-6  # nothing exactly degenerate is left inside a sector


@pytest.mark.parametrize("N", [6, 7, 8])
def test_ring_against_quspin(N):
    """The same spectra as QuSpin's momentum blocks (spin_basis_1d) and, at k = 0 and pi, its map of the reflection."""
    from quspin.basis import spin_basis_1d, spin_basis_general
    from quspin.operators import hamiltonian

    g, field = 1.05, 0.1
    static = [
        ["zz", [[-1.0, j, (j + 1) % N] for j in range(N)]],
        ["x", [[g, j] for j in range(N)]],
        ["z", [[field, j] for j in range(N)]],
    ]

    def quspin_spectrum(basis):
        silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
        return (
            hamiltonian(static, [], basis=basis, dtype=np.complex128, **silent).eigvalsh() if basis.Ns else np.empty(0)
        )

    h = hamiltonian_of(Ring(N=N, g=g, h=field))
    for s in sectors(h):
        labels = dict(s.labels)
        k, r = labels["momentum"], labels["reflection"]
        if k in (0, N / 2):
            j = np.arange(N)
            basis = spin_basis_general(N, pauli=1, T=((j + 1) % N, k), R=(-j % N, 0 if r == 1 else 1))
        else:
            basis = spin_basis_1d(N, pauli=1, kblock=k)
        expected = quspin_spectrum(basis)
        assert s.dim == expected.size
        assert np.allclose(spectrum(s.restrict(h.matrix)), expected, atol=1e-10)


def test_open_chain_bath_and_tfim_against_quspin():
    from quspin.basis import spin_basis_1d, spin_basis_general
    from quspin.operators import hamiltonian

    silent = {"check_symm": False, "check_herm": False, "check_pcon": False}
    for model, part, make in (
        (Ring(N=8), "B", lambda r: spin_basis_1d(7, pauli=1, pblock=r)),
        (TFIM(L=6), "H", lambda r: spin_basis_general(7, pauli=1)),
    ):
        composite = model.composite(disorder_stream(1, 0))
        h = build(composite, part)
        shift = composite.system_sites if part == "B" else 0
        terms = composite.bath if part == "B" else composite.system + composite.bath + composite.interaction
        static = [[letters, [[c[0], *(j - shift for j in c[1:])] for c in cs]] for letters, cs in terms]
        for s in sectors(h):
            value = s.labels[0][1]
            full = hamiltonian(static, [], basis=make(value), dtype=np.float64, **silent)
            if part == "B":
                expected = full.eigvalsh()
            else:  # states of parity +-1: an even or odd number of down spins, a coordinate subspace
                downs = np.array([bin(n).count("1") for n in range(2**7)])
                chosen = np.flatnonzero((-1) ** downs == value)
                expected = np.linalg.eigvalsh(dense(full.tocsr())[np.ix_(chosen, chosen)][::1])
            assert np.allclose(spectrum(s.restrict(h.matrix)), expected, atol=1e-10)


def test_selected_sectors_are_those_of_the_whole_list():
    h = hamiltonian_of(Ring(N=8))
    every = {s.labels: s for s in sectors(h)}
    chosen = sectors(h, only={"reflection": -1})
    assert {s.labels for s in chosen} == {labels for labels in every if ("reflection", -1) in labels}
    (one,) = sectors(h, only={"reflection": 1, "momentum": 2})
    assert np.array_equal(dense(one.isometry), dense(every[("reflection", 1), ("momentum", 2)].isometry))
    halves = sectors(h, use=("reflection",))
    assert [s.labels for s in halves] == [(("reflection", 1),), (("reflection", -1),)]
    check_sectors(h, halves)
    check_sectors(h, sectors(h, use=("momentum",)))
    (whole,) = sectors(h, use=())
    assert whole.isometry is None


@pytest.mark.parametrize(
    "options", [{"use": ("refelction",)}, {"only": {"parity": 1}}, {"use": ("reflection", "nothing")}]
)
def test_an_unknown_symmetry_is_a_job_error(options):
    name = next(n for n in [*options.get("use", ()), *options.get("only", {})] if n not in ("reflection", "momentum"))
    with pytest.raises(JobError, match=name):
        sectors(hamiltonian_of(Ring(N=5)), **options)


@pytest.mark.parametrize("only", [{"reflection": 2}, {"momentum": 17}, {"reflection": 0, "momentum": 1}])
def test_an_impossible_label_is_a_job_error(only):
    with pytest.raises(JobError, match="no sector has the labels"):
        sectors(hamiltonian_of(Ring(N=5)), only=only)


def test_models_without_symmetries_say_so():
    for model in (Imbrie(L=4), Levy(L=3)):
        h = hamiltonian_of(model)
        assert symmetry_names(h) == ()
        with pytest.raises(JobError, match="it has none"):
            sectors(h, use=("parity",))


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        (Symmetry(name="bad", permutation=(0, 2, 1, 3, 4)), "does not commute"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3, 4), flip=frozenset({2})), "does not commute"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3, 4), sign=frozenset({0, 1, 2, 3})), "does not commute"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3, 4)), "is the identity"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3)), "does not permute"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3, 3)), "does not permute"),
        (Symmetry(name="bad", permutation=(1, 2, 3, 4, 0), flip=frozenset(range(5))), "must square to the identity"),
        (Symmetry(name="bad", permutation=(0, 1, 2, 3, 4), flip=frozenset({1}), sign=frozenset({1})), "must square"),
    ],
)
def test_a_wrong_symmetry_is_refused(symmetry, message):
    composite = replace(Imbrie(L=4).composite(disorder_stream(1, 0)), symmetries=(symmetry,))
    with pytest.raises(SymmetryError, match=message):
        sectors(build(composite))


def test_a_symmetry_broken_a_little_is_refused():
    """The ring with one coupling off by 1e-9 has neither translations nor reflection."""
    composite = Ring(N=6).composite(disorder_stream(1, 0))
    zz, *fields = composite.bath
    broken = replace(composite, bath=((zz[0], ((-1.0 + 1e-9, 1, 2), *zz[1][1:])), *fields))
    sectors(build(composite))
    for name in ("reflection", "momentum"):
        with pytest.raises(SymmetryError, match=name):
            sectors(build(broken), use=(name,))


def test_symmetries_without_common_real_sectors_are_refused():
    """sigma^z_0 and sigma^x_0 both commute with H = z z on other sites, but not with each other."""
    composite = Custom(
        L=3,
        system=(),
        bath=(("zz", ((1.0, 1, 2),)), ("x", ((0.3, 1),))),
        interaction=(),
        symmetries=(DeclaredSymmetry(name="a", sign=(0,)), DeclaredSymmetry(name="b", flip=(0,))),
    ).composite(disorder_stream(1, 0))
    with pytest.raises(SymmetryError, match="no common real sectors"):
        sectors(build(composite), use=("a", "b"))
    check_sectors(build(composite), sectors(build(composite), use=("a",)))


def test_two_translations():
    """A torus of 3 x 3 spins has two translations, used together or one at a time."""
    site = lambda x, y: 3 * (x % 3) + y % 3  # noqa: E731
    sites = [(x, y) for x in range(3) for y in range(3)]
    bonds = [(-1.0, site(x, y), site(x + dx, y + dy)) for x, y in sites for dx, dy in ((1, 0), (0, 1))]
    model = Custom(
        L=9,
        system=(),
        bath=(("x", tuple((0.7, j) for j in range(1, 9))),),
        interaction=(("zz", tuple(bonds)), ("x", ((0.7, 0),))),
        symmetries=(
            DeclaredSymmetry(name="momentum", permutation=tuple(site(x + 1, y) for x, y in sites)),
            DeclaredSymmetry(name="other", permutation=tuple(site(x, y + 1) for x, y in sites)),
        ),
    )
    h = hamiltonian_of(model)
    check_sectors(h, sectors(h))
    check_sectors(h, sectors(h, use=("momentum",)))


def _image(symmetry, term):
    """U P U^dagger of a Pauli string P, again a string with a sign."""
    letters, ((J, *sites),) = term
    for letter, j in zip(letters, sites, strict=True):
        J *= -1 if (letter in "yz" and j in symmetry.flip) ^ (letter in "xy" and j in symmetry.sign) else 1
    return letters, ((J, *(symmetry.permutation[j] for j in sites)),)


@st.composite
def symmetric_models(draw):
    """A random real custom model that commutes with a random involution: permutation, flips and signs together."""
    L = draw(st.integers(3, 6))
    order = draw(st.permutations(range(L)))
    pairs = draw(st.integers(0, L // 2))
    permutation = list(range(L))
    for a, b in zip(order[: 2 * pairs : 2], order[1 : 2 * pairs : 2], strict=True):
        permutation[a], permutation[b] = b, a
    orbits = {frozenset({j, permutation[j]}) for j in range(L)}
    pick = st.sets(st.sampled_from(sorted(orbits, key=sorted)))
    flip, sign = (frozenset(j for orbit in draw(pick) for j in orbit) for _ in range(2))
    assume(len(flip & sign) % 2 == 0)  # else U^2 = -1
    assume(flip or sign or pairs)
    declared = DeclaredSymmetry(
        name="u", permutation=tuple(permutation), flip=tuple(sorted(flip)), sign=tuple(sorted(sign))
    )
    symmetry = Symmetry(name="u", permutation=tuple(permutation), flip=flip, sign=sign)
    terms = []
    for _ in range(draw(st.integers(1, 8))):
        sites = draw(st.lists(st.integers(0, L - 1), min_size=1, max_size=3, unique=True))
        letters = "".join(draw(st.lists(st.sampled_from("xyz"), min_size=len(sites), max_size=len(sites))))
        J = draw(st.floats(0.1, 2.0))
        term = (letters, ((J, *sites),))
        terms += [term, _image(symmetry, term)]
    return Custom(L=L, system=(), bath=(), interaction=tuple(terms), symmetries=(declared,)), symmetry


@given(symmetric_models())
def test_random_models_with_random_involutions(pair):
    model, symmetry = pair
    h = hamiltonian_of(model)
    U = unitary(symmetry, model.L)
    assert np.allclose(U @ U, np.eye(2**model.L))
    check_sectors(h, sectors(h))
    parts = sectors(h, use=("u",))
    check_sectors(h, parts)
    for s in parts:
        V = dense(s.isometry)
        assert np.allclose(U @ V, s.labels[0][1] * V, atol=1e-12)


@given(symmetric_models(), st.integers(0, 5), st.sampled_from("xz"))
def test_random_models_whose_symmetry_is_broken_by_one_field(pair, site, letter):
    model, symmetry = pair
    term = (letter, ((0.37, site % model.L),))
    broken = replace(model, interaction=(*model.interaction, term))
    if _image(symmetry, term) == term:
        check_sectors(hamiltonian_of(broken), sectors(hamiltonian_of(broken)))
    else:
        with pytest.raises(SymmetryError, match="does not commute"):
            sectors(hamiltonian_of(broken))


def test_a_custom_symmetry_is_the_baths_too_when_it_fixes_the_system():
    model = Custom(
        L=5,
        system=(("z", ((0.5, 0),)),),
        bath=(("zz", ((1.0, 1, 2), (1.0, 3, 4), (0.5, 2, 3))), ("x", tuple((0.8, j) for j in range(1, 5)))),
        interaction=(("zz", ((0.3, 0, 1), (0.3, 0, 4))),),
        symmetries=(DeclaredSymmetry(name="mirror", permutation=(0, 4, 3, 2, 1)),),
    )
    for part in ("H", "B"):
        h = hamiltonian_of(model, part)
        assert symmetry_names(h) == ("mirror",)
        check_sectors(h, sectors(h))
