"""Results that grow, and results that must not be lost: jobs of one family and of others at the same output."""

import json
import os
import random
import shutil
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from support import assert_same_numbers, bigbath, bigbath_command, clean_environment, one_thread

from bigbath.cluster import run as run_module
from bigbath.cluster.realize import measured
from bigbath.cluster.run import merge, run
from bigbath.cluster.status import status_of
from bigbath.errors import FileError
from bigbath.job import load_job, parse_job, resolved
from bigbath.store import Shards, open_result, open_run
from bigbath.store.seal import seal
from bigbath.tasks import tasks_of

LONG = bool(os.environ.get("BIGBATH_LONG"))


def job(realizations=3, first=0, W=None, **model):
    return parse_job(
        {
            "model": {"name": "imbrie", "L": 4, **model},
            "spectrum": {"window": "whole", "engine": "dense"},
            "measure": {"gap_ratio": {}, "participation": {}},
            "ensemble": {"seed": 5, "realizations": realizations, "first": first},
            **({"sweep": {"model.W": W}} if W else {}),
        }
    )


def toml(directory, text="realizations = 3", L=4):
    path = directory / f"job_{L}_{len(list(directory.iterdir()))}.toml"
    path.write_text(
        f'[model]\nname = "imbrie"\nL = {L}\n[spectrum]\nwindow = "whole"\nengine = "dense"\n[measure.gap_ratio]\n[ensemble]\n{text}\n'
    )
    return path


@pytest.fixture
def computed(monkeypatch):
    """(W, realization) of what is computed from now on."""
    found = []

    def counted(shared, *rest):
        found.append((shared.job.model.W, shared.number))
        return measured(shared, *rest)

    monkeypatch.setattr(run_module, "measured", counted)
    return found


@pytest.fixture
def meanwhile(monkeypatch):
    """Something to do once, while the first task is at work."""

    def do(action):
        waiting = [action]

        def disturbed(*arguments):
            if waiting:
                waiting.pop()()
            return measured(*arguments)

        monkeypatch.setattr(run_module, "measured", disturbed)

    return do


def assert_is(path, whole, tmp_path):
    """The file holds the tasks of ``whole`` with the numbers of a run in one go, and nothing is left beside it."""
    run(whole, tmp_path / "in_one_go.h5")
    expected = open_result(tmp_path / "in_one_go.h5")
    (tmp_path / "in_one_go.h5").unlink()
    found = open_result(path)
    assert found.job == whole
    assert_same_numbers(found, expected)
    assert not path.with_name(path.name + ".parts").exists()


def test_an_ensemble_grows_by_what_is_missing(tmp_path, computed):
    output = tmp_path / "out.h5"
    run(job(4), output)
    assert run(job(6), output) == "done"
    assert [r for _, r in computed] == [0, 1, 2, 3, 4, 5]
    before = output.read_bytes()
    for fewer in (job(6), job(4), job(2, first=3)):
        assert run(fewer, output) == "was done"
    assert output.read_bytes() == before
    assert run(job(3, first=5), output) == "done"  # what was there stays there
    assert [r for _, r in computed[6:]] == [6, 7]
    assert_is(output, job(8), tmp_path)


def test_a_sweep_grows_in_the_middle(tmp_path, computed):
    output = tmp_path / "out.h5"
    run(job(2, W=[1.0, 8.0]), output)
    first = open_result(output)
    assert run(job(3, W=[0.5, 1.0, 2.0, 8.0]), output) == "done"
    new = computed[4:]
    assert sorted(new) == [(0.5, 0), (0.5, 1), (0.5, 2), (1.0, 2), (2.0, 0), (2.0, 1), (2.0, 2), (8.0, 2)]
    old = open_result(output).dataset.sel(W=[1.0, 8.0], realization=[0, 1])
    assert np.array_equal(old.energy, first.dataset.energy)
    assert_is(output, job(3, W=[0.5, 1.0, 2.0, 8.0]), tmp_path)


def test_an_interrupted_run_goes_on_as_a_larger_one(tmp_path, computed):
    output = tmp_path / "out.h5"
    assert run(job(2, W=[1.0, 8.0]), output, share=(0, 2)) == "share done"
    done = set(computed)
    assert run(job(3, W=[4.0, 1.0, 8.0]), output) == "done"
    assert len(computed) == 9 and done.isdisjoint(computed[2:])
    assert_is(output, job(3, W=[4.0, 1.0, 8.0]), tmp_path)


