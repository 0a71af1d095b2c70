"""Windows of a sweep share the matrix of their realization, and are what each is alone."""

import numpy as np
from support import assert_same_numbers

from bigbath.cluster import run as run_module
from bigbath.cluster.realize import matrix_key, prepare, realize
from bigbath.cluster.run import run
from bigbath.cluster.schedule import Scheduler
from bigbath.job import parse_job, point_jobs
from bigbath.store import open_result
from bigbath.tasks import Task

JOB = {
    "model": {"name": "xxz", "L": 10, "W": 1.0},
    "spectrum": {"window": {"kind": "density", "k": 12}, "engine": "filter", "sector": {"magnetisation": 0}},
    "measure": {"gap_ratio": {}},
    "ensemble": {"realizations": 2},
}


def test_windows_of_a_sweep_share_what_is_made_once(tmp_path, monkeypatch):
    swept = {"model.W": [0.5, 2.0], "spectrum.window.epsilon": [0.3, 0.5, 0.7], "spectrum.vectors": [True, False]}
    job = parse_job({**JOB, "sweep": swept})
    made = []
    monkeypatch.setattr(run_module, "prepare", lambda *a: made.append(a[1]) or prepare(*a))
    assert run(job, tmp_path / "together.h5") == "done"
    assert made == [0, 1, 0, 1]
    together = open_result(tmp_path / "together.h5")
    for number, point in enumerate(point_jobs(job)):
        for realization in range(2):
            alone, here = realize(point, realization), together.tasks[Task(point=number, realization=realization)]
            np.testing.assert_array_equal(alone.energy, here.energy)
            np.testing.assert_array_equal(alone.gap_ratio, here.gap_ratio)


def test_shares_of_such_a_sweep_give_the_same_result(tmp_path):
    job = parse_job({**JOB, "sweep": {"spectrum.window.epsilon": [0.3, 0.5, 0.7]}})
    run(job, tmp_path / "one.h5")
    for share in range(2):
        assert run(job, tmp_path / "two.h5", share=(share, 2)) == "share done"
    assert run(job, tmp_path / "two.h5") == "done"
    assert_same_numbers(open_result(tmp_path / "one.h5"), open_result(tmp_path / "two.h5"))


def test_points_that_differ_in_more_than_the_window_share_nothing():
    def key(**changes):
        data = {**JOB, "spectrum": {**JOB["spectrum"], **changes.pop("spectrum", {})}}
        return matrix_key(parse_job({**data, **changes}))

    window = {"window": {"kind": "density", "epsilon": 0.2, "k": 5}}
    assert key() == key(spectrum=window) == key(measure={"spacings": {}})
    others = [
        key(model={"name": "xxz", "L": 10, "W": 1.1}),
        key(spectrum={"sector": {"magnetisation": 2}}),
        key(spectrum={"symmetries": []}),
        key(ensemble={"seed": 2}),
        key(bath={"window": "whole"}),
    ]
    assert len({key(), *others}) == 6


def test_tasks_of_one_matrix_go_to_those_who_have_it():
    tasks = [Task(point=point, realization=realization) for point in range(3) for realization in range(2)]
    scheduler = Scheduler(tasks, lambda t: 1.0, lambda t: (0, t.realization))
    a, b = scheduler.next(), scheduler.next()
    assert a.realization != b.realization
    for _ in range(2):
        for last in (a, b):
            scheduler.finish(last)
        before = a.realization, b.realization
        a, b = scheduler.next(a), scheduler.next(b)
        assert (a.realization, b.realization) == before
    assert not scheduler.left
