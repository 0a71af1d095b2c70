"""Sweeps and tasks: which points, in which order, under which names."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigbath.errors import JobError
from bigbath.job import job_hash, parse_job, point_jobs, resolved
from bigbath.tasks import Task, coordinates, tasks_of

BASE = {"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole"}}


def job(sweep=None, **more):
    return parse_job({**BASE, **({"sweep": sweep} if sweep else {}), **more})


@given(st.integers(0, 10**6), st.integers(0, 10**7), st.integers(0, 10**4))
def test_a_task_has_one_name(point, realization, shell):
    task = Task(point=point, realization=realization, shell=shell)
    assert Task.parse(task.name) == task


@pytest.mark.parametrize(
    "name", ["", "job", "realization_", "realization_00001_", "shell_000", "realization_1_point_2"]
)
def test_other_names_are_no_tasks(name):
    assert Task.parse(name) is None


def test_a_sweep_is_all_combinations_with_the_last_key_fastest():
    j = job(
        {"model": {"W": [1.0, 2.0], "L": {"start": 3, "stop": 5, "step": 2}}}, ensemble={"realizations": 3, "first": 7}
    )
    assert [(p["model.W"], p["model.L"]) for p in coordinates(j)] == list(itertools.product([1.0, 2.0], [3, 5]))
    points = point_jobs(j)
    assert [(p.model.W, p.model.L) for p in points] == list(itertools.product([1.0, 2.0], [3, 5]))
    assert all(p.sweep is None for p in points)
    assert [(t.point, t.realization) for t in tasks_of(j)] == list(itertools.product(range(4), range(7, 10)))


def test_shells_are_tasks():
    j = job(spectrum={"window": "whole", "engine": "shift-invert", "shells": 4}, ensemble={"realizations": 2})
    assert [(t.realization, t.shell) for t in tasks_of(j)] == list(itertools.product(range(2), range(4)))


def test_a_job_and_its_hash_survive_being_resolved():
    j = job({"model": {"W": {"start": 1.0, "stop": 8.0, "count": 4, "log": True}, "g": [0.1, 0.2]}})
    assert parse_job(resolved(j)) == j
    assert job_hash(parse_job(resolved(j))) == job_hash(j)
    assert coordinates(j)[-1]["model.W"] == pytest.approx(8.0)
    assert coordinates(j)[2]["model.W"] == pytest.approx(2.0)
    assert job_hash(job()) != job_hash(j)


def test_whole_tables_can_be_swept():
    windows = [{"kind": "density", "epsilon": 0.5, "k": 4}, "whole"]
    points = point_jobs(job({"spectrum.window": windows}))
    assert [p.spectrum.window.kind for p in points] == ["density", "whole"]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"model": {"V": [1.0]}}, "model.V: unknown key"),
        ({"model": {"W": [1.0, -1.0]}}, "sweep, at model.W = -1.0"),
        ({"modl": {"W": [1.0]}}, "modl.W: a sweep is over keys of"),
        ({"ensemble": {"seed": [1, 2]}}, "ensemble.seed: a sweep is over keys of"),
        ({"model": {"W": {"start": 1, "stop": 2}}}, "sweep.model.W: a range needs either count or step"),
        ({"model": {"W": {"start": 1, "stop": 2, "count": 2, "step": 1}}}, "either count or step"),
        ({"model": {"W": {"start": 1, "stop": 2, "step": -1}}}, "does not lead from"),
        ({"model": {"W": {"start": 0, "stop": 2, "count": 3, "log": True}}}, "positive ends"),
        ({"model": {"W": {"start": 0, "stop": 2, "cuont": 3}}}, "did you mean 'count'"),
        ({"model": {"W": []}}, "the list of values is empty"),
        ({"model": {"W": [1.0, 2.0, 1]}}, "model.W: 1 stands twice"),
        ({"model": {"W": 3.0}}, "sweep.model.W: must be a list"),
        ({"model": {"W": [*range(400)], "g": [*range(400)]}}, "160,000 points"),
    ],
)
def test_wrong_sweeps_are_refused_with_their_key(sweep, message):
    with pytest.raises(JobError) as error:
        job(sweep)
    assert message in str(error.value)


def test_shells_need_a_window_that_can_be_cut():
    with pytest.raises(JobError, match="shells cut"):
        job(spectrum={"window": {"kind": "nearest", "k": 3}, "shells": 2})
    with pytest.raises(JobError, match="leave shells out"):
        job(spectrum={"window": "whole", "engine": "dense", "shells": 2})
