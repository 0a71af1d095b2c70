"""A thermometer in real time: the study on small baths, against full diagonalisation, and its page and figure."""

import numpy as np
import pytest
from support import dense

from bigbath.broadening import system_states
from bigbath.models import TFIM, Imbrie, Levy, draw
from bigbath.operators import build
from bigbath.studies import thermometer
from bigbath.studies.thermometer import Instant


def test_small_baths_and_one_without_eigenstates(tmp_path):
    rows, target = thermometer.thermometer(tmp_path, sizes=(4, 12), realizations=2)
    assert target.stat().st_size > 10_000
    kinds = {(row.model, row.size) for row in rows}
    assert kinds == {("levy", 4), ("tfim", 4), ("imbrie", 4), ("tfim", 12), ("imbrie", 12)}
    for row in rows:
        assert row.vectors_agree and abs(row.exact) < 1
        assert (row.direct is None) == (row.size == 12) and row.theory_size == 4
    for model in (TFIM(L=4), Imbrie(L=4), Levy(L=4)):
        mine = [row for row in rows if (row.model, row.size) == (model.name, 4)]
        assert [row.time for row in mine] == [1, 1.5, 2, 3, 4, 6, 8, 10, 15, 20]
        expected = np.mean([_written_out(model, number, [row.time for row in mine]) for number in (0, 1)], axis=0)
        assert np.abs([row.from_states for row in mine] - expected).max() < 1e-9
    page = thermometer.page(rows)
    assert page.count("\n") == 1 + 2 * len(kinds) and "theory at L = 4 − C, %" in page


def _written_out(model, realization, times):
    """Tr[tau(t) tau f(H)]/Tr f(H) with f of width 2."""
    composite = draw(model, seed=1, realization=realization)
    E, V = np.linalg.eigh(dense(build(composite).matrix))
    S = system_states(composite).vectors
    tau = V.T @ np.kron(S @ np.diag([1.0, -1.0]) @ S.T, np.eye(16)) @ V
    f = np.exp(-(E**2) / 8)
    return [np.sum(np.exp(1j * np.subtract.outer(E, E) * t) * tau * tau.T * f).real / f.sum() for t in times]


def test_jobs_and_verdicts():
    small, large, levy = thermometer.job(TFIM(L=8)), thermometer.job(Imbrie(L=14), 3), thermometer.job(Levy(L=8))
    assert small.spectrum.window.kind == "whole" and small.measure.evolution.direct and small.measure.evolution.vectors
    assert large.spectrum.window.kind == "none" and large.bath is None and large.ensemble.realizations == 3
    assert levy.measure.evolution.vectors is None
    base = {"model": "tfim", "size": 8, "realizations": 4, "exact": 0.5, "exact_error": 0.01, "vectors_error": 0.001}
    theory = {"theory": 0.51, "theory_size": 8, "difference": 0.01, "difference_error": 0.003}
    assert Instant(**base, time=2.0, **theory).verdict == "yes" and Instant(**base, time=4.0, **theory).verdict == "-"
    off = theory | {"difference": 0.031}
    assert Instant(**base, time=2.0, **off).verdict == "no" and not Instant(**base, time=2.0, **off).accepted
    assert Instant(**base, time=9.0, from_states=0.505).verdict == "no"
    assert Instant(**base, time=9.0, from_states=0.503, direct=0.6, direct_error=0.05).verdict == "no"
    single = theory | {"difference_error": float("nan")}
    assert Instant(**base, time=2.0, **single).verdict == "-"
    assert Instant(**base, time=2.0).as_dict()["verdict"] == "-"
    with pytest.raises(TypeError):
        Instant(**base)
