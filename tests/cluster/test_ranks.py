"""Real MPI ranks: the same numbers from any number of them, failures noted, signals heard, no hang."""

import os
import signal
import subprocess
import time

import numpy as np
import psutil
import pytest
from support import assert_same_numbers, bigbath, bigbath_command, one_thread

from bigbath.cluster.run import run
from bigbath.job import load_job
from bigbath.store import open_run
from bigbath.tasks import Task

ENSEMBLE = """
[model]
name = "imbrie"
L = 5
[spectrum]
window = { kind = "density", epsilon = 0.5, k = 30 }
engine = "dense"
[bath]
window = { kind = "density", epsilon = 0.5, k = 4 }
engine = "dense"
[measure.distribution]
shell_width = 0.3
keep = true
fit = "none"
[measure.gap_ratio]
[measure.entanglement]
cuts = [[0, 1, 2]]
[sweep]
model.W = [1.0, 8.0]
[ensemble]
seed = 5
realizations = 20
"""

SHARED = """
[model]
name = "imbrie"
L = 8
[spectrum]
window = { kind = "density", epsilon = 0.5, k = 30 }
engine = "shift-invert"
[measure.gap_ratio]
[measure.participation]
[measure.entanglement]
cuts = [[0, 1, 2]]
[measure.observables]
[ensemble]
realizations = 3
"""


def write(path, text):
    path.write_text(text)
    return path


def test_forty_tasks_on_any_number_of_ranks_and_in_shares(tmp_path):
    job = write(tmp_path / "job.toml", ENSEMBLE)
    assert run(load_job(job), tmp_path / "one.h5") == "done"
    reference = open_run(tmp_path / "one.h5")
    assert len(reference.tasks) == 40
    for ranks in (2, 3, 4):
        output = tmp_path / f"{ranks}.h5"
        process = bigbath("run", job, "-o", output, ranks=ranks)
        assert process.returncode == 0, process.stderr
        assert f"bigbath: {ranks} rank(s) x 1 thread(s)" in process.stderr
        assert_same_numbers(reference, open_run(output))
    process = bigbath("run", job, "-o", tmp_path / "aside.h5", ranks=3, MPI4PY_RC_THREAD_LEVEL="single")
    assert process.returncode == 0, process.stderr
    assert_same_numbers(reference, open_run(tmp_path / "aside.h5"))  # rank 0 could only hand out tasks
    for i in (2, 0, 3, 1):
        assert run(load_job(job), tmp_path / "shares.h5", share=(i, 4)) == "share done"
    assert bigbath("merge", tmp_path / "shares.h5").returncode == 0
    assert_same_numbers(reference, open_run(tmp_path / "shares.h5"))
    data = reference.dataset
    assert data.sizes["W"] == 2 and data.sizes["realization"] == 20
    average = reference.average("gap_ratio")
    values = np.array(
        [[reference.tasks[Task(point=p, realization=r)].gap_ratio[0] for r in range(20)] for p in range(2)]
    )
    assert np.allclose(average["mean"][:, 0], values.mean(1))
    assert np.allclose(average["error"][:, 0], values.std(1, ddof=1) / np.sqrt(20))


@pytest.mark.alone
@pytest.mark.petsc
def test_a_shared_factorisation_gives_the_same_measurements(tmp_path):
    job = write(tmp_path / "job.toml", SHARED)
    run(load_job(job), tmp_path / "one.h5")
    process = bigbath("run", job, "-o", tmp_path / "two.h5", "--ranks-per-task", 2, ranks=3)
    assert process.returncode == 0, process.stderr
    assert_same_numbers(open_run(tmp_path / "one.h5"), open_run(tmp_path / "two.h5"), 1e-10)


def test_failed_tasks_are_noted_and_the_others_done(tmp_path):
    """At W = 0 the energy 9 lies outside the spectrum of some chains, which is no fault of the other tasks."""
    text = ENSEMBLE.replace('kind = "density", epsilon = 0.5, k = 30', 'kind = "nearest", target = 9.0, k = 4', 1)
    job, output = write(tmp_path / "job.toml", text), tmp_path / "out.h5"
    process = bigbath("run", job, "-o", output, ranks=2)
    assert process.returncode == 7, process.stderr
    assert "lies outside the spectrum" in process.stderr
    assert not output.exists()
    status = bigbath("status", output)
    assert status.returncode == 7
    failed = status.stdout.count("failed:")
    partial = open_run(output)
    assert failed > 0 and 0 < len(partial.tasks) == 40 - failed
    for task in partial.tasks:
        assert partial.tasks[task].energy.size == 4
    merge = bigbath("merge", output)
    assert merge.returncode == 5 and f"{failed} failed" in merge.stderr
    assert bigbath("merge", output, "--partial").returncode == 0
    assert_same_numbers(open_run(output), partial)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out.h5.parts").glob("*.h5")}
    again = bigbath("run", job, "-o", output, "--retry-failed")
    assert again.returncode == 7
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out.h5.parts").glob("*.h5")} == before


def begun(tmp_path, ranks):
    """A run at work on ``ranks``, of which a few tasks are done."""
    text = ENSEMBLE.replace("L = 5", "L = 8").replace("realizations = 20", "realizations = 200")
    job, output = write(tmp_path / "job.toml", text), tmp_path / "out.h5"
    process = subprocess.Popen(
        bigbath_command("run", job, "-o", output, ranks=ranks), env=one_thread(), stderr=subprocess.PIPE, text=True
    )
    parts = tmp_path / "out.h5.parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("*.h5"))) < 4:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process, parts


def ranks_of(process):
    """The bigbath processes below mpirun."""
    return [
        p for p in psutil.Process(process.pid).children(recursive=True) if "bigbath.cli.main" in " ".join(p.cmdline())
    ]


@pytest.mark.parametrize(("who", "number", "code"), [("rank", signal.SIGKILL, None), ("rank", signal.SIGTERM, 75)])
def test_a_rank_that_dies_ends_the_job_within_seconds(tmp_path, who, number, code):
    process, parts = begun(tmp_path, 2)
    victim = ranks_of(process)[-1]
    victim.send_signal(number)
    start = time.monotonic()
    _, text = process.communicate(timeout=30)
    assert time.monotonic() - start < 20
    assert process.returncode == code if code else process.returncode != 0
    if code:
        assert "run the same command again" in text
    while ranks_alive(parts) and time.monotonic() - start < 20:  # mpirun does not wait for those that it killed
        time.sleep(0.1)
    assert not ranks_alive(parts)


def ranks_alive(parts):
    return [p for p in psutil.process_iter(["cmdline"]) if str(parts.parent) in " ".join(p.info["cmdline"] or [])]


@pytest.mark.parametrize("ranks", [None, 2])
def test_the_warning_before_a_time_limit_finishes_what_is_at_work(tmp_path, ranks):
    process, parts = begun(tmp_path, ranks)
    os.kill(process.pid, signal.SIGUSR1)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 75, text
    result = open_run(tmp_path / "out.h5")
    assert 4 <= len(result.tasks) < 400
    assert not list(parts.glob("*.part"))
    status = bigbath("status", tmp_path / "out.h5")
    assert f"unfinished; {len(result.tasks)} of 400" in status.stdout
