"""A terminal that is gone or a log disk that is full fails no task; a rank that fails early ends all ranks."""

import io
import os
import shlex
import subprocess
import sys
import time

import pytest
from support import bigbath_command, one_thread

from bigbath.cluster.run import run
from bigbath.errors import FileError
from bigbath.job import load_job
from bigbath.progress import unfailing
from bigbath.store import open_result

LONG = bool(os.environ.get("BIGBATH_LONG"))
JOB = """
[model]
name = "imbrie"
L = 4
[spectrum]
window = { kind = "density", epsilon = 0.5, k = 10 }
engine = "dense"
[bath]
window = { kind = "density", epsilon = 0.5, k = 2 }
engine = "dense"
[measure.distribution]
shell_width = 0.5
fit = "none"
[ensemble]
realizations = 6
"""
#: Makes every progress report be written, not one in ten seconds.
EAGER = """
import sys
import bigbath.cli.progress
bigbath.cli.progress.HEARTBEAT = 0.0
from bigbath.cli.main import main
main()
"""


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def shell(command, seconds=60):
    """Run a shell command line; its exit code, and stderr where that is not redirected."""
    environment = one_thread(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    process = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=seconds, env=environment, check=False
    )
    return process.returncode, process.stderr


def eager(*arguments, ranks=None):
    launcher = bigbath_command(ranks=ranks)[:-3]
    return shlex.join([*launcher, sys.executable, "-c", EAGER, *map(str, arguments)])


@pytest.mark.parametrize(
    ("broken", "ranks"),
    [
        ("2>/dev/full", None),
        ("2> >(true)", None),
        (">/dev/full 2>/dev/full", None),
        ("<&- >&- 2>&-", None),  # a file that is opened next must not be given the number of standard error
        ("2>/dev/full", 2),
        ("2> >(true)", 2),
        *[("2>&-", 2), (">&- 2>&-", 2), (">&-", None), ("2>&-", None)] * LONG,
    ],
)
def test_a_broken_terminal_fails_no_task(job, ranks, broken):
    output = job.with_name("out.h5")
    code, errors = shell(f"{eager('run', job, '-o', output, ranks=ranks)} {broken}")
    assert code == 0, errors
    assert len(open_result(output).tasks) == 6
    assert sorted(p.name for p in job.parent.iterdir()) == ["job.toml", "out.h5"]


def test_a_terminal_that_is_hung_up_fails_no_task(job):
    """A pseudo-terminal with a progress bar, whose other end is closed while the run is at work."""
    output = job.with_name("out.h5")
    job.write_text(JOB.replace("realizations = 6", "realizations = 80"))
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        bigbath_command("run", job, "-o", output), stdout=subprocess.DEVNULL, stderr=theirs, stdin=subprocess.DEVNULL,
        env=one_thread(TERM="xterm"), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    deadline = time.monotonic() + 60
    while not list(job.parent.glob("out.h5.parts/*.h5")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.close(ours)
    assert process.wait(60) == 0
    assert len(open_result(output).tasks) == 80


def test_output_that_cannot_be_written_is_an_error(job):
    output, figure = job.with_name("out.h5"), job.with_name("figure.pdf")
    run(load_job(job), output)
    code, errors = shell(f"{shlex.join(bigbath_command('status', output))} >/dev/full")
    assert code == 5 and "cannot write to standard output" in errors and "Traceback" not in errors
    assert shell(f"{shlex.join(bigbath_command('show', output))} | true") == (0, "")
    figure.symlink_to("/dev/full")
    code, errors = shell(f"{shlex.join(bigbath_command('plot', output, '-o', figure))} 1>&2")
    assert code == 5 and "No space left" in errors and ": written" not in errors


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "full"), ValueError("closed")])
def test_a_report_of_ones_own_that_cannot_be_written_fails_no_task(job, error):
    calls = []

    def broken(*report):
        calls.append(report)
        raise error

    assert run(load_job(job), job.with_name("out.h5"), report=broken) == "done"
    assert len(calls) == 1
    stream = io.StringIO()
    stream.close()
    unfailing(lambda label, done, total: print(label, file=stream))("x", 0, 1)


def test_an_error_of_a_report_that_is_a_fault_is_raised():
    with pytest.raises(ZeroDivisionError):
        unfailing(lambda label, done, total: 1 / 0)("x", 0, 1)


@pytest.mark.parametrize("broken", ["2>/dev/full", *[""] * LONG])
def test_ranks_do_not_wait_for_one_that_fails_early(job, broken):
    """Rank 0's job file is missing; the others have theirs."""
    job.rename(job.with_name("job_1.toml"))
    one = shlex.join(bigbath_command("run")) + f" {job.with_name('job_$OMPI_COMM_WORLD_RANK.toml')}"
    launcher = shlex.join(bigbath_command(ranks=2)[:-3])
    code, errors = shell(f"{launcher} bash -c {shlex.quote(one)} {broken}", seconds=40)
    assert code == 5, errors
    assert broken or "cannot read the job file" in errors


@pytest.mark.parametrize("value", ["", *["nonsense", "4,2"] * LONG])
def test_odd_numbers_of_threads_never_hang_ranks(job, value):
    command = shlex.join(bigbath_command("run", job, "-o", job.with_name("out.h5"), ranks=2))
    code, _ = shell(f"OMP_NUM_THREADS={value} {command} 2>/dev/full", seconds=60)
    assert code is not None
    if code == 0:
        assert len(open_result(job.with_name("out.h5")).tasks) == 6


@pytest.mark.skipif(not LONG, reason="BIGBATH_LONG=1")
def test_an_unwritable_shard_ends_all_ranks(job):
    """The directory of the shards is a file: the first rank finds out, the second must not wait for it."""
    job.with_name("out.h5.parts").write_text("in the way")
    command = shlex.join(bigbath_command("run", job, "-o", job.with_name("out.h5"), ranks=2))
    code, errors = shell(command, seconds=40)
    assert code == 5 and "cannot write" in errors
    with pytest.raises(FileError, match="cannot write"):
        run(load_job(job), job.with_name("out.h5"))
