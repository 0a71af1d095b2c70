"""Runs: resumed after a kill, refused where they would damage something, realizations independent of each other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
from support import assert_same_numbers, clean_environment, dense, hamiltonian_of

from bigbath.cluster import run as run_module
from bigbath.cluster.estimate import estimate
from bigbath.cluster.realize import measured, realize
from bigbath.cluster.run import merge, run, share_of_array
from bigbath.cluster.schedule import Scheduler
from bigbath.cluster.status import status_of
from bigbath.cluster.stop import listening
from bigbath.cluster.workers import work
from bigbath.errors import FileError, JobError, Stopped
from bigbath.job import parse_job, resolved
from bigbath.progress import silent
from bigbath.store import Shards, open_result
from bigbath.tasks import Task


def job(realizations=3, first=0, L=5, **more):
    return parse_job(
        {
            "model": {"name": "imbrie", "L": L},
            "spectrum": {"window": {"kind": "density", "epsilon": 0.5, "k": 30}, "engine": "dense"},
            "bath": {"window": {"kind": "density", "epsilon": 0.5, "k": 4}, "engine": "dense"},
            "measure": {"distribution": {"shell_width": 0.3, "keep": True, "fit": "none"}, "gap_ratio": {}},
            "ensemble": {"seed": 5, "realizations": realizations, "first": first},
            **more,
        }
    )


def same_numbers(a, b):
    """Bitwise equal arrays (timings, kept as attributes, differ)."""
    assert set(a.variables) == set(b.variables)
    for name in a.variables:
        x, y = a[name].values, b[name].values
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes() or (x.dtype.kind in "OUT" and list(x) == list(y)), name


def files_below(directory):
    return {p.relative_to(directory): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_a_run_writes_what_it_computes(tmp_path):
    assert run(job(), tmp_path / "out.h5") == "done"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5"]
    result = open_result(tmp_path / "out.h5")
    assert list(result.realizations) == [0, 1, 2]
    for r, ds in result.realizations.items():
        energies = np.linalg.eigvalsh(dense(hamiltonian_of(job().model, seed=5, realization=r).matrix))
        assert ds.sizes["state"] == 30
        assert np.abs(ds.energy.values[:, None] - energies).min(axis=1).max() < 1e-10
        assert np.allclose(ds.p.sum("state"), ds.norm, atol=1e-12)
        assert result.evidence(r)["complete"] == result.evidence(r, "bath")["complete"] == "yes"
        assert ds.attrs["E_min"] == pytest.approx(energies[0], abs=1e-9)


def test_a_run_that_was_done_is_not_repeated(tmp_path, monkeypatch):
    output = tmp_path / "out.h5"
    run(job(), output)
    before = output.read_bytes()

    def never(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(run_module, "measured", never)
    assert run(job(), output) == "was done"
    assert run(job(title="the same numbers under another title"), output) == "was done"
    assert output.read_bytes() == before


def test_an_output_of_another_job_is_left_alone(tmp_path):
    output = tmp_path / "out.h5"
    run(job(1), output)
    before = files_below(tmp_path)
    for other in (job(1, L=4), job(1, ensemble={"seed": 6}), job(1, sweep={"model": {"W": [2.0]}})):
        with pytest.raises(FileError, match="another job; choose another name with -o"):
            run(other, output)
        assert files_below(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"my thesis", None])
def test_a_damaged_output_is_left_alone(tmp_path, content):
    output = tmp_path / "out.h5"
    run(job(1), output)
    output.write_bytes(output.read_bytes()[:-200] if content is None else content)
    before = files_below(tmp_path)
    with pytest.raises(FileError, match="left as it is"):
        run(job(1), output)
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("below", ["file/out.h5", "file/deeper/out.h5"])
def test_an_unwritable_output_is_refused_before_work(tmp_path, below, monkeypatch):
    (tmp_path / "file").write_text("a regular file")

    def never(*_):
        raise AssertionError("work was started")

    monkeypatch.setattr(run_module, "measured", never)
    with pytest.raises(FileError, match="cannot"):
        run(job(), tmp_path / below)
    assert files_below(tmp_path) == {(tmp_path / "file").relative_to(tmp_path): b"a regular file"}


def test_realizations_do_not_depend_on_how_many_are_run(tmp_path):
    run(job(4), tmp_path / "four.h5")
    run(job(2, first=2), tmp_path / "two.h5")
    four, two = (open_result(tmp_path / name).realizations for name in ("four.h5", "two.h5"))
    assert list(two) == [2, 3]
    for r in two:
        same_numbers(two[r], four[r])
    same_numbers(realize(job(1), 3), four[3].drop_attrs())
    assert not np.array_equal(four[0].energy, four[1].energy)


def test_an_interruption_loses_only_the_realization_at_work(tmp_path, monkeypatch):
    run(job(4), tmp_path / "undisturbed.h5")
    done = []

    def interrupted(shared, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shared.number)
        return measured(shared, *rest)

    monkeypatch.setattr(run_module, "measured", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(job(4), tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()
    rest = []
    monkeypatch.setattr(
        run_module, "measured", lambda shared, *more: rest.append(shared.number) or measured(shared, *more)
    )
    assert run(job(4), tmp_path / "out.h5") == "done"
    assert (done, rest) == ([0, 1], [2, 3])
    a, b = (open_result(tmp_path / name).realizations for name in ("undisturbed.h5", "out.h5"))
    for r in range(4):
        same_numbers(a[r], b[r])


def test_a_damaged_or_foreign_shard_is_computed_again(tmp_path, monkeypatch):
    run(job(2), tmp_path / "undisturbed.h5")
    parts = tmp_path / "out.h5.parts"
    for i in range(2):
        run(job(2), tmp_path / "out.h5", share=(i, 2))
    shard = parts / "realization_00000.h5"
    shard.write_bytes(shard.read_bytes()[:-500])
    (parts / "realization_00001.h5").unlink()
    run(job(2, L=4), tmp_path / "small.h5", share=(1, 2))
    (tmp_path / "small.h5.parts" / "realization_00001.h5").rename(parts / "realization_00001.h5")
    again = []
    monkeypatch.setattr(
        run_module, "measured", lambda shared, *more: again.append(shared.number) or measured(shared, *more)
    )
    run(job(2), tmp_path / "out.h5")
    assert again == [0, 1]
    a, b = (open_result(tmp_path / name).realizations for name in ("undisturbed.h5", "out.h5"))
    for r in range(2):
        same_numbers(a[r], b[r])


CODE = """
import json, sys, time
import bigbath.cluster.run as module
from bigbath.job import parse_job
measured = module.measured
def slowly(*arguments):
    time.sleep(0.3)
    return measured(*arguments)
