"""Every engine, in every kind of space, for real and complex Hamiltonians, against LAPACK on the whole matrix."""

import numpy as np
import pytest
from support import dense, explicit

from bigbath.models import XXZ, SpinComposite, Symmetry, disorder_stream
from bigbath.operators import build, is_matrix_free
from bigbath.solvers import Dense, Density, Filter, Interval, ShiftInvert, Whole, solve
from bigbath.spaces import sectors

ENGINES = {
    "dense": Dense(),
    "filter": Filter(),
    "mumps": ShiftInvert(factor="mumps"),
    "blocks": ShiftInvert(factor="blocks"),
}


def composite(L, terms, symmetries=()):
    return SpinComposite(
        system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=tuple(terms), symmetries=symmetries
    )


def random_chain(L, *, conserving, is_complex, seed=3):
    """A chain with random couplings; ``conserving``: its magnetisation."""
    stream = np.random.default_rng(seed)

    def bond(letters, sign=1.0, values=None):
        values = stream.uniform(0.5, 1.5, L - 1) if values is None else values
        return (letters, tuple((float(sign * v), j, j + 1) for j, v in enumerate(values)))

    hop = stream.uniform(0.5, 1.5, L - 1)
    terms = [bond("xx", values=hop), bond("yy", values=hop), bond("zz")]
    terms.append(("z", tuple((float(v), j) for j, v in enumerate(stream.uniform(-1, 1, L)))))
    if is_complex:  # a second-neighbour hop with a phase makes triangles with a flux
        twist = stream.uniform(0.5, 1.0, L - 2)
        terms += [("xy", tuple((float(v), j, j + 2) for j, v in enumerate(twist)))]
        terms += [("yx", tuple((-float(v), j, j + 2) for j, v in enumerate(twist)))]
    if not conserving:
        terms.append(("x", tuple((float(v), j) for j, v in enumerate(stream.uniform(0.5, 1, L)))))
    return terms


SPACES = {
    "everything": (False, None),
    "all magnetisations": (True, None),
    "one magnetisation": (True, {"magnetisation": 1}),
}


def matrix_of_sectors(h, H, only):
    """LAPACK's levels of the part of H that the sectors span."""
    V = np.hstack([s.lift(np.eye(s.dim)) for s in sectors(h, only=only)])
    return np.linalg.eigvalsh(V.conj().T @ H @ V)


@pytest.mark.parametrize("window", [Density(epsilon=0.45, k=12), Interval(lower=-1.0, upper=0.0)], ids=lambda w: w.kind)
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("engine", ENGINES)
def test_windows(engine, space, is_complex, window):
    conserving, only = SPACES[space]
    L = 9
    terms = random_chain(L, conserving=conserving, is_complex=is_complex)
    h, H = build(composite(L, terms)), explicit(terms, L)
    assert h.is_complex == is_complex
    states = solve(h, window, engine=ENGINES[engine], sector=only)
    assert states.evidence.complete == "yes", states.evidence.reason
    levels = matrix_of_sectors(h, H, only)
    assert np.allclose(states.extremes, (levels[0], levels[-1]), atol=1e-9)
    if isinstance(window, Interval):
        expected = levels[(levels >= window.lower) & (levels <= window.upper)]
    else:
        target = levels[0] + window.epsilon * (levels[-1] - levels[0])
        expected = np.sort(levels[np.argsort(np.abs(levels - target))[: window.k]])
    assert np.abs(states.energies - expected).max() <= 1e-11 * np.abs(levels).max()
    vectors = states.vectors()
    assert np.abs(H @ vectors - vectors * states.energies).max() <= 1e-9
    assert np.abs(vectors.conj().T @ vectors - np.eye(states.energies.size)).max() <= 1e-9


def test_xxz_is_the_heisenberg_chain_of_spin_one_half():
    """L = 4 ring: the levels of the textbook, -2, -1 (3), 0 (7), 1 (5)."""
    h = build(XXZ(L=4).composite(disorder_stream(1, 0)))
    states = solve(h, Whole())
    assert np.allclose(states.energies, [-2] + 3 * [-1] + 7 * [0] + 5 * [1], atol=1e-13)


