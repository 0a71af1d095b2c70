import numpy as np
import scipy.linalg

from bigbath.broadening.fluctuations import evolution, operator_norm, time_averages
from bigbath.models import Ring, disorder_stream
from bigbath.operators import build


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
