"""Matrices of every model against numpy.kron, from the documented conventions."""

import numpy as np
import pytest
import scipy.stats
from support import KINDS, PAULI, dense, explicit, hamiltonian_of, matrix_of, pauli_string, random_model

from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring, disorder_stream
from bigbath.operators import build


def close(a, b):
    return np.abs(a - b).max() <= 1e-13 * max(1.0, np.abs(b).max())


@pytest.mark.parametrize("boundary", ["periodic", "open"])
@pytest.mark.parametrize("N", [3, 4, 7])
def test_ring(N, boundary):
    g, h = 1.05, 0.1
    bonds = [(k, (k + 1) % N) for k in range(N if boundary == "periodic" else N - 1)]
    zz = sum(-pauli_string("zz", bond, N) for bond in bonds)
    fields = sum(g * pauli_string("x", [k], N) + h * pauli_string("z", [k], N) for k in range(N))
    model = Ring(N=N, g=g, h=h, boundary=boundary)
    assert close(matrix_of(model), zz + fields)
    assert close(matrix_of(model, "S"), g * PAULI["x"] + h * PAULI["z"])
    ends = [bond for bond in bonds if 0 in bond]
    assert close(matrix_of(model, "V"), sum(-pauli_string("zz", bond, N) for bond in ends))


def test_the_ring_of_three_has_both_bonds_of_the_system():
    assert matrix_of(Ring(N=3, g=0.0, h=0.0))[0, 0] == -3.0


def test_imbrie_terms_and_ranges():
    """H holds the documented strings only; fixed couplings as given, random ones in their ranges."""
    L, W = 6, 3.0
    model = Imbrie(L=L, W=W, Gamma=0.7, Delta=0.8, g=0.3)
    matrix = matrix_of(model)
    left = (
        matrix
        - explicit(
            [("z", ((-0.4, 0),)), ("xx", ((0.3, 0, 1),)), ("x", tuple((0.7, j) for j in range(1, L + 1)))], L + 1
        ).real
    )
    coefficient = lambda letters, *sites: np.vdot(pauli_string(letters, sites, L + 1), left) / 2 ** (L + 1)  # noqa: E731
    J = [coefficient("zz", j, j + 1) for j in range(1, L)]
    h = [coefficient("z", j) for j in range(1, L + 1)]
    assert all(0.8 <= value <= 1.2 for value in J)
    assert all(abs(value) <= W / 2 for value in h)
    assert len({*J, *h}) == 2 * L - 1
    rest = [
        ("zz", tuple((v, j + 1, j + 2) for j, v in enumerate(J))),
        ("z", tuple((v, j + 1) for j, v in enumerate(h))),
    ]
    assert close(left, explicit(rest, L + 1).real)


def test_tfim_terms():
    L = 5
    model = TFIM(L=L, h=0.6, Delta=0.5, g=0.7)
    matrix = matrix_of(model)
    fixed = [
        ("z", ((-0.25, 0), *((0.6, j) for j in range(1, L + 1)))),
        ("xx", tuple((0.7 / np.sqrt(L), 0, j) for j in range(1, L + 1))),
    ]
    left = matrix - explicit(fixed, L + 1).real
    pairs = [(j, k) for j in range(1, L + 1) for k in range(j + 1, L + 1)]
    J = [-np.vdot(pauli_string("xx", pair, L + 1), left) / 2 ** (L + 1) for pair in pairs]
    assert len(set(J)) == len(pairs)
    assert close(left, explicit([("xx", tuple((-v, *pair) for v, pair in zip(J, pairs, strict=True)))], L + 1).real)


def _bath_couplings(model, letters, realizations):
    values = []
    for realization in range(realizations):
        terms = dict(model.composite(disorder_stream(3, realization)).bath)
        values += [c[0] for c in terms[letters]]
    return np.array(values)


def test_disorder_follows_the_papers_laws():
    """Kolmogorov-Smirnov at fixed seed: J uniform [0.8, 1.2], h uniform [-W/2, W/2]; J_jk normal of width 1/sqrt(L)."""
    imbrie = Imbrie(L=40, W=2.0)
    J, h = _bath_couplings(imbrie, "zz", 25), _bath_couplings(imbrie, "z", 25)
    assert scipy.stats.kstest(J, scipy.stats.uniform(0.8, 0.4).cdf).pvalue > 1e-3
    assert scipy.stats.kstest(h, scipy.stats.uniform(-1, 2).cdf).pvalue > 1e-3
    L = 30
    pairs = _bath_couplings(TFIM(L=L), "xx", 3)
    assert pairs.size == 3 * L * (L - 1) // 2
    assert scipy.stats.kstest(pairs * np.sqrt(L), "norm").pvalue > 1e-3


