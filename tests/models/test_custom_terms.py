"""Terms of custom models: generators, laws, letters and conventions against Kronecker products built here."""

import os
from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from support import PAULI, dense

import bigbath as bb
from bigbath.errors import JobError
from bigbath.job import load_job

EXAMPLES = settings(max_examples=500 if os.environ.get("BIGBATH_LONG") else 25)

UP = np.array([[0.0, 1.0], [0.0, 0.0]])
#: The operators of each letter in QuSpin's three conventions.
LETTERS = {
    1: {**PAULI, "+": 2 * UP, "-": 2 * UP.T, "n": np.diag([1.0, 0.0])},
    -1: {**PAULI, "+": UP, "-": UP.T, "n": np.diag([1.0, 0.0])},
    0: {"I": np.eye(2), **{a: PAULI[a] / 2 for a in "xyz"}, "+": UP, "-": UP.T, "n": np.diag([1.0, 0.0])},
}


def kron(letters, sites, L, pauli=1):
    """One product of operators, site 0 leftmost."""
    factors = [np.eye(2)] * L
    for letter, site in zip(letters, sites, strict=True):
        factors[site] = LETTERS[pauli][letter]
    result = np.eye(1)
    for factor in factors:
        result = np.kron(result, factor)
    return result


def matrix(model, part="H", **stream):
    return dense(bb.build(bb.draw(model, **stream), part).matrix)


def close(a, b):
    return np.abs(a - b).max() <= 1e-13 * max(1, np.abs(b).max())


