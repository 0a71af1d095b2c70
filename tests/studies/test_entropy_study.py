from dataclasses import replace

import numpy as np
import pytest

from bigbath.cluster.run import run
from bigbath.errors import JobError
from bigbath.job import parse_job, resolved
from bigbath.models import Ring
from bigbath.plots import save
from bigbath.store import open_result
from bigbath.studies import entropy, measured


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The study's own computation on a small ring, through its own job file."""
    output = tmp_path_factory.mktemp("study") / "entropy_whole.h5"
    run(replace(entropy.job("entropy_whole"), model=Ring(N=9)), output)
    return open_result(output)


def test_rows_of_every_figure_come_from_one_computation(small, monkeypatch, tmp_path):
    monkeypatch.setattr(entropy, "computed", lambda name, directory, report: small)
    rows = {n: entropy.FIGURES[n](tmp_path, None)[0] for n in entropy.FIGURES}
    assert [len(rows[n]) for n in entropy.FIGURES] == [8, 8, 10, 11, 5]
    named = {row.name: row for part in rows.values() for row in part}
    for name in (
        "V_12, mean over mu",
        "V_11, mean over mu",
        "kappa",
        "a + Delta slope, i = 1",
    ):  # these do not depend on N
        assert abs(named[name].ours - float(named[name].paper)) < 0.02
    assert named["kappa"].verdict == "yes"
    assert named["kappa'"].verdict == "no"  # N = 9 is not the paper's
    assert "does not follow" in named["-Delta_1, upper bound (eta = Delta_I/2)"].note


def test_the_paper_s_coarse_grained_numbers():
    solve = entropy.coarse_grained
    at = solve(1.982, 7.2, 2.63)
    assert (round(at.chi, 2), round(at.delta, 2)) == (0.67, 0.46)
    assert (round(solve(1.982, 7.2, 3.6).chi, 2), round(solve(1.982, 7.2, 2.4).chi, 2)) == (0.42, 0.69)
    assert round(solve(1.982, 7.2, 2.4).delta, 2) == 0.41
    assert round(solve(1.982, 7.2, 3.6).delta, 3) == 0.785


def test_observational_entropy_is_close_to_theory_and_above_von_neumann(small):
    s = entropy.entropies(small.realizations[0], small.job.model)
    middle = np.abs(s.bath_energy.values) < 4
    assert np.all(s.observational >= s.von_neumann - 1e-10)
    gap = np.abs(s.observational - s.predicted).values[middle].mean()
    assert gap < 0.6
    assert gap < np.abs(s.von_neumann - s.predicted).values[middle].mean()


def test_numbers_that_are_not_printed(small, monkeypatch, tmp_path):
    monkeypatch.setattr(entropy, "computed", lambda name, directory, report: small)
    monkeypatch.setattr(measured, "STATES", 3)
    rows = {row.name: row.ours for row in entropy.ALONE["numbers"](tmp_path, None)[0]}
    assert abs(rows["chi reconstructed"] / rows["chi fitted"] - 1) < 0.3
    assert rows["Renyi-2 entropy"] < rows["von Neumann entropy"] < rows["observational entropy"]
    assert abs(rows["Eq. 49"] - rows["observational entropy"]) < 1
    assert rows["Eq. 38 over the spectrum"] < rows["Eq. 38, exact density"]
    assert 0 < rows["Eq. 60 with E_i: largest deviation"] < 0.3
    assert 0.6 < rows["Eq. 59: smallest sum over i"] < rows["Eq. 59: largest sum over i"] < 1.2
    assert rows["composite: rms"] < rows["lorentzian: rms"]


def test_figures_are_drawn(small, tmp_path):
    for number in entropy.FIGURES:
        path = tmp_path / f"{number}.png"
        save(entropy.draw(number, small), path)
        assert path.stat().st_size > 10_000


def test_interaction_says_what_it_misses(tmp_path):
    data = resolved(replace(entropy.job("entropy_whole"), model=Ring(N=5)))
    for change, message in (
        ({"distribution": None}, "measure.interaction.eta reconstructs"),
        ({}, "all 16 bath states"),
    ):
        wrong = {**data, "measure": {**data["measure"], **change}}
        if not change:
            wrong["bath"] = {"window": {"kind": "levels", "energies": [0.0]}}
            wrong["measure"]["interaction"]["eta"] = None
        with pytest.raises(Exception, match=message) as caught:
            run(parse_job(wrong), tmp_path / "x.h5")
        assert isinstance(caught.value, JobError) or "bath" in str(caught.value)