def test_growth_in_random_steps_ends_as_one_run(tmp_path):
    """Shares, interruptions, merges in part and larger jobs in any order: each task once, the same numbers."""
    dice = random.Random(2)
    values = [0.5, 1.0, 2.0, 3.0, 8.0]
    for number in range(20 if LONG else 2):
        output = tmp_path / f"{number}.h5"
        for _ in range(5):
            some = job(dice.randrange(1, 4), dice.randrange(3), W=dice.sample(values, dice.randrange(1, 4)))
            before = {name for name, _ in names(output)}
            run(some, output, share=dice.choice([(0, 1), (0, 2), (1, 2)]))
            if dice.random() < 0.4:
                merge(output, partial=True)
            assert before <= {name for name, _ in names(output)}
        whole = job(5, W=values)
        run(whole, output)
        assert_is(output, whole, tmp_path)


def names(output):
    """Parameters and realization of all tasks that are there, with their energies."""
    try:
        result = open_run(output)
    except FileError:
        return set()
    points = result.job.sweep.points()
    return {
        ((points[task.point]["model.W"], task.realization), ds.energy.values.tobytes())
        for task, ds in result.tasks.items()
    }


def test_merge_joins_results_of_one_family_only(tmp_path):
    parts = [job(2, W=[1.0]), job(3, first=1, W=[1.0]), job(4, W=[8.0])]
    for i, part in enumerate(parts):
        run(part, tmp_path / f"{i}.h5")
    paths = [tmp_path / f"{i}.h5" for i in range(3)]
    before = [p.read_bytes() for p in paths]
    assert not merge(tmp_path / "all.h5", others=paths).missing
    assert [p.read_bytes() for p in paths] == before
    assert_is(tmp_path / "all.h5", job(4, W=[1.0, 8.0]), tmp_path)
    run(job(1, W=[1.0], L=3), tmp_path / "other.h5")
    before = (tmp_path / "all.h5").read_bytes()
    refused = bigbath("merge", tmp_path / "all.h5", tmp_path / "other.h5")
    assert refused.returncode == 5 and "another job" in refused.stderr
    assert (tmp_path / "all.h5").read_bytes() == before
    run(job(2, first=8, W=[1.0]), tmp_path / "far.h5")
    with pytest.raises(FileError, match="10 task"):
        merge(tmp_path / "all.h5", others=[tmp_path / "far.h5"])
    merge(tmp_path / "all.h5", partial=True, others=[tmp_path / "far.h5"])
    status = status_of(tmp_path / "all.h5")
    assert (status["state"], status["tasks"], len(status["done"])) == ("merged in part", 20, 10)


def test_merge_does_not_replace_the_result_of_another_job(tmp_path):
    output = tmp_path / "out.h5"
    run(job(3, L=5), output, share=(0, 3))
    run(job(2), tmp_path / "a.h5")
    shutil.copy(tmp_path / "a.h5", output)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.h5") if p.is_file()}
    for act in (
        merge,
        status_of,
        open_run,
        lambda path: merge(path, partial=True),
        lambda path: run(job(3, L=5), path),
    ):
        with pytest.raises(FileError, match="another job"):
            act(output)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*.h5") if p.is_file()} == before


def test_a_result_that_appears_meanwhile_is_not_overwritten(tmp_path, meanwhile):
    run(job(2, L=5), tmp_path / "a.h5")
    output = tmp_path / "out.h5"
    meanwhile(lambda: shutil.copy(tmp_path / "a.h5", output))
    with pytest.raises(FileError, match="another job"):
        run(job(3), output)
    assert output.read_bytes() == (tmp_path / "a.h5").read_bytes()
    output.rename(tmp_path / "elsewhere.h5")
    assert run(job(3), output) == "done"  # its own shards were kept
    assert_is(output, job(3), tmp_path)


def test_a_result_of_the_family_that_appears_meanwhile_is_joined(tmp_path, meanwhile):
    run(job(2, first=4), tmp_path / "a.h5")
    output = tmp_path / "out.h5"
    meanwhile(lambda: shutil.copy(tmp_path / "a.h5", output))
    assert run(job(4), output) == "done"
    assert_is(output, job(6), tmp_path)


def test_an_edited_job_that_is_started_while_the_first_is_at_work_is_refused(tmp_path, meanwhile):
    output, edited = tmp_path / "out.h5", toml(tmp_path, L=3)
    endings = []
    meanwhile(lambda: endings.append(bigbath("run", edited, "-o", output)))
    assert run(job(3), output) == "done"
    assert endings[0].returncode == 5 and "at work" in endings[0].stderr
    assert_is(output, job(3), tmp_path)


def test_an_edited_job_takes_over_when_nothing_was_done(tmp_path):
    def killed(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run_module, "measured", killed)
        run(job(3), tmp_path / "out.h5")
    assert run(job(2, L=3), tmp_path / "out.h5") == "done"
    assert_is(tmp_path / "out.h5", job(2, L=3), tmp_path)