def bonds_of(kind, L):
    """Unordered pairs and their distances, from the definitions."""
    pairs = list(combinations(range(L), 2))
    if kind == "chain":
        return {frozenset(p): 1.0 for p in pairs if p[1] - p[0] == 1}
    if kind == "ring":
        return {frozenset(p): 1.0 for p in pairs if (p[1] - p[0]) % L in (1, L - 1)}
    if kind == "all-to-all":
        return {frozenset(p): float(p[1] - p[0]) for p in pairs}
    if kind == "closed":
        return {frozenset(p): float(min(p[1] - p[0], L - p[1] + p[0])) for p in pairs}
    if kind == "star":
        return {frozenset(p): float(p[1]) for p in pairs if p[0] == 0}
    if kind == "ladder":  # rungs (2x, 2x + 1), legs (n, n + 2)
        return {frozenset(p): 1.0 for p in pairs if p[1] - p[0] == 2 or (p[1] - p[0] == 1 and p[0] % 2 == 0)}
    rows, width = L // 3, 3
    found = {}
    for i, j in pairs:
        dx, dy = abs(i % width - j % width), abs(i // width - j // width)
        if kind == "torus":
            dx, dy = min(dx, width - dx), min(dy, rows - dy)
        if dx + dy == 1:
            found[frozenset((i, j))] = 1.0
    return found


GENERATORS = {
    "chain": "chain", "ring": "ring", "all-to-all": "all-to-all", "closed": {"kind": "all-to-all", "periodic": True}, "star": "star",
    "ladder": "ladder", "square": {"kind": "square", "width": 3}, "torus": {"kind": "square", "width": 3, "periodic": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("L", [6, 12])
def test_generators_make_the_bonds_of_their_lattice(kind, L):
    """Every bond once, with its distance: Ising couplings are read from the diagonal of H."""
    model = bb.Custom(L=L, terms=[{"string": "zz", "bonds": GENERATORS[kind], "coupling": 1.0, "decay": 1.0}])
    c = bb.draw(model)
    found = {}
    for _, couplings in c.system + c.bath + c.interaction:
        for J, i, j in couplings:
            assert frozenset((i, j)) not in found
            found[frozenset((i, j))] = 1 / J
    assert found == pytest.approx(bonds_of(kind, L))
    for part, allowed in (("system", {0}), ("bath", set(range(1, L)))):
        assert all(set(place) <= allowed for _, cs in getattr(c, part) for _, *place in cs)
    assert all(0 in place and max(place) > 0 for _, cs in c.interaction for _, *place in cs)


@given(st.integers(0, 10**6), st.sampled_from([-1, 0, 1]), st.sampled_from([3, 4, 5]))
@EXAMPLES
def test_any_string_in_any_convention(seed, pauli, L):
    """Random strings with complex couplings and their conjugates; spectra against LAPACK on explicit matrices."""
    stream = np.random.default_rng(seed)
    expected, static, tables = np.zeros((2**L, 2**L), complex), [], []
    for _ in range(4):
        letters = "".join(stream.choice(list("Ixyz+-n"), int(stream.integers(1, 4))))
        sites = [int(j) for j in stream.permutation(L)[: len(letters)]]
        J = complex(*stream.normal(size=2))
        product = kron(letters, sites, L, pauli)
        if set(letters) & set("+-"):
            expected += J * product + np.conj(J) * product.conj().T
            if stream.random() < 0.5:
                other = letters.translate(str.maketrans("+-", "-+"))
                static += [[letters, [[J, *sites]]], [other, [[np.conj(J), *sites]]]]
            else:
                where = {"bonds": [sites]} if len(sites) > 1 else {"sites": sites}
                tables.append({"string": letters, **where, "coupling": [J.real, J.imag], "plus_hc": True})
        else:
            expected += J.real * product
            static.append([letters, [[J.real, *sites]]])
    model = bb.Custom(L=L, system_sites=int(stream.integers(1, L)), pauli=pauli, terms=static + tables)
    assert close(matrix(model), expected)
    parts = [matrix(model, part) for part in ("S", "B", "V")]
    assert close(
        np.kron(parts[0], np.eye(len(parts[1]))) + np.kron(np.eye(len(parts[0])), parts[1]) + parts[2], expected
    )
    energies = bb.solve(bb.build(bb.draw(model)), "whole").energies
    assert np.abs(energies - np.linalg.eigvalsh(expected)).max() < 1e-12 * max(1, np.abs(expected).max() * 2**L)


def test_lists_pasted_from_a_quspin_script():
    """Against QuSpin itself, in each of its conventions."""
    from quspin.basis import spin_basis_1d
    from quspin.operators import hamiltonian

    L, Jxy, h = 6, 0.7, np.random.default_rng(0).uniform(-1, 1, 6)
    J_zz = [[1.0, i, (i + 1) % L] for i in range(L)]
    J_xy = [[Jxy * np.exp(0.3j), i, (i + 1) % L] for i in range(L)]
    J_yx = [[Jxy * np.exp(-0.3j), i, (i + 1) % L] for i in range(L)]
    h_x = [[h[i], i] for i in range(L)]
    static = [["zz", J_zz], ["+-", J_xy], ["-+", J_yx], ["x", h_x]]
    for pauli in (True, False, 1, 0, -1):
        basis = spin_basis_1d(L, pauli=pauli)
        checks = {"check_symm": False, "check_herm": False, "check_pcon": False}
        theirs = hamiltonian(static, [], basis=basis, dtype=np.complex128, **checks).toarray()
        assert close(matrix(bb.Custom(L=L, terms=static, pauli=pauli)), theirs)


def test_a_quspin_basis_translated():
    """pblock, zblock, kblock and Nup as declared symmetries and labels."""
    from quspin.basis import spin_basis_1d
    from quspin.operators import hamiltonian

    L = 8
    ring = [[0.8, i, (i + 1) % L] for i in range(L)]
    static = [["zz", [[1.3, i, (i + 1) % L] for i in range(L)]], ["xx", ring], ["yy", ring]]
    model = bb.Custom(
        L=L, terms=static, pauli=0,
        symmetries=[
            {"name": "reflection", "permutation": "reflection"},
            {"name": "flip", "flip": "all"},
            {"name": "momentum", "permutation": "translation"},
        ],
    )  # fmt: skip
    h = bb.build(bb.draw(model))
    for blocks, names, labels in (
        ({"pblock": -1}, ["reflection"], {"reflection": -1}),
        ({"zblock": 1, "Nup": 4}, ["flip"], {"flip": 1, "magnetisation": 0}),
        ({"Nup": 3, "pblock": 1}, ["reflection"], {"magnetisation": -2, "reflection": 1}),
        ({"kblock": 0}, ["momentum"], {"momentum": 0}),
    ):
        basis = spin_basis_1d(L, pauli=False, **blocks)
        theirs = hamiltonian(static, [], basis=basis, dtype=np.complex128, check_herm=False, check_symm=False).toarray()
        ours = bb.solve(h, "whole", symmetries=names, sector=labels).energies
        assert np.abs(ours - np.linalg.eigvalsh(theirs)).max() < 1e-12


def couplings(law, seed=1, realization=0, L=60, **term):
    c = bb.draw(bb.Custom(L=L, terms=[{"string": "z", "coupling": law, **term}]), seed=seed, realization=realization)
    return np.array([J for _, cs in c.system + c.bath for J, _ in cs])


LAWS = {
    "uniform": ({"kind": "uniform", "low": -0.5, "high": 2.0}, scipy.stats.uniform(-0.5, 2.5)),
    "normal": ({"kind": "normal", "mean": 1.0, "sigma": 0.3}, scipy.stats.norm(1.0, 0.3)),
    "log-uniform": ({"kind": "log-uniform", "low": 0.01, "high": 10.0}, scipy.stats.loguniform(0.01, 10.0)),
}


@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_their_law(name):
    law, distribution = LAWS[name]
    draws = np.concatenate([couplings(law, realization=r) for r in range(30)])
    assert scipy.stats.kstest(draws, distribution.cdf).pvalue > 1e-3
    assert np.unique(draws).size == draws.size
    low, high = distribution.support()
    assert low <= draws.min() and draws.max() <= high


def test_signs_and_quasi_periodic_fields():
    signs = np.concatenate([couplings({"kind": "sign", "J": 0.7}, realization=r) for r in range(30)])
    assert set(signs) == {0.7, -0.7}
    assert abs(signs.mean()) < 5 * 0.7 / np.sqrt(signs.size)
    j = np.arange(60)
    fixed = couplings({"kind": "quasi-periodic", "W": 2.0, "beta": 0.3, "phase": 0.4})
    assert np.abs(fixed - 2 * np.cos(2 * np.pi * 0.3 * j + 0.4)).max() < 1e-12
    drawn = couplings({"kind": "quasi-periodic", "W": 2.0, "beta": 0.3}, realization=3)
    waves = np.column_stack([np.cos(2 * np.pi * 0.3 * j), np.sin(2 * np.pi * 0.3 * j)])
    amplitudes, *_ = np.linalg.lstsq(waves, drawn)
    assert np.abs(waves @ amplitudes - drawn).max() < 1e-12
    assert np.hypot(*amplitudes) == pytest.approx(2.0)


@given(st.sampled_from([*LAWS, "sign", "quasi-periodic"]), st.integers(0, 2**40), st.integers(0, 2**40))
@EXAMPLES
def test_draws_come_from_seed_and_realization_alone(name, seed, realization):
    law = LAWS[name][0] if name in LAWS else {"kind": name, **({"W": 1.0} if name == "quasi-periodic" else {})}
    bb.draw(bb.Imbrie(L=4), seed=seed)
    first = couplings(law, seed, realization)
    assert np.array_equal(first, couplings(law, seed, realization))
    assert not np.array_equal(first, couplings(law, seed, realization + 1))
    assert not np.array_equal(first, couplings(law, seed + 1, realization))


@given(st.floats(-3, 3), st.floats(0.1, 2), st.integers(0, 1000))
@EXAMPLES
def test_decay_divides_by_the_distance_to_a_power(a, sigma, seed):
    """Also of random couplings: the same draws without decay, times r^-a."""
    term = {
        "string": "xx",
        "bonds": {"kind": "all-to-all", "periodic": True},
        "coupling": {"kind": "normal", "sigma": sigma},
    }

    def drawn(**more):
        c = bb.draw(bb.Custom(L=7, terms=[term | more]), seed=seed)
        return {place: J for _, cs in c.interaction + c.bath for J, *place in cs for place in [tuple(place)]}

    plain, decayed = drawn(), drawn(decay=a)
    for (i, j), J in plain.items():
        assert decayed[i, j] == pytest.approx(J * min(j - i, 7 - j + i) ** -a, rel=1e-12)


def test_random_complex_hopping_is_hermitian():
    law = {"kind": "normal", "sigma": 1.0}
    model = bb.Custom(
        L=5, pauli=0, terms=[{"string": "+-", "bonds": "all-to-all", "coupling": [law, law], "plus_hc": True}]
    )
    H = matrix(model)
    assert close(H, H.conj().T) and np.abs(H.imag).max() > 0.1
    amplitudes = np.array(
        [H[1 << b, 1 << a] for a in range(5) for b in range(a)]
    )  # one spin down: H is the matrix of hops
    assert np.unique(amplitudes.round(12)).size == 10


def test_the_random_field_chain_is_that_of_the_model_xxz():
    terms = [
        {"string": "+-", "bonds": "ring", "coupling": "J/2", "plus_hc": True},
        {"string": "zz", "bonds": "ring", "coupling": "J*Delta"},
        {"string": "z", "coupling": {"kind": "uniform", "low": "-W", "high": "W"}},
    ]
    for L, W in ((5, 0.5), (8, 3.0)):
        model = bb.Custom(L=L, pauli=0, terms=terms, parameters={"J": 0.9, "Delta": 0.6, "W": W})
        xxz = bb.XXZ(L=L, J=0.9, Delta=0.6, W=W)
        for part in ("H", "B", "V"):
            assert close(matrix(model, part, seed=3, realization=2), matrix(xxz, part, seed=3, realization=2))


def test_one_job_file_sweeps_size_and_disorder(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text("""
[model]
name = "custom"
L = 6
pauli = 0
parameters = { Delta = 1.0, W = 2.0 }
terms = [
    { string = "+-", bonds = "ring", coupling = 0.5, plus_hc = true },
    { string = "zz", bonds = "ring", coupling = "Delta" },
    { string = "z", coupling = { kind = "uniform", low = "-W", high = "W" } },
]
[spectrum]
window = "whole"
sector = { magnetisation = 0 }
engine = "dense"
[sweep]
model.L = [4, 6]
model.parameters.W = [0.5, 4.0]
""")
    job = load_job(path)
    result = bb.run(job)
    for task, dataset in result.tasks.items():
        L, W = [(4, 0.5), (4, 4.0), (6, 0.5), (6, 4.0)][task.point]
        H = matrix(bb.XXZ(L=L, W=W))
        balanced = [n for n in range(2**L) if n.bit_count() == L // 2]
        assert np.abs(dataset.energy - np.linalg.eigvalsh(H[np.ix_(balanced, balanced)])).max() < 1e-12
    (tmp_path / "again.toml").write_text(job.to_toml())
    assert load_job(tmp_path / "again.toml") == job


def test_expressions_are_arithmetic():
    L, W = 6, 1.7
    for text, value in {
        "-W": -W, "W/L**0.5": W / L**0.5, "2*(W + 1) - 3e-1": 2 * (W + 1) - 0.3, "pi": np.pi, "+W**-2": W**-2, " W ": W,
    }.items():  # fmt: skip
        model = bb.Custom(L=L, parameters={"W": W}, terms=[["z", [[text, 0], ["W", 1]]]])
        assert bb.draw(model).system[0][1][0][0] == pytest.approx(value, rel=1e-15)


ZZ = {"string": "zz", "bonds": "ring", "coupling": 1.0}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"terms": [["+-", [[0.5, 0, 1]]]]}, ["interaction", "lacks its Hermitian conjugate", '["-+", [[0.5, 0, 1]]]']),
        ({"terms": [["+", [[1j, 0]]]]}, ["system", '["-", [[[0, -1], 0]]]']),
        ({"terms": [["xy", [[1j, 0, 1]]]]}, ["'xy' on [0, 1] must be real"]),
        ({"terms": [ZZ | {"bonds": "rign"}]}, ["terms.0.bonds", "did you mean 'ring'"]),
        ({"terms": [ZZ | {"bond": "ring"}]}, ["terms.0.bond: unknown key; did you mean 'bonds'"]),
        ({"terms": [ZZ | {"coupling": {"kind": "unifrom", "low": 0, "high": 1}}]}, ["terms.0.coupling", "'uniform'?"]),
        ({"terms": [ZZ | {"coupling": {"kind": "uniform", "lo": 0, "high": 1}}]}, ["coupling.lo: unknown key", "'low'?"]),
        ({"terms": [ZZ | {"coupling": {"kind": "uniform", "low": 2, "high": 1}}]}, ["terms.0", "lower bound comes first"]),
        ({"terms": [ZZ | {"coupling": {"kind": "log-uniform", "low": 0, "high": 1}}]}, ["terms.0", "positive"]),
        ({"terms": [ZZ | {"coupling": {"kind": "normal", "sigma": -1}}]}, ["terms.0", "negative"]),
        ({"terms": [ZZ | {"coupling": "delta"}], "parameters": {"Delta": 1.0}}, ["'delta'", "did you mean 'Delta'"]),
        ({"terms": [ZZ], "parameters": {"W": 1.0}}, ["parameters.W is in no coupling"]),
        ({"terms": [ZZ | {"coupling": "__import__('os')"}]}, ["terms.0", "is no expression"]),
        ({"terms": [ZZ | {"coupling": "1/(L-4)"}]}, ["terms.0", "has no value"]),
        ({"terms": [ZZ | {"coupling": "9**9**9**9"}]}, ["terms.0", "has no value"]),
        ({"terms": [ZZ | {"coupling": "(-1)**0.5"}]}, ["terms.0", "not a real number"]),
        ({"terms": [ZZ | {"coupling": "(" * 100 + "1" + ")" * 100}]}, ["terms.0", "is no expression"]),
        ({"terms": [ZZ | {"plus_hc": True}]}, ["plus_hc", "its own Hermitian conjugate"]),
        ({"terms": [ZZ | {"string": "+-", "coupling": {"kind": "sign"}}]}, ["need plus_hc = true"]),
        ({"terms": [ZZ | {"coupling": [{"kind": "sign"}, 1.0]}]}, ["must be real"]),
        ({"terms": [ZZ | {"bonds": None}]}, ["terms.0", 'bonds = "chain"']),
        ({"terms": [ZZ | {"string": "z"}]}, ["terms.0", "takes sites, no bonds"]),
        ({"terms": [ZZ | {"string": "zQ"}]}, ["terms.0", "letters I, x, y, z, +, -, n"]),
        ({"terms": [ZZ | {"bonds": {"kind": "square", "width": 3}}]}, ["4 sites do not fill rows of 3"]),
        ({"terms": [ZZ | {"bonds": [[0, 4]]}]}, ["bond [0, 4]"]),
        ({"terms": [ZZ | {"bonds": {"kind": "ring", "distance": 4}}]}, ["too small"]),
        ({"terms": [ZZ | {"string": "zzz", "decay": 1.0}]}, ["decay is for strings on two sites"]),
        ({"terms": [ZZ | {"decay": -1e5, "bonds": "all-to-all"}]}, ["larger than 1e+152"]),
        ({"terms": [{"string": "z", "coupling": 1.0, "sites": {"first": 0, "last": 9}}]}, ["0 to 9 are not all in 0 ... 3"]),
        ({"terms": [{"string": "+" * 13, "coupling": 1.0, "bonds": "chain", "plus_hc": True}]}, ["more than 12"]),
        ({"system": [ZZ | {"sites": "all"}]}, ["system.0", "0 ... 0"]),
        ({"terms": [ZZ | {"bonds": "all-to-all"}], "L": 5000}, ["L: ", "62"]),
        ({"terms": [ZZ | {"string": "zzzzzz", "bonds": "all-to-all"}], "L": 62}, ["61,474,519 strings"]),
        ({"terms": [ZZ], "parameters": {"L": 1.0}}, ["parameters.L is known already"]),
        ({"terms": [ZZ], "symmetries": [{"name": "t", "permutation": "translatoin"}]}, ["symmetries.0.permutation"]),
        ({"terms": [ZZ], "pauli": 2}, ["pauli"]),
    ],
)  # fmt: skip
def test_mistakes_are_named(changes, words):
    with pytest.raises(JobError) as caught:
        bb.Custom(**{"L": 4, **changes})
    for word in words:
        assert word in str(caught.value), str(caught.value)
