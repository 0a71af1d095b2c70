"""Families of jobs: what a task is called whatever the job, and the job that covers several."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigbath.job import Ensemble, family, job_hash, parse_job, point_jobs
from bigbath.tasks import coordinates, covering, lasting_names, tasks_of

BASE = {"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole"}, "measure": {"gap_ratio": {}}}

numbers = st.lists(st.sampled_from([0.5, 1, 1.0, 1.5, 2.0, 3.25, 8.0]), min_size=1, max_size=4, unique_by=float)
windows = st.lists(
    st.sampled_from(["whole", {"kind": "whole"}, {"kind": "density", "epsilon": 0.5, "k": 4}]),
    min_size=1,
    max_size=2,
    unique_by=repr,
)
sweeps = st.fixed_dictionaries({"model.W": numbers, "model.g": numbers, "spectrum.window": windows})
ensembles = st.fixed_dictionaries({"first": st.integers(0, 6), "realizations": st.integers(1, 5)})


def job(sweep=None, ensemble=None, **more):
    return parse_job({**BASE, **({"sweep": sweep} if sweep else {}), "ensemble": ensemble or {}, **more})


def described(task, job):
    """All that a task depends on, without numbers of points: its point's whole job, the realization, the shell."""
    point = replace(point_jobs(job)[task.point], ensemble=Ensemble(seed=job.ensemble.seed))
    return point, task.realization, task.shell


@given(sweeps, sweeps, ensembles, ensembles)
def test_tasks_have_one_lasting_name_in_every_job_of_a_family(one, other, first, second):
    a, b = job(one, first), job(other, second)
    assert family(a) == family(b)
    names = [(name, described(task, j)) for j in (a, b) for task, name in lasting_names(j).items()]
    for name, what in names:
        for other_name, other_what in names:
            assert (name == other_name) == (what == other_what)


@given(sweeps, st.lists(sweeps, max_size=2), ensembles, ensembles)
def test_a_covering_job_has_every_task_and_no_value_more(one, others, first, second):
    a, rest = job(one, first), [job(other, second) for other in others]
    cover = covering(a, rest)
    assert family(cover) == family(a)
    assert parse_job(json.loads(json.dumps({**BASE, "sweep": one, "ensemble": first}))) == a
    names = set(lasting_names(cover).values())
    for j in (a, *rest):
        assert set(lasting_names(j).values()) <= names
        assert covering(cover, [j]) is cover
    for key in one:
        everything = [c[key] for j in (a, *rest) for c in coordinates(j)]
        assert all(c[key] in everything for c in coordinates(cover))
    ends = [(j.ensemble.first, j.ensemble.first + j.ensemble.realizations) for j in (a, *rest)]
    assert cover.ensemble.first == min(f for f, _ in ends)
    assert cover.ensemble.first + cover.ensemble.realizations == max(e for _, e in ends)


def test_a_value_in_the_middle_changes_numbers_but_no_names():
    a, b = job({"model.W": [1.0, 8.0]}), job({"model.W": {"start": 1, "stop": 15, "step": 3.5}})
    assert [c["model.W"] for c in coordinates(b)] == [1.0, 4.5, 8.0, 11.5, 15.0]
    kept = {task.point for task, name in lasting_names(b).items() if name in lasting_names(a).values()}
    assert kept == {0, 2}
    assert covering(b, [a]) is b
    assert [c["model.W"] for c in coordinates(covering(job({"model.W": [3.0]}), [a]))] == [1.0, 3.0, 8.0]


def test_a_job_without_sweep_keeps_its_names():
    j = job(ensemble={"first": 2, "realizations": 3})
    assert lasting_names(j) == {task: task.name for task in tasks_of(j)}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"title": "another"}, True),
        ({"ensemble": {"realizations": 7}}, True),
        ({"ensemble": {"first": 7}}, True),
        ({"ensemble": {"seed": 2}}, False),
        ({"model": {"name": "imbrie", "L": 4, "W": 3.0}}, True),  # swept
        ({"model": {"name": "imbrie", "L": 5}}, False),
        ({"spectrum": {"window": "whole", "engine": "dense"}}, False),
        ({"measure": {"gap_ratio": {}, "participation": {}}}, False),
        ({"sweep": {"model.g": [1.0]}}, False),
        ({"sweep": {"model.W": [1.0], "model.g": [1.0]}}, False),
        ({"sweep": {"model": {"W": {"start": 1, "stop": 2, "count": 9}}}}, True),
        ({"accept_unverified": True}, False),
    ],
)
def test_what_makes_a_family(change, same):
    base = {**BASE, "sweep": {"model.W": [1.0, 2.0]}}
    other = parse_job({**base, **change})
    assert (family(other) == family(parse_job(base))) is same
    assert (job_hash(other) == job_hash(parse_job(base))) is (set(change) <= {"title"})


def test_too_many_combinations_do_not_cover():
    many = [float(n) for n in range(1, 401)]
    a, b = job({"model.W": many, "model.g": [1.0]}), job({"model.W": [1.0], "model.g": many})
    with pytest.raises(ValueError, match="160,000 points"):
        covering(a, [b])
