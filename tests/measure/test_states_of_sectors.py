"""Measurements inside a sector are those of the vector padded to all 2^L configurations, by explicit matrices."""

import tracemalloc

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from support import dense, pauli_string

from bigbath.broadening import system_states
from bigbath.cluster.cost import dimensions
from bigbath.cluster.estimate import estimate
from bigbath.cluster.realize import realize
from bigbath.job import parse_job
from bigbath.measure import Context, Measures
from bigbath.measure.entanglement import MeasureEntanglement
from bigbath.measure.observables import MeasureObservables
from bigbath.measure.participation import MeasureParticipation
from bigbath.models import XXZ, SpinComposite, disorder_stream, draw
from bigbath.operators import build
from bigbath.progress import silent
from bigbath.solvers import Whole, energy_shells, partition, solve
from bigbath.spaces import sectors

L = 6
CUTS = ((0, 1, 2), (5, 1), (3,), (0, 2, 3, 5))
MEASURES = Measures(
    entanglement=MeasureEntanglement(cuts=CUTS),
    observables=MeasureObservables(pauli=("x", "y", "z")),
    participation=MeasureParticipation(q=(0.5, 1.0, 2.0)),
)


def chain(stream, *, kind):
    """Six spins with random couplings: without charges, with one, with one on each half, or with a field in place of a hop."""
    if kind == "clean ring":
        return XXZ(L=L, Delta=float(stream.uniform(0.3, 0.9))).composite(disorder_stream(1, 0))
    hop = {"two chains": [(0, 1), (1, 2), (3, 4), (4, 5)]}.get(kind, [(j, j + 1) for j in range(L - 1)])
    draws = lambda bonds: tuple((float(stream.uniform(0.5, 1.5)), *b) for b in bonds)  # noqa: E731
    x = draws(hop)
    terms = [
        ("xx", x),
        ("yy", x),
        ("zz", draws([(j, j + 1) for j in range(L - 1)])),
        ("z", draws([(j,) for j in range(L)])),
    ]
    if kind == "flux":
        twist = draws([(j, j + 2) for j in range(L - 2)])
        terms += [("xy", twist), ("yx", tuple((-v, *b) for v, *b in twist))]
    if kind == "no charge":
        terms += [("x", draws([(j,) for j in range(L)])), ("y", draws([(1,)]))]
    if kind == "a free spin":
        terms = [(p, tuple(c for c in cs if 5 not in c[1:])) for p, cs in terms] + [
            ("x", ((0.7, 5),)),
            ("y", ((0.4, 5),)),
        ]
    return SpinComposite(system_sites=1, bath_sites=L - 1, system=(), bath=(), interaction=tuple(terms), symmetries=())


def entropy(psi, cut):
    """Of the squared singular values of the padded vector across a cut."""
    rest = [j for j in range(L) if j not in cut]
    matrix = psi.reshape((2,) * L).transpose(*cut, *rest).reshape(2 ** len(cut), -1)
    return scipy.special.entr(np.linalg.svd(matrix, compute_uv=False) ** 2).sum()


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["no charge", "random", "flux", "two chains", "a free spin", "clean ring"]),
)
def test_measurements_are_those_of_the_padded_vectors(seed, kind):
    composite = chain(np.random.default_rng(seed), kind=kind)
    states = solve(build(composite), Whole())
    context = Context(
        composite=composite, states=states, bath=None, system=system_states(composite), accept_unverified=False,
        report=silent,
    )  # fmt: skip
    ds, V = MEASURES.run(context), states.vectors()
    assert np.abs(V.conj().T @ V - np.eye(2**L)).max() < 1e-9
    single = np.flatnonzero(ds.multiplicity.values == 1)
    assert single.size > 20
    for n in single:
        psi, p = V[:, n], np.abs(V[:, n]) ** 2
        assert ds.entanglement.values[n] == pytest.approx(entropy(psi, (0,)), abs=1e-9)
        assert ds.entanglement_cut.values[n] == pytest.approx([entropy(psi, cut) for cut in CUTS], abs=1e-9)
        expected = [2 * np.log(np.sqrt(p).sum()), scipy.special.entr(p).sum(), -np.log((p**2).sum())]
        assert ds.participation.values[n] == pytest.approx(expected, abs=1e-9)
    for letter in "xyz":
        expected = np.stack(
            [np.einsum("an,an->n", V.conj(), pauli_string(letter, [j], L) @ V).real for j in range(L)], axis=1
        )
        assert np.allclose(ds[f"sigma_{letter}"].values[single], expected[single], atol=1e-9)


