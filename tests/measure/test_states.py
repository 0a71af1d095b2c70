"""Measurements of single eigenstates against their definitions, by explicit density matrices."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from support import pauli_string, random_custom

from bigbath.cluster.realize import realize
from bigbath.errors import JobError
from bigbath.job import Job, Spectrum, parse_job
from bigbath.measure import MeasureObservables, Measures
from bigbath.models import draw
from bigbath.operators import build
from bigbath.solvers import Whole, solve

RING = {"name": "ring", "N": 7}
IMBRIE = {"name": "imbrie", "L": 5}


def measured(model, **measure):
    job = parse_job({"model": model, "spectrum": {"window": "whole", "engine": "dense"}, "measure": measure})
    states = solve(build(draw(job.model)), Whole())
    return realize(job, 0), states.vectors(), job


def entropy(psi, kept, sites):
    """-Tr rho ln rho of the sites ``kept``, by tracing out the others one by one and taking a matrix logarithm."""
    rho = np.outer(psi, psi.conj()).reshape((2,) * (2 * sites))
    left = list(range(sites))
    for j in sorted(set(range(sites)) - set(kept), reverse=True):
        axis = left.index(j)
        rho = np.trace(rho, axis1=axis, axis2=axis + len(left))
        left.remove(j)
    weights = scipy.linalg.eigvalsh(rho.reshape(2 ** len(kept), -1))
    weights = weights[weights > 1e-15]
    return float(-np.sum(weights * np.log(weights)))


@pytest.mark.parametrize("model", [RING, IMBRIE])
def test_entanglement_is_the_reduced_density_matrix_s(model):
    cuts = [[0], [0, 1, 2], [4, 1], [1, 2, 3, 4]]
    ds, V, _ = measured(model, entanglement={"cuts": cuts})
    sites = int(np.log2(V.shape[0]))
    for n in (0, 3, V.shape[1] // 2, V.shape[1] - 1):
        assert ds.entanglement.values[n] == pytest.approx(entropy(V[:, n], [0], sites), abs=1e-10)
        for c, cut in enumerate(cuts):
            assert ds.entanglement_cut.values[n, c] == pytest.approx(entropy(V[:, n], cut, sites), abs=1e-10)
    assert np.allclose(ds.entanglement, ds.entanglement_cut[:, 0], atol=1e-12)
    assert ds.entanglement.max() <= np.log(2) + 1e-12


def test_complementary_cuts_have_the_same_entropy():
    sites = 6
    for cut in itertools.islice(itertools.combinations(range(sites), 2), 0, None, 5):
        rest = [j for j in range(sites) if j not in cut]
        ds, _, _ = measured(IMBRIE, entanglement={"cuts": [list(cut), rest]})
        assert np.abs(np.diff(ds.entanglement_cut, axis=1)).max() < 1e-10


@pytest.mark.parametrize("model", [RING, IMBRIE])
def test_participation_entropies(model):
    ds, V, _ = measured(model, participation={"q": [1.0, 2.0, 0.5]})
    p = np.abs(V) ** 2
    expected = [scipy.special.entr(p).sum(0), -np.log((p**2).sum(0)), 2 * np.log(np.sqrt(p).sum(0))]
    assert np.allclose(ds.participation.T, expected, atol=1e-10)
    S1, S2, S_half = ds.participation.T
    assert (S2 <= S1 + 1e-12).all()
    assert (S_half + 1e-12 >= S1).all()
    assert S_half.max() <= np.log(V.shape[0]) + 1e-12


def test_local_observables_of_a_complex_model():
    model = random_custom(np.random.default_rng(4), 6, letters="xyz")
    every = Measures(observables=MeasureObservables(pauli=("x", "y", "z")))
    job = Job(model=model, spectrum=Spectrum(window=Whole()), measure=every)
    ds, V = realize(job, 0), solve(build(draw(model)), Whole()).vectors()
    assert np.iscomplexobj(V)
    for letter in "xyz":
        for j in range(model.L):
            expected = np.einsum("an,ab,bn->n", V.conj(), pauli_string(letter, [j], model.L), V).real
            assert np.allclose(ds[f"sigma_{letter}"][:, j], expected, atol=1e-10)


def test_sum_rules_of_observables():
    """Summed over all eigenstates they are the traces of Pauli matrices."""
    ds, _, _ = measured(RING, observables={"pauli": ["x", "z"]})
    assert np.abs(ds.sigma_x.sum("state")).max() < 1e-9
    assert np.abs(ds.sigma_z.sum("state")).max() < 1e-9


def test_sites_need_spins():
    with pytest.raises(JobError, match="model of spins"):
        measured({"name": "levy", "L": 4}, observables={})
    ds, V, _ = measured({"name": "levy", "L": 4}, entanglement={})
    psi = V[:, 5].reshape(2, -1)
    weights = np.linalg.svd(psi, compute_uv=False) ** 2
    assert ds.entanglement.values[5] == pytest.approx(-np.sum(weights * np.log(weights)), abs=1e-10)


def test_a_cut_of_no_sites_is_refused():
    with pytest.raises(JobError, match="cuts"):
        measured(IMBRIE, entanglement={"cuts": [[0, 9]]})
    with pytest.raises(JobError, match="cuts"):
        measured(IMBRIE, entanglement={"cuts": [[1, 1]]})
