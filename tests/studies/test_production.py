"""Entropy production in time: the study on a small ring against full diagonalisation, and its figure."""

import numpy as np
import pytest
from support import dense

from bigbath.broadening import system_states
from bigbath.errors import JobError
from bigbath.models import Ring, draw
from bigbath.operators import build
from bigbath.solvers import Whole
from bigbath.store import open_result
from bigbath.studies import production
from bigbath.studies.production import Production


def test_a_small_ring(tmp_path):
    N = 7
    rows, target = production.production(tmp_path, sizes=(N,))
    assert all(row.accepted for row in rows) and {row.branch for row in rows} == {1, 2}
    assert target.stat().st_size > 10_000
    result = open_result(tmp_path / f"entropy_production_N{N}.h5")
    composite = draw(Ring(N=N), seed=1, realization=0)
    h, bath, system = build(composite), build(composite, "B"), system_states(composite)
    E, V = np.linalg.eigh(dense(h.matrix))
    levels, phi = np.linalg.eigh(dense(bath.matrix))
    shell = np.floor((levels - levels[0]) / 0.5 + 0.5 + 1e-9).astype(int)
    count = np.bincount(shell)
    first = {row.branch: row.value for row in rows if row.name == "S_obs at t = 0"}
    steady = {row.branch: row.value for row in rows if row.name == "S_obs of the steady state"}
    parts = np.split(np.arange(E.size), np.flatnonzero(np.diff(E) > 1e-9) + 1)
    for task, ds in result.tasks.items():
        branch = task.point + 1
        mu = int(np.abs(levels).argmin())
        start = np.kron(system.vectors[:, branch - 1], phi[:, mu])
        assert first[branch] == pytest.approx(np.log(count[shell[mu]]))
        c = V.T @ start
        states = [V[:, part] @ c[part] for part in parts]
        product = np.kron(system.vectors, phi)

        def coarse(psi, product=product):
            weights = np.abs(product.T @ psi).reshape(2, -1) ** 2
            return np.array([np.bincount(shell, row, count.size) for row in weights])

        p = sum(map(coarse, states))
        held = p > 1e-14
        volumes = np.tile(count, (2, 1))[held]
        assert steady[branch] == pytest.approx(np.sum(p[held] * np.log(volumes / p[held])))
        weights = np.array([c[part] @ c[part] for part in parts])
        assert float(ds.renyi2_steady) == pytest.approx(-np.log(np.sum(weights**2)))
        later = V @ (np.exp(-1j * E * float(ds.t[17])) * c)
        assert np.abs(coarse(later) - ds.shell_probability_t.values[17, :, : count.size]).max() < 1e-10


def test_larger_rings_have_smeared_shells():
    """No spectrum of H, then one state of the bath, fewer times."""
    small, middle, large = production.job(13), production.job(15), production.job(17)
    assert isinstance(small.spectrum.window, Whole) and small.measure.dynamics.smearing is None
    assert middle.spectrum.window.kind == "none" and isinstance(middle.bath.window, Whole)
    assert (
        middle.measure.dynamics.smearing is None
        and middle.measure.dynamics.instants.size == small.measure.dynamics.instants.size
    )
    assert large.spectrum.window.kind == "none" and large.measure.dynamics.smearing == production.SMEARING
    assert large.measure.dynamics.instants.size < small.measure.dynamics.instants.size / 5
    with pytest.raises(JobError, match="5 to 21"):
        production.production(None, sizes=(40,))


def test_rise_and_verdicts():
    t = np.array([0.0, 1.0, 2.0])
    assert production.rise(t, np.array([0.0, 1.0, 2.0]), 2.0) == pytest.approx(1.8)
    assert np.isnan(production.rise(t, np.zeros(3), 2.0))
    base = {"name": "S", "N": 9, "branch": 1, "value": 1.0}
    assert Production(**base).verdict == "" and Production(**base, upper=1.0).verdict == "yes"
    assert not Production(**base, lower=1.1).accepted and Production(**base, lower=0.9, upper=0.95).verdict == "no"
    text = production.page([Production(**base, expected=1.1, upper=2.0), Production(**base | {"branch": 2})])
    assert "| S | 1 (1.1); 1 | yes |" in text


def test_the_estimate_of_renyi2_at_large_n(tmp_path):
    """From shells alone, within 20 % of the exact value for a ring whose weights are dense; a typical bath state for N = 19."""
    rows, _ = production.production(tmp_path, sizes=(9,))
    found = [row for row in rows if row.name.startswith("S_2, estimated")]
    assert len(found) == 2 and all(row.expected is not None for row in found)
    assert max(abs(row.value / row.expected - 1) for row in found) < 0.6  # dominated by single levels
    huge = production.job(19)
    assert huge.bath is None and huge.measure.dynamics.initial.kind == "bath_shell"
    assert production.job(17).bath.symmetries == () and production.job(17).measure.dynamics.initial.kind == "bath_state"
