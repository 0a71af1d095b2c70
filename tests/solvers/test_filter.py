"""The filter engine against LAPACK: random windows, degenerate levels, sectors, matrices; its parts against NumPy."""

import os

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from bigbath.chebyshev import DensityOfStates, Recurrence, box, random_vectors
from bigbath.errors import BigbathError, ImpossibleRequest, JobError
from bigbath.job import parse_job
from bigbath.models import TFIM, Custom, Imbrie, Levy, Ring, disorder_stream
from bigbath.operators import FlipOperator, Hamiltonian, MatrixOperator, Scale, build, flips, operator_of, to_dense
from bigbath.solvers import Auto, Dense, Density, Filter, Interval, Levels, Nearest, Problem, Whole, solve
from bigbath.solvers.basis import Basis
from bigbath.solvers.filter import sampled_forecast, solve_filter
from bigbath.solvers.problem import spectral_extremes
from bigbath.solvers.sampling import Chain
from bigbath.solvers.solve import prepare
from bigbath.solvers.window import RESIDUAL
from bigbath.spaces import everything, sectors

WINDOWS = 100 if os.environ.get("BIGBATH_LONG") else 30
LARGEST = 12 if os.environ.get("BIGBATH_LONG") else 11


def hamiltonian(model, seed: int = 1) -> Hamiltonian:
    return build(model.composite(disorder_stream(seed, 0)))


def heisenberg(L: int) -> Custom:
    """Chain with random fields: total S^z is not declared, and the flips carry signs."""
    pairs = tuple((1.0, j, j + 1) for j in range(1, L - 1))
    bath = tuple((letters, pairs) for letters in ("xx", "yy", "zz"))
    return Custom(
        L=L,
        system=(("z", ((0.3, 0),)),),
        bath=bath,
        interaction=(("xx", ((0.5, 0, 1),)),),
        disorder=(("z", "bath", -1.0, 1.0),),
    )


def random_window(stream: np.random.Generator):
    """A model, how its symmetries are used, and a window; W up to 20 is strong disorder."""
    L = int(stream.integers(10, LARGEST + 1))
    model = [
        Imbrie(L=L - 1, W=float(stream.choice([0.5, 2.0, 20.0]))),
        TFIM(L=L - 1),
        Ring(N=L),
        Ring(N=L, g=0.6, h=0.0, boundary="open"),
        heisenberg(L),
        Levy(L=10),
    ][int(stream.integers(6))]
    epsilon, k = float(stream.uniform(0.1, 0.9)), int(stream.integers(1, 50))
    symmetries = [None, ()][int(stream.integers(2))]
    return model, symmetries, Density(epsilon=epsilon, k=k), int(stream.integers(10**6))


@pytest.mark.parametrize("case", range(WINDOWS))
def test_random_windows_are_lapack_s(case):
    model, symmetries, window, seed = random_window(np.random.default_rng([17, case]))
    h = hamiltonian(model, seed)
    expected = solve(h, window, engine=Dense(), symmetries=symmetries)
    if case % 3 == 0:  # the same states as an interval
        (edges,) = expected.evidence.edges
        window = Interval(lower=edges[0], upper=edges[1])
    states = solve(h, window, engine=Filter(seed=seed), symmetries=symmetries)
    assert states.evidence.complete == "yes", states.evidence
    np.testing.assert_allclose(states.energies, expected.energies, rtol=0, atol=1e-10 * states.evidence.norm)
    assert states.evidence.residual <= RESIDUAL * states.evidence.norm
    assert states.evidence.orthogonality <= 1e-9


def copies(matrix: sp.csr_array, number: int) -> Hamiltonian:
    """Every level of ``matrix`` ``number`` times."""
    return Hamiltonian(given=sp.csr_array(sp.kron(matrix, sp.eye_array(number))), dims=(1, matrix.shape[0] * number))


def test_levels_of_higher_multiplicity_than_b_are_noticed_and_found():
    h = copies(hamiltonian(Imbrie(L=8)).matrix, 4)
    window = Nearest(target=0.1, k=24)
    once = solve(h, window, engine=Filter(b=2, attempts=1))
    assert once.evidence.complete == "no"
    assert "does not lie" in once.evidence.reason
    states = solve(h, window, engine=Filter(b=2))
    assert states.evidence.complete == "yes"
    np.testing.assert_allclose(states.energies, solve(h, window, engine=Dense()).energies, atol=1e-9)