@pytest.mark.parametrize(("field", "boundary", "J2"), [("random", "periodic", 0.4), ("quasiperiodic", "open", 0.3)])
def test_xxz_against_explicit_spin_matrices(field, boundary, J2):
    """Sum of S.S of spin matrices, bond by bond, with the model's own fields read from its strings."""
    L, Delta = 6, 0.7
    model = XXZ(L=L, J=1.3, Delta=Delta, W=2.0, J2=J2, field=field, boundary=boundary)
    c = model.composite(disorder_stream(5, 2))
    S = {p: lambda j, p=p: explicit(((p, ((0.5, j),)),), L) for p in "xyz"}
    H = np.zeros((2**L, 2**L), complex)
    for J, reach in ((1.3, 1), (J2, 2)):
        for j in range(L if boundary == "periodic" else L - reach):
            k = (j + reach) % L
            H += J * (S["x"](j) @ S["x"](k) + S["y"](j) @ S["y"](k) + Delta * S["z"](j) @ S["z"](k))
    fields = {j: v for letters, couplings in c.system + c.bath if letters == "z" for v, j in couplings}
    assert sorted(fields) == list(range(L))
    assert all(abs(v) <= 1 for v in fields.values())  # h/2, |h| <= W
    H += sum(2 * v * S["z"](j) for j, v in fields.items())
    assert np.abs(dense(build(c).matrix) - H).max() < 1e-14


def levels(model, seed=1):
    h = build(model.composite(disorder_stream(seed, 0)))
    return np.sort(np.concatenate([np.linalg.eigvalsh(dense(h.restricted(s))) for s in sectors(h)]))


def test_a_flux_through_the_ring():
    """E(phi) = E(phi + 2 pi) = E(-phi), and a flux of 2 pi is none: it can be gauged away."""
    at = lambda phi: levels(XXZ(L=7, W=1.0, phi=phi))  # noqa: E731
    assert np.abs(at(0.8) - at(0.0)).max() > 1e-3
    for other in (0.8 + 2 * np.pi, -0.8):
        assert np.abs(at(0.8) - at(other)).max() < 1e-12
    assert np.abs(at(2 * np.pi) - at(0.0)).max() < 1e-12


def test_a_dzyaloshinskii_moriya_term_on_an_open_chain_is_gauged_away():
    """cos(a) (xx + yy) + sin(a) (xy - yx) on every bond has the levels of a = 0, in every engine's complex arithmetic."""
    L, a = 9, 0.6
    fields = ("z", tuple((float(v), j) for j, v in enumerate(np.random.default_rng(2).uniform(-1, 1, L))))
    zz = ("zz", tuple((0.8, j, j + 1) for j in range(L - 1)))

    def chain(a):
        bonds = [(j, j + 1) for j in range(L - 1)]
        along = {"xx": np.cos(a), "yy": np.cos(a), "xy": np.sin(a), "yx": -np.sin(a)}
        return build(composite(L, [*((p, tuple((v, *b) for b in bonds)) for p, v in along.items() if v), zz, fields]))

    plain, twisted = chain(0.0), chain(a)
    assert twisted.is_complex and not plain.is_complex
    window = Density(epsilon=0.5, k=10)
    expected = solve(plain, window, engine=Dense(), sector={"magnetisation": 1}).energies
    for engine in ENGINES.values():
        found = solve(twisted, window, engine=engine, sector={"magnetisation": 1})
        assert found.evidence.complete == "yes"
        assert np.abs(found.energies - expected).max() < 1e-11


def test_symmetries_of_the_clean_ring_label_its_states():
    L = 8
    h = build(XXZ(L=L, Delta=0.6).composite(disorder_stream(1, 0)))
    labels = {"magnetisation": 0, "reflection": 1, "flip": -1, "momentum": 2}
    states = solve(h, Whole(), sector=labels)
    (block,) = states.blocks
    assert dict(block.sector.labels) == labels
    everything = np.linalg.eigvalsh(dense(h.matrix))
    assert all(np.abs(everything - e).min() < 1e-12 for e in states.energies)
    assert isinstance(h.symmetries[0], Symmetry)


@pytest.mark.parametrize("phi", [0.0, 0.7])
def test_the_ranked_kernel_behind_the_filter(phi):
    """A window of 1,716 states at magnetisation 1, without a matrix; LAPACK on QuSpin's matrix knows the levels."""
    h = build(XXZ(L=13, W=1.5, J2=0.3, phi=phi).composite(disorder_stream(4, 1)))
    (sector,) = sectors(h, only={"magnetisation": 1})
    assert is_matrix_free(h, sector)
    states = solve(h, Density(epsilon=0.4, k=40), engine=Filter(), sector={"magnetisation": 1})
    assert states.evidence.complete == "yes", states.evidence.reason
    assert "matrix" not in h.__dict__
    H = dense(h.restricted(sector))
    levels = np.linalg.eigvalsh(H)
    target = levels[0] + 0.4 * (levels[-1] - levels[0])
    expected = np.sort(levels[np.argsort(np.abs(levels - target))[:40]])
    assert np.abs(states.energies - expected).max() < 1e-12
    (block,) = states.blocks
    assert np.abs(H @ block.vectors - block.vectors * block.energies).max() < 1e-10