def test_a_directory_given_to_another_job_stops_the_first(tmp_path, meanwhile):
    """As on file systems where locks of other machines cannot be seen."""
    output, other = tmp_path / "out.h5", job(2, L=3)
    record = tmp_path / "out.h5.parts" / "job.json"
    meanwhile(lambda: record.write_text(json.dumps(resolved(other))))
    with pytest.raises(FileError, match="now belongs to a run of another job"):
        run(job(3), output)
    assert not output.exists()
    assert [p.name for p in record.parent.iterdir()] == ["job.json"]
    assert run(other, output) == "done"


@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"{", b"[]", b"null", b"\xff\xfe", None])
def test_a_damaged_record_of_the_job_is_rebuilt(tmp_path, content):
    output = tmp_path / "out.h5"
    run(job(3), output, share=(0, 3))
    record = tmp_path / "out.h5.parts" / "job.json"

    def damage():
        record.unlink(missing_ok=True)
        if content is not None:
            record.write_bytes(content)

    damage()
    assert len(status_of(output)["done"]) == len(open_run(output).tasks) == 1
    with pytest.raises(FileError, match="2 task"):
        merge(output)
    with pytest.raises(FileError, match="another job"):
        run(job(3, L=3), output)
    assert run(job(3), output, share=(1, 3)) == "share done"
    assert json.loads(record.read_text()) == resolved(job(3))
    damage()
    assert run(job(3), output) == "done"
    assert_is(output, job(3), tmp_path)
    record.parent.mkdir()
    (tmp_path / "out.h5").unlink()
    damage()
    with pytest.raises(FileError, match="there is no result file"):
        status_of(output)
    assert run(job(2, L=3), output) == "done"


def test_a_result_whose_job_meant_something_else_opens_but_is_not_extended(tmp_path):
    output = tmp_path / "out.h5"
    run(job(2), output)
    with h5py.File(output, "a") as file:
        file.attrs["job_hash"] = "0123456789abcdef"
    seal(output)
    assert len(open_result(output).tasks) == 2
    before = output.read_bytes()
    with pytest.raises(FileError, match="another version"):
        run(job(3), output)
    assert output.read_bytes() == before


def test_shards_that_a_killed_run_left_beside_its_result_are_removed(tmp_path):
    output = tmp_path / "out.h5"
    run(job(3), output, share=(0, 3))
    kept = {p.name: p.read_bytes() for p in (tmp_path / "out.h5.parts").iterdir()}
    run(job(3), output)
    (tmp_path / "out.h5.parts").mkdir()
    for name, content in kept.items():
        (tmp_path / "out.h5.parts" / name).write_bytes(content)
    assert status_of(output)["state"] == "whole"
    assert run(job(3), output) == "was done"
    assert_is(output, job(3), tmp_path)


SLOWLY = """
import json, sys, time
import bigbath.cluster.run as module
from bigbath.job import parse_job
measured, pause = module.measured, float(sys.argv[3])
module.measured = lambda *arguments: (time.sleep(pause), measured(*arguments))[1]
print(module.run(parse_job(json.loads(sys.argv[1])), sys.argv[2]))
"""


def start(some, output, pause):
    command = [sys.executable, "-c", SLOWLY, json.dumps(resolved(some)), str(output), str(pause)]
    return subprocess.Popen(command, env=clean_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("others", [(3, 6)] + [(3, 3), (6, 3), (4, 4), (2, 7)] * LONG)
def test_two_runs_at_once_both_end_well(tmp_path, others):
    output, dice = tmp_path / "out.h5", random.Random(sum(others))
    running = []
    for realizations in others:
        running.append(start(job(realizations), output, dice.uniform(0.1, 0.4)))
        time.sleep(dice.uniform(0, 0.5))
    for process in running:
        text, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
        assert text.strip() in ("done", "was done")
    assert_is(output, job(max(others)), tmp_path)


@pytest.mark.skipif(not LONG, reason="BIGBATH_LONG=1")
def test_three_processes_of_the_command_line_at_once(tmp_path):
    """Members of an array that write the same result without shares, and one that merges in part all the time."""
    file = toml(tmp_path, "realizations = 8")
    output = tmp_path / "out.h5"
    running = [
        subprocess.Popen(
            bigbath_command("run", file, "-o", output), env=one_thread(), stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    while any(process.poll() is None for process in running):
        try:
            merge(output, partial=True)
        except FileError as error:
            assert "there is no result file" in str(error)
        time.sleep(0.05)
    for process in running:
        assert process.communicate()[1] == "" and process.returncode == 0
    merge(output)
    assert len(open_result(output).tasks) == 8
    assert not Shards(output, load_job(file)).directory.exists()
    assert set(open_result(output).tasks) == set(tasks_of(load_job(file)))