def test_a_missing_state_is_noticed(monkeypatch):
    """The test of completeness fails when one state inside the window is thrown away after the Rayleigh-Ritz step."""

    def without_one(self, norm, within, first=0):
        energies, residuals = ritz(self, norm, within, first)
        gone = int(np.argmin(np.abs(energies - 0.01)))
        self.reorder(np.append(np.delete(np.arange(self.size), first + gone), first + gone))
        self.drop(1)
        return np.delete(energies, gone), np.delete(residuals, gone)

    ritz = Basis.ritz
    monkeypatch.setattr(Basis, "ritz", without_one)
    states = solve(hamiltonian(Imbrie(L=10)), Nearest(target=0.0, k=20), engine=Filter(attempts=1))
    assert states.evidence.complete == "no"
    assert "does not lie" in states.evidence.reason


def test_empty_interval():
    h = hamiltonian(Imbrie(L=9))
    energies = solve(h, Whole(), engine=Dense()).energies
    widest = int(np.argmax(np.diff(energies[400:600]))) + 400
    lower, upper = energies[widest] + 1e-4, energies[widest + 1] - 1e-4
    states = solve(h, Interval(lower=float(lower), upper=float(upper)), engine=Filter())
    assert states.evidence.found == 0 and states.evidence.complete == "yes"


def test_other_windows_and_memory_are_refused():
    h = hamiltonian(Imbrie(L=9))
    for window in (Whole(), Levels(energies=(0.0,))):
        with pytest.raises(ImpossibleRequest, match="filter"):
            solve(h, window, engine=Filter())
    with pytest.raises(ImpossibleRequest, match=r"engine\.memory"):
        solve(h, Nearest(k=40), engine=Filter(memory=1e-4))


def test_a_job_file_can_name_it():
    job = {"model": {"name": "imbrie", "L": 9}, "spectrum": {"window": {"kind": "nearest", "k": 5}, "engine": "filter"}}
    assert parse_job(job).spectrum.engine == Filter()
    with pytest.raises(JobError, match="engine"):
        parse_job(job | {"spectrum": job["spectrum"] | {"engine": {"kind": "filter", "b": 0}}})


@settings(max_examples=30, deadline=None)
@given(
    centre=st.floats(0.3, 2.8),
    halfwidth=st.floats(0.01, 0.3),
    edge=st.floats(0.02, 0.2),
    beta=st.sampled_from([13, 28]),
)
def test_box_coefficients_are_a_box_convolved_with_kaisers_kernel(centre, halfwidth, edge, beta):
    coefficients = box(centre, halfwidth, edge, beta)
    m = coefficients.size
    assert m % 2 == 0 and 0 <= m - beta / edge <= 2

    def kernel(theta):  # Fourier transform of the window
        root = np.emath.sqrt(beta**2 - (m * theta) ** 2)
        return m / (np.pi * np.i0(beta)) * np.real(np.sinh(root) / root)

    theta = np.linspace(0, np.pi, 2001)
    n = np.arange(m)
    slope = -np.sin(np.outer(theta, n)) @ (n * coefficients)
    images = sum(
        kernel(theta - c + halfwidth) - kernel(theta - c - halfwidth)
        for c in (centre, -centre, 2 * np.pi - centre)  # the series is even and periodic in theta
    )
    ripple = 3 * beta * np.exp(-beta)
    np.testing.assert_allclose(slope, images, atol=m * ripple)
    value = np.cos(np.outer(theta, n)) @ coefficients
    outside = np.minimum(np.abs(theta - centre), np.minimum(theta + centre, 2 * np.pi - theta - centre)) - halfwidth
    assert np.abs(value[outside > edge]).max() < ripple


