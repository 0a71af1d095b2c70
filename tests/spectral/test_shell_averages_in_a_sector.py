"""Shell averages inside sectors of charges, beside dense matrices of the whole space cut to the sector."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from support import explicit

from bigbath.errors import ImpossibleRequest, JobError
from bigbath.models import XXZ, Custom, disorder_stream, draw
from bigbath.spectral import ShellVectors, jackknife_error, shell_average, shell_parameters

SIGMA, BATH_SIGMA, WIDTH = 0.05, 0.2, 0.25
ENERGIES = np.array([-0.5, 0.3])


def sums(weights, states, sites):
    """sum_j w_j sigma^z_j of configurations."""
    return sum(w * (1 - 2 * (states >> (sites - 1 - j) & 1)) for j, w in enumerate(weights))


class Exact:
    """All levels of one sector, the system's states, and for each the bath levels whose charge completes it."""

    def __init__(self, composite, fixed):
        S, B = composite.system_sites, composite.bath_sites
        L = S + B
        every, bath = np.arange(2**L), np.arange(2**B)
        inside = np.all([sums(w, every, L) == value for w, value in fixed], axis=0)
        whole = explicit(composite.system + composite.bath + composite.interaction, L)
        self.E, self.psi = np.linalg.eigh(whole[np.ix_(inside, inside)])
        H_B = explicit(composite.bath, L)[: 2**B, : 2**B]  # the system up: the bath's own terms do not see it
        _, self.phi = np.linalg.eigh(explicit(composite.system, L)[:: 2**B, :: 2**B])
        self.branches = []
        for phi in self.phi.T:
            state = int(np.abs(phi).argmax())
            with_it = np.all([sums(w[S:], bath, B) == value - sums(w[:S], state, S) for w, value in fixed], axis=0)
            levels, vectors = np.linalg.eigh(H_B[np.ix_(with_it, with_it)])
            ket = np.kron(phi[:, None], np.eye(2**B))[:, with_it][inside]  # (d, d_B): |phi> (x) |b>
            self.branches.append((with_it.sum(), levels, vectors, ket))

    def averages(self):
        """P (D_S, B, S) of the shells E_min + (m +- 1/2) width through both Gaussians, and the levels in each."""
        edges = self.E[0] + WIDTH * (np.arange(int((self.E[-1] - self.E[0]) / WIDTH + 0.5) + 2) - 0.5)
        shells = -np.diff(norm.cdf((self.E[:, None] - edges) / SIGMA), axis=1)
        P = []
        for _, levels, vectors, ket in self.branches:
            p = np.abs(self.psi.conj().T @ ket @ vectors) ** 2
            weight = np.exp(-((levels - ENERGIES[:, None]) ** 2) / (2 * BATH_SIGMA**2))
            P.append((weight / weight.sum(axis=1, keepdims=True)) @ p.T @ shells)
        return np.array(P), shells.sum(axis=0)


def vectors_of(composite, sector):
    return ShellVectors.of(composite, ENERGIES, bath_sigma=BATH_SIGMA, sigma=SIGMA, sector=sector)


@settings(max_examples=15, deadline=None)
@given(
    L=st.integers(4, 8),
    up=st.integers(1, 7),
    W=st.floats(0.2, 2),
    phi=st.sampled_from([0.0, 0.7]),
    J2=st.sampled_from([0.0, 0.4]),
    seed=st.integers(0, 99),
)
def test_moments_are_those_of_dense_matrices(L, up, W, phi, J2, seed):
    """The same random vectors, by LAPACK: every element <r|g <phi|T_n|phi>|r>, its weights and the trace."""
    composite = XXZ(L=L, W=W, phi=phi, J2=J2 if L > 4 else 0.0).composite(disorder_stream(seed, 0))
    M = 2 * (1 + up % (L - 1)) - L
    check_moments(composite, {"magnetisation": M}, [((1,) * L, M)], seed)


def check_moments(composite, sector, fixed, seed):
    vectors, exact = vectors_of(composite, sector), Exact(composite, fixed)
    assert vectors.h.operator.dim == exact.E.size
    found = vectors.moments(np.random.default_rng(seed))
    stream, degree, d = np.random.default_rng(seed), found.trace.size, exact.E.size / 2
    x = (exact.E - vectors.h.scale.centre) / vectors.h.scale.halfwidth
    T = np.cos(np.arange(degree)[:, None] * np.arccos(x))
    trace = 0
    for i, (dim, levels, states, ket) in enumerate(exact.branches):
        r = stream.choice((-1.0, 1.0), size=dim)
        g = np.exp(-((levels - ENERGIES[:, None]) ** 2) / (2 * BATH_SIGMA**2))
        a = (states * g[:, None, :]) @ (states.conj().T @ r)  # (B, d_B)
        right = exact.psi.conj().T @ (ket @ r)
        left = (ket @ a.T).conj().T @ exact.psi
        assert np.abs(found.shell[i] - (left * right @ T.T).real / d).max() < 1e-6  # Gaussians are exact to 1e-7
        assert np.abs(found.weight[i] - (a.conj() @ r).real / d).max() < 1e-6
        trace = trace + np.abs(right) ** 2 @ T.T / d
    assert np.abs(found.trace - trace).max() < 1e-9


