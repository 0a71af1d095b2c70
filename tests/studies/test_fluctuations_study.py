"""Entropies a symmetry sector at a time are those of the whole spectrum; rows, figure, refusals."""

import numpy as np
import pytest

import bigbath as bb
from bigbath.errors import JobError
from bigbath.studies import fluctuations as study


def test_sectors_add_up_to_the_whole_spectrum(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "STATES", 12)
    model = bb.Ring(N=9)
    found = study.weights(model, tmp_path)
    c = bb.draw(model)
    bath = bb.solve(bb.build(c, "B"), bb.Nearest(target=0.0, k=12), engine=bb.Dense(), sector={"reflection": 1})
    states = bb.solve(bb.build(c), bb.Whole(), engine=bb.Dense(), symmetries=("reflection",))
    whole = bb.distribution(states, bath, bb.system_states(c), width=0.5, keep=True)
    assert np.allclose(found.p.sum(axis=-1), 1, atol=1e-12)
    even = whole.own_count[0, 0].sum()
    assert found.energy.size == even == 272
    assert np.allclose(np.sum(found.p * found.energy, axis=-1), whole.mean, atol=1e-10)
    assert np.allclose(
        -np.sum(np.where(found.p > 0, found.p * np.log(found.p + 1e-300), 0), axis=-1), whole.shannon, atol=1e-9
    )
    assert np.allclose(-np.log((found.p**2).sum(axis=-1)), whole.renyi2, atol=1e-9)
    P, count, _ = found.shells()
    filled = whole.own_count[0, 0] > 0
    assert np.array_equal(count, whole.own_count[0, 0][filled])
    assert np.allclose(P, whole.P[..., filled], atol=1e-10)


def test_rows_and_figure(tmp_path, monkeypatch):
    with pytest.raises(JobError, match="odd numbers"):
        study.fluctuations(tmp_path, sizes=(12,))
    monkeypatch.setattr(study, "STATES", 8)
    rows, target = study.fluctuations(tmp_path, sizes=(11,))
    assert target.stat().st_size > 10_000
    named = {row.name: row for row in rows}
    off = {name: row.predicted - row.measured for name, row in named.items()}
    assert abs(off["S_own from |V|^2 alone"]) < 0.1
    assert 0 < off["S_vN from the shells' P and Porter-Thomas"] < 0.35
    assert named["S_2 from |V|^2 alone"].measured < named["S_vN from |V|^2 alone"].measured
    assert 1 < named["<p^2>/<p>^2 over Porter-Thomas"].measured < 2
    assert all(np.isfinite(row.measured) for row in rows)