@pytest.mark.parametrize("kind", ["flips", "csr"])
def test_recurrence_makes_chebyshev_polynomials(kind):
    h = hamiltonian(TFIM(L=7))
    dense = h.matrix.toarray()
    energies, vectors = np.linalg.eigh(dense)
    scale = Scale.of((energies[0], energies[-1]))
    operator = {
        "flips": lambda: FlipOperator(flips(h.terms, h.sites), scale),
        "csr": lambda: MatrixOperator(h.matrix, scale, 2),
    }[kind]()
    recurrence = Recurrence(operator, np.random.default_rng(0).standard_normal((h.dim, operator.columns)))
    start = np.array(operator.get(recurrence.low))
    weights = np.random.default_rng(1).standard_normal(40)
    recurrence.advance(40, weights)
    recurrence.advance(3)
    x = (energies - scale.centre) / scale.halfwidth

    def polynomial(coefficients):
        return vectors @ (np.polynomial.chebyshev.chebval(x, coefficients)[:, None] * (vectors.T @ start))

    np.testing.assert_allclose(operator.get(recurrence.total), polynomial(weights), atol=1e-11)
    np.testing.assert_allclose(operator.get(recurrence.low), polynomial(np.eye(44)[43]), atol=1e-11)
    np.testing.assert_allclose(operator.get(recurrence.high), polynomial(np.eye(45)[44]), atol=1e-11)


@pytest.mark.parametrize("model", [Imbrie(L=9), TFIM(L=8), Ring(N=9), heisenberg(9)])
def test_the_matrix_free_product_is_quspin_s_matrix(model):
    h = hamiltonian(model)
    x = np.random.default_rng(2).standard_normal((h.dim, 3))
    for scale in (Scale(centre=0.0, halfwidth=1.0), Scale(centre=-0.7, halfwidth=11.0)):
        operator = operator_of(h, everything(h.dim), scale)
        assert isinstance(operator, FlipOperator)
        np.testing.assert_allclose(
            operator.product(x), h.matrix @ x, rtol=0, atol=1e-13 * np.abs(h.matrix).sum(axis=1).max()
        )


def test_a_window_of_a_spin_model_is_solved_without_its_matrix():
    h = hamiltonian(Imbrie(L=10))
    states = solve(h, Nearest(target=0.0, k=20), engine=Filter())
    assert states.evidence.complete == "yes"
    assert "matrix" not in vars(h)
    residuals = np.linalg.norm(h.matrix @ states.vectors() - states.vectors() * states.energies, axis=0)
    np.testing.assert_allclose(residuals, states.residuals, rtol=0.1, atol=1e-14 * states.evidence.norm)


@pytest.mark.parametrize("model", [Imbrie(L=8, W=20.0), TFIM(L=8, h=0.0), Ring(N=9), Ring(N=9, g=0.0), Levy(L=8)])
def test_the_ends_of_the_spectrum(model):
    """Of a classical ring too, whose ground state has few levels above it, and of the dense matrix."""
    h = hamiltonian(model)
    energies = np.linalg.eigvalsh(to_dense(h.matrix))
    np.testing.assert_allclose(spectral_extremes(h), energies[[0, -1]], rtol=1e-12)


def test_density_of_states_counts_within_its_error():
    h = hamiltonian(Imbrie(L=10))
    energies = np.linalg.eigvalsh(h.matrix.toarray())
    scale = Scale.of((energies[0], energies[-1]))
    density = DensityOfStates.sample(MatrixOperator(h.matrix, scale, 8), (0,), vectors=16)
    for lo, hi in ((-2.0, 2.0), (0.0, 5.0), (-20.0, 20.0)):
        number, error = density.count(scale.angle(hi), scale.angle(lo))
        assert abs(number - np.sum((energies > lo) & (energies < hi))) < 4 * error + 10


class Interrupted(Exception):
    pass


