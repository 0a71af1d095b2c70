"""The batch scripts, in a real SLURM of one node: an array, half of it cancelled, submitted again, merged; an MPI job."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from slurm_cluster import slurm_cluster, wait_for
from support import ROOT, assert_same_numbers, bigbath, clean_environment

from bigbath.cluster.run import run as run_job
from bigbath.cluster.slurm import Allocation, clock, scripts
from bigbath.job import load_job
from bigbath.store import open_run

EXAMPLES = ROOT / "mpi_jobs"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield {
            **clean_environment(**environment),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    output = tmp_path_factory.mktemp("reference") / "example.h5"
    run_job(load_job(EXAMPLES / "example.toml"), output)
    return open_run(output)


def here(tmp_path):
    """A directory like the repository's root as the scripts see it."""
    (tmp_path / "mpi_jobs").symlink_to(EXAMPLES)
    return tmp_path


def submit(*command, slurm, cwd):
    done = subprocess.run(command, env=slurm, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def queue(slurm):
    done = subprocess.run(["squeue", "-h", "-o", "%i %T %r"], env=slurm, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else "no answer"


def settled(slurm, cwd, seconds=240):
    """Wait until no job is left; jobs held back because what they depend on failed do not count."""
    wait_for(lambda: not queue(slurm).strip(), f"empty queue, but {queue(slurm)}", cwd, seconds)


@pytest.mark.slurm
def test_an_array_half_cancelled_submitted_again_and_merged(slurm, reference, tmp_path):
    cwd, output = here(tmp_path), tmp_path / "example.h5"
    words = submit("bash", "mpi_jobs/submit_array.sh", slurm=slurm, cwd=cwd)
    array = words[1].rstrip(",")
    submit("scancel", f"{array}_1", f"{array}_3", slurm=slurm, cwd=cwd)
    settled(slurm, cwd)
    assert not output.exists()
    partial = open_run(output)
    assert 0 < len(partial.tasks) < len(reference.tasks)
    logs = "".join(p.read_text() for p in cwd.glob("slurm-*.out"))
    assert "run the job again" in logs  # said by the merge job
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "example.h5.parts").glob("*.h5")}
    submit("sbatch", "--array=0-1", "mpi_jobs/array.sbatch", slurm=slurm, cwd=cwd)
    settled(slurm, cwd)
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "example.h5.parts").glob("*.h5")}
    assert before.items() <= after.items()
    submit("sbatch", "mpi_jobs/merge.sbatch", slurm=slurm, cwd=cwd)
    settled(slurm, cwd)
    assert_same_numbers(open_run(output), reference)


@pytest.mark.slurm
def test_an_mpi_job_that_is_warned_goes_on_in_a_new_slot(slurm, tmp_path):
    shutil.copytree(EXAMPLES, tmp_path / "mpi_jobs")
    job_file, output = tmp_path / "mpi_jobs" / "example.toml", tmp_path / "example.h5"
    job_file.write_text(job_file.read_text().replace("realizations = 10", "realizations = 200"))  # seconds of work
    job = submit("sbatch", "--parsable", "mpi_jobs/mpi.sbatch", slurm=slurm, cwd=tmp_path)[0]
    parts = tmp_path / "example.h5.parts"
    wait_for(lambda: len(list(parts.glob("*.h5"))) >= 2, "shards", tmp_path, 120)
    submit("scancel", "--batch", "--signal=USR1", job, slurm=slurm, cwd=tmp_path)
    wait_for(lambda: "PENDING" in queue(slurm), "job that waits for its new slot", tmp_path)
    assert len(list(parts.glob("*.h5"))) < 400
    later = "StartTime=now+5"  # slurmd has forgotten by then that it revoked the credential of the first slot
    submit("scontrol", "update", f"JobId={job}", later, slurm=slurm, cwd=tmp_path)
    settled(slurm, tmp_path)
    run_job(load_job(job_file), tmp_path / "undisturbed.h5")
    assert_same_numbers(open_run(output), open_run(tmp_path / "undisturbed.h5"))
    text = (tmp_path / f"slurm-{job}.out").read_text()
    assert "stopped by a signal; run the same command again" in text
    assert text.count("rank(s) x 1 thread(s)") == 2


def test_the_scripts_of_the_repository_are_what_the_command_writes(tmp_path):
    texts = scripts(
        load_job(EXAMPLES / "example.toml"), Path("mpi_jobs/example.toml"), Path("example.h5"), Path("mpi_jobs"),
        Allocation(array=4, ranks=2),
    )  # fmt: skip
    for name, text in texts.items():
        assert (EXAMPLES / name).read_text() == text
        done = subprocess.run(["bash", "-n", str(EXAMPLES / name)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    written = bigbath("slurm", EXAMPLES / "example.toml", "--into", tmp_path)
    assert written.returncode == 0 and (tmp_path / "array.sbatch").exists()
    (tmp_path / "array.sbatch").write_text("edited by hand")
    refused = bigbath("slurm", EXAMPLES / "example.toml", "--into", tmp_path)
    assert refused.returncode == 5 and "differs" in refused.stderr
    assert (tmp_path / "array.sbatch").read_text() == "edited by hand"


def test_the_one_node_script(reference, tmp_path):
    environment = clean_environment(
        RANKS="2", PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    )  # fmt: skip
    done = subprocess.run(
        ["bash", "mpi_jobs/one_node.sh"],
        cwd=here(tmp_path),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_same_numbers(open_run(tmp_path / "example.h5"), reference)


@pytest.mark.parametrize(("seconds", "text"), [(1, "00:15:00"), (3600, "01:15:00"), (86400, "1-00:15:00")])
def test_times_as_slurm_writes_them(seconds, text):
    assert clock(seconds) == text
