"""The quantum sun: its matrix from explicit spin operators, and its level statistics on both sides of the transition."""

import numpy as np
import pytest
from support import dense, explicit, matrix_of

from bigbath.models import QuantumSun, disorder_stream
from bigbath.models.quantum_sun import grain_strings


@pytest.mark.parametrize("N", [2, 3, 4])
def test_a_random_matrix_in_pauli_strings(N):
    A = np.random.default_rng(N).standard_normal((2**N, 2**N))
    terms = [
        (letters, tuple((c[0], *(j - 1 for j in c[1:])) for c in couplings))
        for letters, couplings in grain_strings(A + A.T)
    ]
    assert np.abs(explicit(terms, N) - (A + A.T)).max() < 1e-13


def test_the_matrix_is_that_of_the_formula():
    """Fields and couplings are read from the strings; what is left is the grain, a random matrix of the stated scale."""
    model = QuantumSun(L=6, N=3, alpha=0.8, gamma=2.0)
    c = model.composite(disorder_stream(1, 3))
    H = matrix_of(model, seed=1, realization=3)
    fields = {j: v for letters, cs in c.system + c.bath if letters == "z" for v, j in cs}
    assert sorted(fields) == [0, 4, 5]
    assert all(0.25 <= v <= 0.75 for v in fields.values())  # h/2, h in [1/2, 3/2]
    bonds = {cs[2]: cs for letters, all_ in c.bath + c.interaction if letters == "xx" for cs in all_ if len(cs) == 3}
    assert bonds[4][0] == pytest.approx(0.25)  # g_0 alpha^0 S S
    u = {j: np.log(4 * bonds[j][0]) / np.log(0.8) for j in (5, 0)}
    assert abs(u[5] - 1) <= 0.2 and abs(u[0] - 2) <= 0.2
    assert {b[1] for b in bonds.values()} <= {1, 2, 3}
    rest = H - explicit([("z", tuple((v, j) for j, v in fields.items())), ("xx", tuple(bonds.values()))], 6).real
    grain = rest.reshape(2, 8, 4, 2, 8, 4)
    for i in range(2):
        for k in range(4):
            assert np.abs(grain[i, :, k, i, :, k] - grain[0, :, 0, 0, :, 0]).max() < 1e-14
    assert np.abs(grain[0, :, :, 1, :, :]).max() < 1e-14


def test_the_grain_is_of_the_stated_variance():
    entries = []
    for r in range(300):
        c = QuantumSun(L=4).composite(disorder_stream(1, r))
        terms = [
            (letters, tuple((v, *(j - 1 for j in js)) for v, *js in cs)) for letters, cs in c.bath if len(letters) == 3
        ]
        entries.append(explicit(terms, 3).real)
    M = np.array(entries) * 3  # sqrt(2^3 + 1)
    off = M[:, *np.triu_indices(8, 1)]
    assert off.var() == pytest.approx(1, abs=5 * np.sqrt(2 / off.size))
    on = np.diagonal(M, axis1=1, axis2=2)
    assert on.var() == pytest.approx(2, abs=5 * 2 * np.sqrt(2 / on.size))


def mean_gap_ratio(alpha, realizations=60):
    ratios = []
    for r in range(realizations):
        E = np.linalg.eigvalsh(dense(matrix_of(QuantumSun(L=8, alpha=alpha), realization=r)))
        s = np.diff(E[64:192])
        ratios.append(np.mean(np.minimum(s[1:], s[:-1]) / np.maximum(s[1:], s[:-1])))
    return np.mean(ratios), np.std(ratios) / np.sqrt(realizations)


def test_it_thermalises_at_large_alpha_and_fails_at_small():
    """GOE 0.5307 at alpha = 0.95, Poisson 0.3863 far below the transition at 1/sqrt(2)."""
    goe, error = mean_gap_ratio(0.95)
    assert abs(goe - 0.5307) < 4 * error
    poisson, error = mean_gap_ratio(0.35)
    assert poisson < 0.43
