import numpy as np
import scipy.linalg

from bigbath.broadening.fluctuations import evolution, operator_norm, time_averages
from bigbath.models import Custom, Ring, disorder_stream
from bigbath.operators import build
from bigbath.solvers import Whole, solve


def start(exact, mu, i):
    return np.kron(exact.system.vectors[:, i], exact.bath.vectors()[:, mu])


def observable():
    return build(Ring(N=9, g=0.0, h=0.0).composite(disorder_stream(0, 0)), "V").matrix * -0.5


def test_exact_evolution_against_the_matrix_exponential(ring):
    psi = start(ring, 100, 0)
    A = observable()
    times = np.array([0.0, 0.7, 13.0])
    signal = evolution(ring.states, psi).signal(A, times)
    dense = ring.h.matrix.toarray()
    for t, value in zip(times, signal, strict=True):
        moved = scipy.linalg.expm(-1j * t * dense) @ psi
        assert np.isclose(value, (moved.conj() @ (A @ moved)).real, atol=1e-10)


def test_time_averages_reach_the_infinite_time_value_below_the_bound(ring):
    A = observable()
    assert np.isclose(operator_norm(A), np.abs(np.linalg.eigvalsh(A.toarray())).max())
    for mu, i in ((60, 0), (128, 0), (128, 1)):
        run = evolution(ring.states, start(ring, mu, i))
        f = run.fluctuation(A)
        assert np.isclose(f.renyi2, ring.d.renyi2[mu, i])
        assert f.long_time <= f.bound  # Eq. 51
        times = np.random.default_rng(mu).uniform(50, 1e6, 3000)
        signal = run.signal(A, times)
        assert abs(time_averages(signal, f.steady)[-1] / f.long_time - 1) < 0.2
        assert abs(signal.mean() - f.steady) < 4 * np.sqrt(f.long_time / times.size) + 1e-3


def equal_gaps_model():
    """Kramers pairs, and a spectrum symmetric about 0: many gaps are equal."""
    bonds = ((0.7, 1, 2), (1.3, 2, 3), (0.9, 3, 4))
    return Custom(
        L=5, system_sites=1, system=(), bath=(("xx", bonds), ("yy", bonds)), interaction=(("xx", ((1.0, 0, 1),)), ("yy", ((0.6, 0, 1),))),
    )  # fmt: skip


def test_fluctuations_with_equal_gaps_and_degenerate_levels():
    """Eq. 50 by brute force: the time average over gaps, with the matrix exponential's signal at many times."""
    h = build(equal_gaps_model().composite(disorder_stream(1, 0)))
    dense, stream = h.matrix.toarray(), np.random.default_rng(3)
    psi = stream.standard_normal(32)
    psi /= np.linalg.norm(psi)
    A = build(Ring(N=5, g=0.3, h=0.0).composite(disorder_stream(0, 0))).matrix
    run = evolution(solve(h, Whole()), psi)
    f = run.fluctuation(A)
    energies, vectors = np.linalg.eigh(dense)
    weights = (
        (vectors.conj().T @ psi)[:, None] * (vectors.conj().T @ (A @ vectors)).T * (vectors.T @ psi.conj())[None, :]
    )
    gaps = np.subtract.outer(energies, energies)
    steady = weights[np.abs(gaps) < 1e-9].sum().real
    exact = sum(
        abs(weights[np.abs(gaps - g) < 1e-6].sum()) ** 2
        for g in np.unique(np.round(gaps[np.abs(gaps) > 1e-6], 7))
    )  # fmt: skip
    assert np.isclose(f.steady, steady, rtol=1e-8, atol=1e-10) and np.isclose(f.long_time, exact, rtol=1e-8)
    assert f.gap_degeneracy > 1 and f.long_time <= f.bound * f.gap_degeneracy
    plain = np.sum(np.abs(weights[np.abs(gaps) > 1e-9]) ** 2)
    assert abs(plain / exact - 1) > 1e-3  # the formula for levels and gaps without degeneracy is another number
    times = np.array([0.3, 40.0])
    for t, value in zip(times, run.signal(A, times), strict=True):
        moved = scipy.linalg.expm(-1j * t * dense) @ psi
        assert np.isclose(value, (moved.conj() @ (A @ moved)).real, atol=1e-10)
