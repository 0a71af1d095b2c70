"""Progress over all tasks: what is shown on a terminal, in a log and by ``status --watch``."""

import os
import pty
import re
import subprocess
import sys
import time

import pytest
from support import bigbath, clean_environment

import bigbath as bb
from bigbath.cli import progress
from bigbath.cluster.run import run

JOB = bb.Job(model=bb.Imbrie(L=3), spectrum=bb.Spectrum(window="whole"), ensemble=bb.Ensemble(realizations=4))


def test_a_run_reports_the_share_of_all_its_tasks(tmp_path):
    heard = []
    run(JOB, tmp_path / "r.h5", report=lambda label, done, total: heard.append((label, done / total)))
    overall = [(label, f) for label, f in heard if label.startswith("tasks")]
    assert [f for _, f in overall] == pytest.approx([0.0, 0.25, 0.5, 0.75])
    assert overall[2][0] == "tasks, 2 done, 0 failed, 1 running, 1 left"
    assert any(label.startswith("realization 00003: H:") for label, _ in heard)
    heard.clear()
    run(
        bb.Job(model=bb.Imbrie(L=3), spectrum=bb.Spectrum(window="whole")),
        tmp_path / "one.h5",
        report=lambda *a: heard.append(a),
    )
    assert heard and not any(label.startswith("tasks") for label, *_ in heard)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (35, "35 s"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (12000, "3 h 20 min"),
        (352800, "4 d 2 h"),
        (86400 + 59, "1 d"),
    ],
)
def test_durations(seconds, words):
    assert progress.duration(seconds) == words


def test_what_is_left_is_counted_from_where_the_work_began():
    """From 40 % to 60 % in 25 seconds leaves 50, also in a run that was resumed."""
    stage = progress._Stage(label="tasks, 6 done", first=0.4, fraction=0.6, since=100.0)
    assert stage.line(125.0) == "tasks, 6 done: 60 %, about 50 s left"
    stage.fraction = 0.4
    assert stage.line(125.0) == "tasks, 6 done: 40 %"


def test_a_log_has_all_tasks_and_the_work_at_hand_in_a_line(capsys):
    with progress.ProgressReport(heartbeat=0.0) as report:
        report("tasks, 4 done", 4, 10)
        report("realization 1: H: LAPACK", 0.5, 1.0)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.partition("] ")[2] == "tasks, 4 done: 40 %; realization 1: H: LAPACK: 50 %"


def test_a_terminal_has_a_bar_for_all_tasks(tmp_path):
    """Seen through a pseudo-terminal."""
    code = (
        "import time; from bigbath.cli.progress import ProgressReport\n"
        "with ProgressReport() as r:\n"
        "    for n in range(5):\n"
        "        r(f'tasks, {n} done', n, 5); r('realization 0: H: LAPACK', 0.3, 1.0); time.sleep(0.15)\n"
    )
    leader, follower = pty.openpty()
    environment = clean_environment(TERM="xterm", COLUMNS="120")
    process = subprocess.Popen([sys.executable, "-c", code], stderr=follower, stdout=follower, env=environment)
    os.close(follower)
    text = b""
    while True:
        try:
            some = os.read(leader, 4096)
        except OSError:
            break
        if not some:
            break
        text += some
    assert process.wait(timeout=60) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode())
    assert "tasks, 3 done" in plain and "realization 0: H: LAPACK" in plain and "left" in plain


def test_status_watches_until_nothing_is_missing(tmp_path):
    file = tmp_path / "r.h5"
    run(JOB, file, share=(0, 2))
    watching = subprocess.Popen(
        [sys.executable, "-m", "bigbath.cli.main", "status", file, "--watch", "--every", "0.3"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(),
    )  # fmt: skip
    assert watching.stderr is not None
    assert "2 done, 0 failed, 2 missing: 50 %" in watching.stderr.readline()
    assert watching.poll() is None
    run(JOB, file)
    out, err = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert "4 of 4 tasks done" in out and "4 done, 0 failed, 0 missing: 100 %" in err.splitlines()[-1]
    begun = time.monotonic()
    assert bigbath("status", file, "--watch").returncode == 0  # what is done is not waited for
    assert time.monotonic() - begun < 60