def test_custom_matches_kron_with_disorder_and_y_strings():
    model = Custom(
        L=5,
        system_sites=2,
        system=(("zx", ((0.3, 0, 1),)), ("y", ((0.2, 1),))),
        bath=(("yy", ((0.5, 2, 3), (-0.4, 4, 2))), ("xIz", ((0.7, 2, 3, 4),))),
        interaction=(("xyz", ((0.9, 0, 4, 2),)),),
        disorder=(("x", "system", 1.0, 2.0), ("z", "bath", -1.0, 1.0)),
    )
    composite = model.composite(disorder_stream(4, 2))
    clean = explicit(model.system + model.bath + model.interaction, 5)
    matrix = dense(build(composite).matrix)
    left = matrix - clean
    h_x = [np.vdot(pauli_string("x", [j], 5), left).real / 32 for j in range(2)]
    h_z = [np.vdot(pauli_string("z", [j], 5), left).real / 32 for j in range(2, 5)]
    assert all(1 <= v <= 2 for v in h_x)
    assert all(-1 <= v <= 1 for v in h_z)
    fields = [("x", tuple((v, j) for j, v in enumerate(h_x))), ("z", tuple((v, j + 2) for j, v in enumerate(h_z)))]
    assert close(left, explicit(fields, 5))
    assert np.abs(matrix.imag).max() > 0.1


def test_only_an_odd_number_of_y_makes_a_model_complex():
    terms = {"system": (("z", ((1.0, 0),)),), "bath": (("z", ((1.0, 1),)),)}
    real = Custom(L=3, **terms, interaction=(("yy", ((1.0, 0, 1),)),))
    imaginary = Custom(L=3, **terms, interaction=(("xy", ((1.0, 0, 1),)),))
    assert not hamiltonian_of(real).is_complex
    assert hamiltonian_of(imaginary).is_complex
    assert close(matrix_of(real), explicit(real.system + real.bath + real.interaction, 3))
    assert close(matrix_of(imaginary), explicit(imaginary.system + imaginary.bath + imaginary.interaction, 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_parts_add_up(kind, seed):
    """H = H0 + V and H0 = S (x) 1 + 1 (x) B, for every model."""
    model = random_model(np.random.default_rng(seed), kind, 7)
    S, B, V, H0, H = (matrix_of(model, part, seed=seed) for part in ("S", "B", "V", "H0", "H"))
    assert close(H0, np.kron(S, np.eye(len(B))) + np.kron(np.eye(len(S)), B))
    assert close(H, H0 + V)
    assert close(H, H.conj().T)
    assert hamiltonian_of(model, "H", seed=seed).dims == (len(S), len(B))


def test_levy_blocks():
    """H = [[H_B - Delta/2, V], [V, H_B + Delta/2]] with V symmetric and H_B diagonal."""
    L, Delta = 4, 0.9
    model = Levy(L=L, Delta=Delta)
    H, B = matrix_of(model), matrix_of(model, "B")
    N = 2**L
    V = H[:N, N:]
    assert np.array_equal(V, V.T)
    assert np.array_equal(H[N:, :N], V)
    assert close(H[:N, :N], B - Delta / 2 * np.eye(N))
    assert close(H[N:, N:], B + Delta / 2 * np.eye(N))
    assert np.array_equal(B, np.diag(np.diag(B)))
    assert close(matrix_of(model, "V"), np.kron(PAULI["x"], V))


@pytest.mark.parametrize("mu", [0.8, 1.5])
def test_levy_couplings_follow_pareto(mu):
    """|v| >= g N^(-1/mu), P(|v| > x) = (x_0/x)^mu, either sign alike; H_B normal of unit width."""
    L, g = 9, 0.4
    N = 2**L
    composite = Levy(L=L, mu=mu, g=g).composite(disorder_stream(5, 0))
    v = composite.interaction[0][1][np.triu_indices(N)]
    lowest = g * N ** (-1 / mu)
    assert np.abs(v).min() >= lowest * (1 - 1e-12)
    assert scipy.stats.kstest(mu * np.log(np.abs(v) / lowest), "expon").pvalue > 1e-3
    assert abs(np.sign(v).mean()) < 5 / np.sqrt(v.size)
    assert scipy.stats.kstest(composite.bath.diagonal(), "norm").pvalue > 1e-3