@pytest.mark.parametrize(("L", "phi", "M"), [(10, 0.0, 0), (9, 0.6, 1)])
def test_averages_agree_within_their_errors(L, phi, M):
    composite = draw(XXZ(L=L, W=0.5, phi=phi), seed=3)
    vectors, exact = vectors_of(composite, {"magnetisation": M}), Exact(composite, [((1,) * L, M)])
    average = shell_average(vectors, [vectors.moments(np.random.default_rng([7, r])) for r in range(40)], width=WIDTH)
    P, count = exact.averages()
    where, error = P > 0.02, jackknife_error(average.samples)
    assert 0.4 < np.sqrt(np.mean(((average.P - P)[where] / error[where]) ** 2)) < 1.8
    assert np.allclose(average.P.sum(axis=-1), 1, atol=1e-3)  # the last edge cuts the smear of the highest level
    scatter = np.maximum(jackknife_error(average.counts), 1e-3)
    assert np.sqrt(np.mean(((average.shells.count - count) / scatter) ** 2)) < 2.5
    assert np.isfinite(shell_parameters(average).chi_error).all()


def two_charges(**changed):
    """Two chains that exchange no spins; the system is the first site of the first one."""
    parts = {
        "system": (("z", ((0.3, 0),)),),
        "bath": (
            ("xx", ((1.0, 1, 2), (0.9, 3, 4), (0.8, 4, 5))), ("yy", ((1.0, 1, 2), (0.9, 3, 4), (0.8, 4, 5))),
            ("z", ((0.2, 1), (-0.4, 2), (0.5, 4))), ("zz", ((0.6, 2, 3), (0.7, 3, 5))),
        ),
        "interaction": (("xx", ((0.7, 0, 1),)), ("yy", ((0.7, 0, 1),)), ("zz", ((0.3, 0, 4),))),
    }  # fmt: skip
    return draw(Custom(L=6, **{**parts, **changed}))


@pytest.mark.parametrize(("first", "second"), [(1, -1), (-1, 1)])
def test_several_charges(first, second):
    fixed = [((1, 1, 1, 0, 0, 0), first), ((0, 0, 0, 1, 1, 1), second)]
    check_moments(two_charges(), {"magnetisation_0_1_2": first, "magnetisation_3_4_5": second}, fixed, 5)


def test_a_charge_of_the_bath_alone():
    """The second chain's charge says nothing about the system: both branches have the same bath states."""
    vectors = vectors_of(two_charges(), {"magnetisation_3_4_5": 1})
    assert [group.numbers for group in vectors.branches] == [(0, 1)]
    assert vectors.h.operator.dim == 24 and vectors.bath_dim == 12


def test_what_is_refused():
    clean = draw(XXZ(L=6))
    with pytest.raises(ImpossibleRequest, match="other symmetries"):
        vectors_of(clean, {"magnetisation": 0, "flip": 1})
    with pytest.raises(JobError, match="magnetisation_1_2"):
        vectors_of(clean, {"magnetisation_1_2": 0})
    with pytest.raises(ImpossibleRequest, match="no bath state"):
        vectors_of(draw(XXZ(L=6, W=1.0)), {"magnetisation": 6})
    for part, site, message in (("system", 0, "no definite charge"), ("bath", 2, "bath alone")):
        base = two_charges()
        moved = two_charges(  # a part that does not conserve the charge which H conserves
            **{part: (*getattr(base, part), ("x", ((1.0, site),)))},
            interaction=(*base.interaction, ("x", ((-1.0, site),))),
        )
        with pytest.raises(ImpossibleRequest, match=message):
            vectors_of(moved, {"magnetisation_0_1_2": 1})


def test_one_bath_level():
    """All but one spin up: one branch has a single bath state."""
    composite = draw(XXZ(L=6, W=0.5), seed=1)
    vectors, exact = vectors_of(composite, {"magnetisation": 4}), Exact(composite, [((1,) * 6, 4)])
    found = vectors.moments(np.random.default_rng(0))
    assert np.isfinite(found.shell).all() and {b[0] for b in exact.branches} == {1, 5}
    levels = exact.branches[1 if exact.branches[1][0] == 1 else 0][1]
    i = [b[0] for b in exact.branches].index(1)
    expected = np.exp(-((levels - ENERGIES) ** 2) / (2 * BATH_SIGMA**2)) / 3
    assert np.abs(found.weight[i] - expected).max() < 1e-6
