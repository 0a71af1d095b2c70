"""Measurements of states inside a sector, without padding, against the vector over all configurations."""

import numpy as np
import pytest
from support import PAULI

from bigbath import Job, Measures, Spectrum, Whole, run
from bigbath.measure import MeasureEntanglement, MeasureObservables, MeasureParticipation
from bigbath.models import XXZ, disorder_stream
from bigbath.operators import build
from bigbath.solvers import solve

CASES = {
    "magnetisation": (XXZ(L=7, W=1.0), {"magnetisation": 1}),
    "all magnetisations, complex": (XXZ(L=6, W=1.0, phi=0.6), None),
    "symmetries": (XXZ(L=6, Delta=0.7, boundary="open"), {"magnetisation": 0, "reflection": -1, "flip": 1}),
}


def entropy(vector, cut, L):
    rest = [j for j in range(L) if j not in cut]
    matrix = vector.reshape((2,) * L).transpose(*cut, *rest).reshape(2 ** len(cut), -1)
    w = np.linalg.svd(matrix, compute_uv=False) ** 2
    w = w[w > 1e-30]
    return -np.sum(w * np.log(w))


@pytest.mark.parametrize("case", CASES)
def test_against_the_padded_vector(case):
    model, sector = CASES[case]
    L, cut = model.L, (1, 3, 4)
    job = Job(
        model=model,
        spectrum=Spectrum(window=Whole(), sector=sector),
        measure=Measures(
            entanglement=MeasureEntanglement(cuts=(cut,)),
            observables=MeasureObservables(pauli=("x", "y", "z")),
            participation=MeasureParticipation(q=(1.0, 2.0)),
        ),
    )
    result = run(job)
    (ds,) = result.realizations.values()
    h = build(model.composite(disorder_stream(job.ensemble.seed, 0)))
    states = solve(h, Whole(), sector=sector)
    vectors, single = states.vectors(), ds.multiplicity.values == 1
    assert np.allclose(ds.energy, states.energies)
    assert single.sum() >= 3
    for n in np.flatnonzero(single):
        v = vectors[:, n]
        assert ds.entanglement.values[n] == pytest.approx(entropy(v, (0,), L), abs=1e-12)
        assert ds.entanglement_cut.values[n, 0] == pytest.approx(entropy(v, cut, L), abs=1e-12)
        p = np.abs(v) ** 2
        assert ds.participation.values[n, 1] == pytest.approx(-np.log(np.sum(p**2)), abs=1e-12)
        for letter in "xyz":
            for site in (0, 3, L - 1):
                tensor = np.moveaxis(v.reshape((2,) * L), site, 0).reshape(2, -1)
                expected = np.einsum("ai,ab,bi->", tensor.conj(), PAULI[letter], tensor).real
                assert ds[f"sigma_{letter}"].values[n, site] == pytest.approx(expected, abs=1e-12)