def test_an_interrupted_solve_continues_with_the_same_rounding(tmp_path, monkeypatch):
    monkeypatch.setattr("bigbath.solvers.sampling.INTERVAL", 0.0)
    monkeypatch.setattr("bigbath.solvers.sampling.CHUNK", 1e7)
    h, window = hamiltonian(Imbrie(L=10)), Nearest(target=0.0, k=20)
    progress = []

    def interrupt(label, done, steps):
        progress.append(done)
        if label.startswith("filter") and done > 0.6 * steps:
            raise Interrupted

    engine = Filter(checkpoint=str(tmp_path))
    with pytest.raises(Interrupted):
        solve(h, window, engine=engine, report=interrupt)
    (file,) = tmp_path.iterdir()
    progress.clear()
    with pytest.raises(Interrupted):
        solve(h, window, engine=engine, report=interrupt)
    assert progress[0] > 0 or progress[1] > 0
    states, whole = solve(h, window, engine=engine), solve(h, window, engine=Filter())
    assert not file.exists()
    assert states.evidence.complete == "yes"
    np.testing.assert_array_equal(states.vectors(), whole.vectors())


def test_a_kernel_of_other_flips_is_noticed(monkeypatch):
    """Another process may have put its own code into the cache: the Ising chain's for the Imbrie chain, say."""
    from bigbath.kernels.chebyshev import flip_steps
    from bigbath.operators import flip_operator

    h = hamiltonian(Imbrie(L=8))
    free, scale = flips(h.terms, h.sites), Scale.of(spectral_extremes(h))
    FlipOperator(free, scale)
    wrong = tuple((x ^ 1 << 5 if x == 1 << 4 else x, z) for x, z in free.flips)
    monkeypatch.setattr(flip_operator, "flip_steps", lambda sites, strings, *rest: flip_steps(sites, wrong, *rest))
    with pytest.raises(BigbathError, match="NUMBA_CACHE_DIR"):
        FlipOperator(free, scale)


def test_a_chain_goes_on_where_its_samples_ended():
    h = hamiltonian(TFIM(L=7))
    scale = Scale.of((-20.0, 20.0))
    operator = MatrixOperator(h.matrix, scale, 1)
    whole, parts = np.empty((h.dim, 10)), np.empty((h.dim, 10))
    for out, cuts in ((whole, [0, 10]), (parts, [0, 4, 10])):
        chain = Chain(
            operator,
            random_vectors(operator, (3, 1)),
            box(1.3, 0.1, 0.2, 28),
            lambda first, last: 7 * np.arange(first, last),
        )
        for first, last in zip(cuts[:-1], cuts[1:], strict=True):
            chain.sample(out[:, first:last])
            while chain.left:
                chain.advance(6)
    np.testing.assert_array_equal(parts, whole)


def test_samples_are_added_where_levels_are_too_dense_for_those_planned():
    report, h = [], hamiltonian(Imbrie(L=10, W=10.0), 3)
    for seed in range(6):
        states = solve(
            h, Nearest(target=0.0, k=80), engine=Filter(seed=seed, attempts=1), report=lambda *a: report.append(a[0])
        )
        assert states.evidence.complete == "yes"
    np.testing.assert_allclose(
        states.energies, solve(h, Nearest(target=0.0, k=80), engine=Dense()).energies, atol=1e-10
    )
    assert report.count("Rayleigh-Ritz") > 6


def test_the_forecast_is_what_the_solve_takes():
    problem = prepare(hamiltonian(Imbrie(L=10)), Nearest(target=0.0, k=20))
    forecast = sampled_forecast(problem, Filter())
    states = solve_filter(problem, Filter())
    assert states.evidence.complete == "yes"
    assert abs(states.evidence.iterations / forecast.products - 1) < 0.15  # it ends when samples bring nothing new
    assert 8 * 2048 * 20 < forecast.bytes < 8 * 2048 * 200


def test_auto_takes_the_filter_for_windows_above_the_crossover():
    def engine(h, window):
        return Auto().choose(Problem.outline(h, sectors(h, use=()), window))[0]

    window, free = Nearest(k=10), hamiltonian(Imbrie(L=9))
    csr = Hamiltonian(given=free.matrix, dims=free.dims)
    assert engine(hamiltonian(Imbrie(L=8)), window) == Dense()
    assert engine(free, window) == Filter()
    assert engine(free, Nearest(k=300)) == Dense()
    assert engine(csr, window) == Filter()
    assert engine(hamiltonian(Imbrie(L=19)), Interval(lower=0.0, upper=0.1)) == Filter()
    assert engine(Hamiltonian(given=np.zeros((3000, 3000)), dims=(1, 3000)), window) != Filter()
