"""Study of form factors: claims with errors, planted crossings, floors from random matrices, tiny runs."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigbath.errors import JobError
from bigbath.job import job_hash, load_job
from bigbath.progress import silent
from bigbath.statistics import expected_form_factor, plateau_time
from bigbath.store import open_result
from bigbath.studies import statistics
from bigbath.studies.crossings import CrossingRow, crossing_of_samples
from bigbath.studies.judged import ERRORS, Judged
from bigbath.studies.level_ensembles import Amplitudes, Floor, Point, measured, ratio_to
from bigbath.studies.statistics import page, sun, transition
from bigbath.sweep import Sweep


@given(st.floats(-5, 5), st.floats(1e-3, 1), st.floats(-5, 5))
def test_a_claim_is_decided_by_its_error(ours, error, expected):
    """Equality allows three errors; a bound must be that far away, in either direction."""
    equal, below = (
        Judged(name="n", claim="c", kind=kind, ours=ours, error=error, expected=expected) for kind in ("is", "below")
    )
    sigmas = (ours - expected) / error
    if abs(abs(sigmas) - ERRORS) > 1e-6:
        assert equal.verdict == ("holds" if abs(sigmas) < 3 else "fails")
        assert below.verdict == ("holds" if sigmas < -3 else "fails" if sigmas > 3 else "undecided")
    assert below.accepted == (below.verdict != "fails")
    assert below.as_dict()["verdict"] == below.verdict
    explained = Judged(name="n", claim="c", kind="is", ours=1, error=0.1, expected=9, note="why")
    assert explained.verdict == "fails" and explained.accepted and explained.as_dict()["note"] == "why"
    assert "note" not in replace(explained, expected=1).as_dict()


@pytest.mark.parametrize(("ours", "error"), [(np.nan, 0.1), (0.5, np.nan), (np.nan, np.nan)])
def test_what_is_not_known_decides_nothing(ours, error):
    for kind in ("is", "below"):
        assert Judged(name="n", claim="c", kind=kind, ours=ours, error=error, expected=1).verdict == "undecided"


def test_a_crossing_of_sampled_curves():
    x, stream = np.arange(5.0), np.random.default_rng(0)
    difference = 0.4 * (2.3 - x)
    c = crossing_of_samples(x, difference, difference + stream.normal(0, 0.04, (500, 5)))
    assert c.at == pytest.approx(2.3) and c.found == 1
    assert c.error == pytest.approx(0.1 * np.hypot(0.3, 0.7), rel=0.2)  # 0.04/0.4, straight line between x = 2 and 3


def test_the_plateau_time_is_that_of_the_criterion():
    tau = plateau_time()
    assert np.log10(expected_form_factor("goe", np.array([tau]))[0]) == pytest.approx(-0.08)
    assert plateau_time("gue") == pytest.approx(10**-0.08)


def test_ratios_to_a_law_and_their_errors():
    """Complex Gaussian amplitudes of variance K: the ratio is 1, off by its errors."""
    tau, stream, off = np.geomspace(0.1, 1, 30), np.random.default_rng(3), []
    for _ in range(40):
        Z = np.sqrt(tau / 2) * (stream.normal(size=(25, 30)) + 1j * stream.normal(size=(25, 30)))
        value, error = ratio_to(Amplitudes(tau=tau, Z=Z, norms=np.ones(25)), tau, (0.2, 0.6))
        off.append((value - 1) / error)
    assert abs(np.mean(off)) < 4 / np.sqrt(40) and 0.6 < np.std(off) < 1.5


def test_small_rings(tmp_path):
    rows, figure = transition(tmp_path, sizes=(8, 10), realizations=6)
    points = {(p.L, p.value): p for p in rows if isinstance(p, Point)}
    assert len(points) == 12 and all(p.parameter == "W" and p.realizations == 6 for p in points.values())
    for L in (8, 10):
        assert points[L, 0.5].gap_ratio > points[L, 5.0].gap_ratio
        assert 0 < points[L, 5.0].thouless <= 1
    assert points[10, 1.0].thouless < points[10, 5.0].thouless
    assert [(f.L, f.levels) for f in rows if isinstance(f, Floor)] == [(8, 70), (10, 252)]
    assert [c.quantity for c in rows if isinstance(c, CrossingRow)] == ["r", "t_Th/t_H"]
    assert {r.kind for r in rows if isinstance(r, Judged)} == {"is", "below"}
    assert figure.stat().st_size > 10_000
    text = page(rows).splitlines()
    assert text[0] == "Realizations: 6 at L = 8, 6 at L = 10."
    assert len([line for line in text if re.match(r"\| [\d.]+ \|", line)]) == 6
    assert sum("t_Th/t_H" in line and line.endswith((" holds |", " fails |", " undecided |")) for line in text) >= 3
    jobs = {job.stem: load_job(job) for job in tmp_path.glob("*.toml")}
    assert {job_hash(job) for job in jobs.values()} == {open_result(f).job_hash for f in tmp_path.glob("*.h5")}


def test_a_result_may_hold_more_values_than_are_asked_for(tmp_path):
    """Points belong to the values of the result's own job; values that were not asked for are left out."""

    def swept(*values):
        job = load_job(Path(statistics.__file__).with_name("jobs") / "statistics.toml")
        return replace(job, model=replace(job.model, L=8), sweep=Sweep({"model.W": list(values)}))

    whole = measured(swept(0.5, 2.0, 5.0), 8, tmp_path / "r.h5", silent)
    part = measured(swept(5.0, 0.5), 8, tmp_path / "r.h5", silent)
    assert part.x.tolist() == [5.0, 0.5]
    assert part.gap_ratio[0] == whole.gap_ratio[2] and part.gap_ratio[1] == whole.gap_ratio[0]


def test_a_small_sun(tmp_path):
    rows, figure = sun(tmp_path, sizes=(6, 7), realizations=4)
    points = {(p.L, p.value): p for p in rows if isinstance(p, Point)}
    assert len(points) == 10 and all(p.as_dict()["alpha"] == p.value for p in points.values())
    assert points[7, 0.95].gap_ratio > points[7, 0.5].gap_ratio
    assert figure.stat().st_size > 10_000 and "random matrices" in page(rows)


def test_sizes_without_enough_levels_are_refused(tmp_path):
    for compute, size, words in ((transition, 9, "8, 10, 12"), (transition, 6, "enough levels"), (sun, 4, "6 ... 12")):
        with pytest.raises(JobError, match=words):
            compute(tmp_path, sizes=(size,), realizations=1)
