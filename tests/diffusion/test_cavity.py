"""The cavity equation against exact Green functions, trees, the golden rule and population dynamics."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import solved

from bigbath import diffusion
from bigbath.diffusion.block import levy_green
from bigbath.diffusion.cavity import bond_memory, cavity, cavity_matrix, golden_rule, levy_cavity_matrix
from bigbath.diffusion.population import levy_population
from bigbath.errors import ImpossibleRequest
from bigbath.kernels.cavity import cavity_sweep, levy_population_sweep, memory_sweep
from bigbath.models import Imbrie, Levy, MatrixComposite, disorder_stream


def random_tree(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    stream = np.random.default_rng(seed)
    V = np.zeros((n, n))
    for child in range(1, n):
        parent = stream.integers(child)
        V[child, parent] = V[parent, child] = stream.standard_normal()
    return stream.standard_normal(n), V


@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("seed", range(3))
def test_exact_on_trees(storage: type, seed: int) -> None:
    levels, V = random_tree(40, seed)
    z = np.array([0.3 + 0.2j, -0.5 + 0.05j])
    solution = cavity(levels, storage(V**2), z, tolerance=1e-13)
    assert solution.converged.all() and (solution.iterations > 1).all()
    for i, argument in enumerate(z):
        G = np.linalg.inv(argument * np.eye(40) - np.diag(levels) - V)
        np.testing.assert_allclose(solution.G[:, i], np.diag(G), rtol=1e-10)


def test_damping_does_not_move_the_fixed_point_and_failure_is_reported() -> None:
    levels, strength = levy_cavity_matrix(Levy(L=6).composite(disorder_stream(1, 0)))
    a, b = (cavity(levels, strength, [0.1j], damping=d, tolerance=1e-11) for d in (0.0, 0.6))
    assert a.converged.all() and b.converged.all()
    np.testing.assert_allclose(a.G, b.G, rtol=1e-8)
    short = cavity(levels, strength, [0.1j], iterations=2)
    assert not short.converged.any() and short.residual[0] > 1e-8 and short.iterations[0] == 2


def random_graph(seed: int) -> tuple[np.ndarray, np.ndarray, sp.csr_array, np.ndarray]:
    """Levels and |V|^2 of 12 sites with loops, as a matrix and in edges, and the reverse of each edge."""
    levels, V = random_tree(12, seed)
    V += np.diag([0.3] * 10, 2) + np.diag([0.3] * 10, -2)
    weight = sp.csr_array(V**2)
    number = sp.csr_array((np.arange(weight.nnz, dtype=float), weight.indices, weight.indptr), shape=(12, 12))
    return levels, V**2, weight, sp.csr_array(number.T).data.astype(np.int64)


def test_sweep_is_its_numpy_twin() -> None:
    levels, strength, weight, reverse = random_graph(5)
    n, z, stream = 12, 0.2 + 0.3j, np.random.default_rng(0)
    M = stream.standard_normal((n, n)) + 1j  # M[k, l]: message of l with k removed, which arrives at k
    rest = stream.standard_normal(n) - 0.2j
    old = M[weight.nonzero()]
    new, sites = np.empty_like(old), np.empty(n, dtype=complex)
    change = cavity_sweep(weight.indptr, reverse, weight.data, z - levels, rest, 0.25, old, new, sites)
    total = rest + (strength * M).sum(axis=1)
    target = 1 / (z - levels[:, None] - total[:, None] + strength * M)  # [k, l]: k with l removed
    np.testing.assert_allclose(sites, 1 / (z - levels - total))
    np.testing.assert_allclose(new, (0.75 * target.T + 0.25 * M)[weight.nonzero()])
    assert change == pytest.approx((abs(target - M.T) / abs(target))[weight.nonzero()].max())


def test_memory_sweep_is_its_numpy_twin() -> None:
    _, strength, weight, reverse = random_graph(6)
    n, stream = 12, np.random.default_rng(1)
    Y, B = stream.standard_normal((n, n)), stream.uniform(0.1, 1, (n, n))  # [k, l]: of l with k removed
    site_B, source = stream.uniform(0.1, 1, n), stream.standard_normal(n)
    edges, new, sites = weight.nonzero(), np.empty(weight.nnz), np.empty(n)
    change = memory_sweep(weight.indptr, reverse, weight.data, B[edges], site_B, source, 0.25, Y[edges], new, sites)
    total = source + (strength * Y).sum(axis=1)
    target = B * (total[:, None] - strength * Y).T
    np.testing.assert_allclose(sites, site_B * total)
    np.testing.assert_allclose(new, (0.75 * target + 0.25 * Y)[edges])
    assert change == pytest.approx(abs(target - Y)[edges].max())


@pytest.mark.parametrize("seed", range(3))
def test_bond_memory_is_exact_on_trees(seed: int) -> None:
    levels, V = random_tree(40, seed)
    source, z = np.random.default_rng(seed).standard_normal(40), np.array([0.3 + 0.2j, -0.5 + 0.05j])
    solution = bond_memory(levels, V**2, z, source, tolerance=1e-12, iterations=20_000)
    assert solution.converged.all()
    for i, argument in enumerate(z):
        G = np.linalg.inv(argument * np.eye(40) - np.diag(levels) - V)
        np.testing.assert_allclose(solution.Y[:, i], abs(G) ** 2 @ source, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kappa", [0.02, 0.6])
def test_bond_memory_on_a_graph_with_loops_solves_its_linear_equations(kappa: float) -> None:
    """Messages of Y by one dense linear solve; probability: kappa sum_j Y_j = sum_j nu~_j source_j, Y = nu~/kappa for 1."""
    levels, strength, weight, _ = random_graph(7)
    n, z, source = 12, 0.1 + 0.5j * kappa, np.random.default_rng(2).standard_normal(12)
    G = np.full((n, n), -1j)  # [k, l]: G_ll with k removed
    for _ in range(2000):
        total = (strength * G).sum(axis=1)
        G = 0.5 * G + 0.5 / (z - levels[:, None] - total[:, None] + strength * G).T
    edges = [(k, m) for k, m in zip(*weight.nonzero(), strict=True)]
    number = {edge: i for i, edge in enumerate(edges)}
    M, right = np.eye(len(edges)), np.empty(len(edges))
    for (k, m), i in number.items():
        B = abs(G[k, m]) ** 2
        right[i] = B * source[m]
        for (p, q), j in number.items():
            if p == m and q != k:
                M[i, j] -= B * strength[m, q]
    Y = np.zeros((n, n))
    Y[tuple(zip(*edges, strict=True))] = np.linalg.solve(M, right)
    sites = 1 / (z - levels - (strength * G).sum(axis=1))
    expected = abs(sites) ** 2 * (source + (strength * Y).sum(axis=1))
    solution = bond_memory(levels, strength, [z], source, tolerance=1e-12, iterations=20_000)
    assert solution.converged.all()
    np.testing.assert_allclose(solution.Y[:, 0], expected, rtol=1e-7, atol=1e-7 * abs(expected).max())
    nu = -2 * solution.green.G[:, 0].imag
    assert kappa * expected.sum() == pytest.approx(nu @ source, rel=1e-7)
    ones = bond_memory(levels, strength, [z], np.ones(n), tolerance=1e-12, iterations=20_000)
    np.testing.assert_allclose(ones.Y[:, 0], nu / kappa, rtol=1e-8)


def test_weak_bonds_need_no_messages() -> None:
    levels, strength = levy_cavity_matrix(Levy(L=8).composite(disorder_stream(1, 0)))
    source = np.repeat([1.0, -1.0], 256)
    full, short = (bond_memory(levels, strength, [0.15j], source, weakest=w) for w in (0.0, 1e-3))
    A, approximate = (source @ s.Y[:, 0] / 256 for s in (full, short))
    assert full.converged.all() and short.converged.all()
    assert approximate == pytest.approx(A, rel=2e-3)
    np.testing.assert_allclose(cavity(levels, strength, [0.15j]).G, full.green.G, rtol=1e-6)


def levy_ratios(L: int, kappa: float, realizations: int) -> np.ndarray:
    """A by Eq. 20 and with bond memory (2, R), and directly (R,), of random matrices."""
    rows = []
    for r in range(realizations):
        composite = Levy(L=L).composite(disorder_stream(1, r))
        p, local = levy_green(composite, [0.0], [kappa])
        levels, strength = levy_cavity_matrix(composite)
        source = np.repeat([1.0, -1.0], 2**L)
        Y = bond_memory(levels, strength, [0.5j * kappa], source, tolerance=1e-7).Y[:, 0]
        theory = diffusion.two_level_propagator(local.mean_nu, local.mean_B, np.array([kappa]))
        rows.append([diffusion.autocorrelation(D)[0, 0] for D in (theory, p.D)] + [source @ Y / 2**L])
    return np.array(rows).T


def test_bond_memory_explains_heavy_tails() -> None:
    """N = 2^8, kappa = 1, paired with block elimination: Eq. 20 is off by many errors, bond memory is not."""
    theory, direct, memory = levy_ratios(8, 1.0, 12)
    for values, agrees in ((theory, False), (memory, True)):
        difference = values / direct - 1
        error = difference.std(ddof=1) / np.sqrt(12)
        assert bool(abs(difference.mean()) < 3 * error) == agrees, (difference.mean(), error)


def test_levy_matrix_against_diagonalisation() -> None:
    """N = 2^8, kappa = 0.3: mean B and nu~ within 3 % of exact ones, averaged over 4 realizations."""
    kappa, exact, approximate = 0.3, [], []
    for r in range(4):
        s = solved(Levy(L=8).composite(disorder_stream(2, r)))
        local = diffusion.level_broadening(s.states, s.bath, s.system, [0.0], [kappa])
        exact.append([local.mean_nu, local.mean_B])
        levels, strength = levy_cavity_matrix(s.composite)
        solution = cavity(levels, strength, [0.5j * kappa])
        assert solution.converged.all()
        G = solution.G.reshape(2, -1, 1, 1)
        b = diffusion.broadening_of(G, G.conj(), np.array([kappa]))
        approximate.append([b.mean_nu, b.mean_B])
    ratio = np.mean(approximate, axis=0) / np.mean(exact, axis=0)
    assert abs(ratio - 1).max() < 0.03


def test_matrix_of_a_spin_model_is_its_hamiltonian() -> None:
    s = solved(Imbrie(L=4).composite(disorder_stream(2, 0)))
    levels, strength = cavity_matrix(s.composite, s.bath, s.system)
    U = np.kron(s.system.vectors, s.bath.vectors())
    H = U.T @ (s.states.vectors() * s.states.energies) @ s.states.vectors().T @ U
    np.testing.assert_allclose(np.diag(H), levels, atol=1e-10)
    np.testing.assert_allclose(H**2 - np.diag(np.diag(H) ** 2), strength, atol=1e-10)


def test_finite_variance_gives_the_golden_rule() -> None:
    """Gaussian couplings: exact and cavity broadenings self-average to Gamma = s^2 nu~."""
    N, kappa, s = 400, 0.4, 0.3
    stream = np.random.default_rng(4)
    V = np.triu(stream.standard_normal((N, N)) * s / np.sqrt(N))
    V = V + np.triu(V, 1).T
    flip = np.array([[0.0, 1.0], [1.0, 0.0]])
    composite = MatrixComposite(
        system=np.diag([-0.45, 0.45]), bath=np.diag(stream.standard_normal(N)), interaction=((flip, V),)
    )
    m = solved(composite)
    local = diffusion.level_broadening(m.states, m.bath, m.system, [0.0], [kappa])
    levels, strength = cavity_matrix(composite, m.bath, m.system)
    G = cavity(levels, strength, [0.5j * kappa]).G.reshape(2, N, 1, 1)
    b = diffusion.broadening_of(G, G.conj(), np.array([kappa]))
    golden = golden_rule(strength, local.nu[..., 0, 0].ravel()).reshape(2, N)
    for Gamma in (b.Gamma[..., 0, 0], local.Gamma[..., 0, 0]):
        assert np.abs(Gamma.mean() / golden.mean() - 1) < 0.01
    # self-averaging: every state of a level has the rate s^2 nu~ of the other level, up to 1/sqrt(N)
    expected = s**2 * local.mean_nu[::-1, 0, 0]
    np.testing.assert_allclose(golden.mean(axis=1), expected, rtol=0.02)
    assert (b.Gamma[..., 0, 0].std(axis=1) / b.Gamma[..., 0, 0].mean(axis=1) < 5 / np.sqrt(N)).all()
    np.testing.assert_allclose(b.mean_B[:, 0, 0], local.mean_nu[:, 0, 0] / (kappa + expected), rtol=0.02)


def test_population_sweep_without_couplings_and_its_levels() -> None:
    members, z = 20000, 0.1 + 0.3j
    old, new = np.zeros((2, members), dtype=complex), np.empty((2, members), dtype=complex)
    Y_old, Y_new = np.zeros((2, members)), np.empty((2, members))
    seeds = np.random.default_rng(0).integers(0, 2**64, 2 * members, dtype=np.uint64)
    shifts = np.array([-0.4, 0.7])
    tails = np.array([0.5j, 0.2]), np.array([0.3, 0.4])
    levy_population_sweep(old, new, Y_old, Y_new, seeds, z, shifts, 0.0, 1.5, 1, *tails)
    np.testing.assert_allclose(Y_new, abs(new) ** 2 * np.array([[1.4], [-0.7]]))
    levels = z - 1 / new - np.array([[0.2], [0.5j]])  # the tail of the *other* population
    np.testing.assert_allclose(levels.imag, 0, atol=1e-12)
    np.testing.assert_allclose(levels.real.mean(axis=1), shifts, atol=5 / np.sqrt(members))
    np.testing.assert_allclose(levels.real.std(axis=1), 1, atol=5 / np.sqrt(members))


def test_population_is_reproducible_and_agrees_with_matrices() -> None:
    """Same law of couplings as N = 2^8 matrices: nu~ and B within errors; the number of drawn terms hardly matters."""
    model, kappa = Levy(L=8), 0.3
    options = {"members": 5000, "sweeps": 20, "warm_up": 10, "terms": 40, "bath_states": 2.0**8}
    p = levy_population(model, 0.0, kappa, **options)
    again = levy_population(model, 0.0, kappa, **options)
    np.testing.assert_array_equal(p.B, again.B)
    nu, B = [], []
    for r in range(12):
        levels, strength = levy_cavity_matrix(model.composite(disorder_stream(3, r)))
        G = cavity(levels, strength, [0.5j * kappa], tolerance=1e-6).G.reshape(2, -1, 1, 1)
        b = diffusion.broadening_of(G, G.conj(), np.array([kappa]))
        nu.append(b.mean_nu[:, 0, 0])
        B.append(b.mean_B[:, 0, 0])
    for ours, error, matrices in ((p.nu, p.nu_error, nu), (p.B, p.B_error, B)):
        both = np.hypot(np.std(matrices, axis=0, ddof=1) / np.sqrt(12), error)
        assert (abs(ours - np.mean(matrices, axis=0)) < 4 * both).all()
    few = levy_population(model, 0.0, kappa, **(options | {"terms": 20}))
    assert (abs(few.B - p.B) < 4 * np.hypot(few.B_error, p.B_error) + 0.003 * p.B).all()


def test_population_refuses_finite_variance() -> None:
    with pytest.raises(ImpossibleRequest, match="golden rule"):
        levy_population(Levy(L=2, mu=2.5), 0.0, 0.3, members=10)


def test_block_elimination_is_exact() -> None:
    s = solved(Levy(L=6).composite(disorder_stream(2, 0)))
    epsilon, kappa = np.array([-0.3, 0.0]), np.array([0.1, 1.0])
    p, local = levy_green(s.composite, epsilon, kappa)
    direct = diffusion.direct_propagator(s.states, s.system, epsilon, kappa)
    exact = diffusion.level_broadening(s.states, s.bath, s.system, epsilon, kappa)
    np.testing.assert_allclose(p.D, direct.D, rtol=1e-10)
    order = np.argsort(s.composite.bath.diagonal())
    for name in ("nu", "B", "Gamma"):
        np.testing.assert_allclose(getattr(local, name)[:, order], getattr(exact, name), rtol=1e-9)