module.measured = slowly
module.run(parse_job(json.loads(sys.argv[1])), sys.argv[2])
"""


def test_a_killed_run_goes_on_and_equals_an_undisturbed_one(tmp_path):
    """SIGKILL in mid-ensemble; the run is repeated and its arrays are bitwise those of a run in one go."""
    whole, output = job(6), tmp_path / "out.h5"
    command = [sys.executable, "-c", CODE, json.dumps(resolved(whole)), str(output)]
    process = subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE)
    parts = tmp_path / "out.h5.parts"
    deadline = time.monotonic() + 100
    while len(list(parts.glob("*.h5"))) < 2:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not output.exists()
    finished = {p.name: p.read_bytes() for p in parts.glob("*.h5")}
    assert 2 <= len(finished) < 6
    kept = []
    original = run_module.measured
    run_module.measured = lambda shared, *more: kept.append(shared.number) or original(shared, *more)
    try:
        run(whole, output)
    finally:
        run_module.measured = original
    assert len(kept) == 6 - len(finished)
    run(whole, tmp_path / "undisturbed.h5")
    a, b = (open_result(p).realizations for p in (tmp_path / "undisturbed.h5", output))
    for r in range(6):
        same_numbers(a[r], b[r])
    assert not parts.exists()


def test_a_distribution_without_initial_states_is_a_job_error(tmp_path):
    with pytest.raises(JobError, match=r"\[bath\]"):
        realize(
            parse_job(
                {"model": {"name": "imbrie", "L": 3}, "spectrum": {"window": "whole"}, "measure": {"distribution": {}}}
            ),
            0,
        )


def test_the_gap_ratio_is_the_spectrums():
    ds = realize(job(1), 0)
    s = np.diff(np.sort(ds.energy.values))
    expected = np.mean(np.minimum(s[1:], s[:-1]) / np.maximum(s[1:], s[:-1]))
    assert ds.gap_ratio.values == pytest.approx([expected], abs=1e-12)
    assert isinstance(ds, xr.Dataset)


@pytest.mark.petsc
def test_the_estimate_is_what_the_factorisation_uses():
    from bigbath.solvers import petsc
    from bigbath.spaces import sectors

    for model, symmetries in (({"name": "imbrie", "L": 10}, None), ({"name": "ring", "N": 12}, ["reflection"])):
        window = {"kind": "density", "epsilon": 0.5, "k": 10}
        whole = parse_job(
            {"model": model, "spectrum": {"window": window, "engine": "shift-invert", "symmetries": symmetries}}
        )
        (part,) = estimate(whole).parts
        h = hamiltonian_of(whole.model)
        largest = max(sectors(h, use=whole.spectrum.symmetries), key=lambda s: s.dim)
        assert (part.dim, part.largest_sector, part.engine) == (h.dim, largest.dim, "shift-invert")
        assert part.nnz >= h.matrix.nnz
        assert part.factor == "mumps"
        inertia = petsc.Inertia(petsc.distribute(largest.restrict(h.matrix), None)[0])
        inertia.below(0.3)
        entries = inertia._pc.getFactorMatrix().getMumpsInfog(29)
        true = -entries * 10**6 if entries < 0 else entries
        assert abs(part.factor_entries - true) <= 0.3 * true


def test_the_shards_of_another_job_are_left_alone(tmp_path):
    output = tmp_path / "out.h5"
    assert run(job(3), output, share=(0, 3)) == "share done"
    before = files_below(tmp_path)
    with pytest.raises(FileError, match="unfinished run of another job"):
        run(job(3, L=4), output)
    assert files_below(tmp_path) == before
    next((tmp_path / "out.h5.parts").glob("*.h5")).unlink()
    assert run(job(3, L=4), output) == "done"  # nothing of the other job was done


def test_a_survey_tells_what_is_wrong_with_shards(tmp_path):
    output = tmp_path / "out.h5"
    for i in (0, 1):
        run(job(3), output, share=(i, 3))
    parts = tmp_path / "out.h5.parts"
    first, second = sorted(parts.glob("*.h5"))
    shutil.copy(first, parts / "copy.h5")
    second.write_bytes(second.read_bytes()[:-1])
    run(job(1, L=4), tmp_path / "other.h5")
    shutil.copy(tmp_path / "other.h5", parts / "other.h5")
    survey = Shards(output, job(3)).survey()
    assert list(survey.done.values()) == [parts / "copy.h5"]
    assert (survey.corrupt, survey.foreign, survey.duplicate) == ((second,), (parts / "other.h5",), (first,))
    assert len(survey.missing) == 2
    with pytest.raises(FileError, match=r"2 task\(s\) are missing"):
        merge(output)
    status = status_of(output)
    assert (status["state"], len(status["done"]), len(status["missing"])) == ("unfinished", 1, 2)
    assert [len(status[kind]) for kind in ("corrupt", "foreign", "duplicate")] == [1, 1, 1]
    assert run(job(3), output) == "done"
    assert (parts / "other.h5").exists()  # what is not ours is not removed
    run(job(3), tmp_path / "undisturbed.h5")
    assert_same_numbers(open_result(output), open_result(tmp_path / "undisturbed.h5"))
    before = output.read_bytes()
    shutil.rmtree(parts)
    merge(output)
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        (None, {}, (0, 1)),
        ("3/16", {}, (3, 16)),
        (None, {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "3"}, (2, 4)),
        ("1/2", {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2"}, (1, 2)),
        (None, {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MIN": "3", "SLURM_ARRAY_TASK_MAX": "7"}, "--share"),
        ("16/16", {}, "0 <= I < N"),
        ("a/b", {}, "0 <= I < N"),
    ],
)  # fmt: skip
def test_which_share_a_member_of_an_array_does(text, environment, expected):
    if isinstance(expected, str):
        with pytest.raises(JobError, match=expected):
            share_of_array(text, environment)
    else:
        assert share_of_array(text, environment) == expected


def test_the_scalar_type_is_recorded():
    assert realize(job(1), 0).attrs["scalar_type"] == "float64"


def test_a_stop_that_compiled_code_makes_another_error_of_is_no_failure_of_the_task():
    begun, failed = [], []

    def compute(task, group):
        begun.append(task)
        try:
            signal.raise_signal(signal.SIGTERM)
        except Stopped as error:
            raise SystemError("returned a result with an exception set") from error

    scheduler = Scheduler([Task(realization=r) for r in range(3)], lambda task: 1.0)
    with listening() as stop, pytest.raises(Stopped, match="SIGTERM"):
        work(scheduler, compute, lambda *failure: failed.append(failure), None, 1, stop, silent)
    assert len(begun) == 1 and not failed