DILUTE = {
    "model": {"name": "xxz", "L": 28, "W": 1.0},
    "spectrum": {"window": {"kind": "density", "epsilon": 0.5, "k": 30}, "sector": {"magnetisation": -22}},
    "measure": {
        "gap_ratio": {}, "participation": {}, "observables": {}, "entanglement": {"cuts": [list(range(14))]},
    },
}  # fmt: skip


def test_three_spins_up_of_28_take_little_memory():
    """3,276 states instead of 2^28: an estimate, a certified window and what is measured of it, against dense vectors."""
    job = parse_job(DILUTE)
    assert dimensions(job) == (3276,)
    (part,) = estimate(job).parts
    assert part.dim == part.largest_sector == 3276
    tracemalloc.start()
    ds = realize(job, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    h = build(draw(job.model))
    (sector,) = sectors(h, only=job.spectrum.sector)
    energies, V = np.linalg.eigh(dense(h.restricted(sector)))
    assert (ds.attrs["E_min"], ds.attrs["E_max"]) == pytest.approx((energies[0], energies[-1]), abs=1e-9)
    near = np.sort(np.argsort(np.abs(energies - (energies[0] + energies[-1]) / 2))[:30])
    assert np.abs(ds.energy.values - energies[near]).max() < 1e-10
    states = sector.space.states()
    for n, psi in enumerate(V[:, near[:5]].T):
        rows, columns = np.divmod(states, 2**14)
        weights = np.linalg.svd(amplitudes(rows, columns, psi), compute_uv=False) ** 2
        assert ds.entanglement_cut.values[n, 0] == pytest.approx(scipy.special.entr(weights).sum(), abs=1e-8)
        spins = 1 - 2 * (states[:, None] >> (27 - np.arange(28)) & 1)
        assert ds.sigma_z.values[n] == pytest.approx(np.abs(psi) ** 2 @ spins, abs=1e-8)
    assert ds.sigma_z.sum("site").values == pytest.approx(-22, abs=1e-9)
    assert np.abs(ds.sigma_x).max() == 0


def amplitudes(rows, columns, psi):
    """The matrix of amplitudes with the rows and columns that occur."""
    row, column = np.unique(rows, return_inverse=True)[1], np.unique(columns, return_inverse=True)[1]
    matrix = np.zeros((row.max() + 1, column.max() + 1), dtype=psi.dtype)
    matrix[row, column] = psi
    return matrix


@pytest.mark.parametrize("sector", [{"magnetisation": 2}, {"magnetisation": 0, "flip": 1, "reflection": -1}])
def test_energy_shells_of_a_sector(sector):
    h = build(XXZ(L=10, Delta=0.6).composite(disorder_stream(1, 0)))
    parts = sectors(h, only=sector)
    shells = energy_shells(h, Whole(), 4, parts)
    found = [solve(h, window, sector=sector) for window in shells]
    dim = sum(s.dim for s in parts)
    assert partition([f.evidence for f in found], dim) is None
    expected = np.sort(np.concatenate([np.linalg.eigvalsh(dense(h.restricted(s))) for s in parts]))
    assert np.abs(np.concatenate([f.energies for f in found]) - expected).max() < 1e-10
    assert min(f.energies.size for f in found) > dim / 20
