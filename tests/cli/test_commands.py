"""Commands on bigbath itself, names that need quotes, failures of one kind."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from support import bigbath

from bigbath import __version__
from bigbath.cli.skeleton import catalogue, job_file
from bigbath.cluster.failures import named, summary
from bigbath.cluster.slurm import Allocation, label, printable, scripts, word, write_scripts
from bigbath.errors import ImpossibleRequest, IncompleteWindow, JobError
from bigbath.job import load_job, parse_job
from bigbath.tasks import tasks_of

JOB = {
    "model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole", "engine": "dense"},
    "sweep": {"model": {"W": [1.0, 2.0, 4.0]}}, "ensemble": {"realizations": 2},
}  # fmt: skip


def test_version_and_help():
    assert bigbath("--version").stdout == f"bigbath {__version__}\n"
    short = bigbath("-h")
    assert short.returncode == 0 and short.stdout == bigbath("--help").stdout
    for command in ("init", "models", "show", "plot", "report"):
        assert command in short.stdout
        assert bigbath(command, "-h").returncode == 0


def test_models_are_listed_with_their_hamiltonians():
    text = bigbath("models").stdout
    for entry in catalogue():
        assert f"{entry.name}: " in text
        assert entry.name == "custom" or "H = " in entry.title + entry.description
    assert "L (required)" in text and "W = 2.0" in text


@pytest.mark.parametrize("name", [entry.name for entry in catalogue()])
def test_a_job_file_to_start_from_is_valid(name, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(job_file(name))
    sp.save_npz(tmp_path / "bath.npz", sp.eye_array(4))
    job = load_job(path)
    assert job.model.name == name
    switched_on = path.read_text().replace("# [sweep] ", "[sweep] ").replace("# model.", "model.")
    path.write_text(switched_on)
    assert load_job(path).sweep is not None


def test_init_leaves_files_alone(tmp_path):
    assert bigbath("init", "imbrie", "-o", tmp_path / "j.toml").returncode == 0
    before = (tmp_path / "j.toml").read_text()
    again = bigbath("init", "tfim", "-o", tmp_path / "j.toml")
    assert again.returncode == 5 and (tmp_path / "j.toml").read_text() == before
    with pytest.raises(JobError, match="did you mean 'imbrie'"):
        job_file("imbri")


def test_the_skeleton_runs(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(job_file("imbrie").replace("L = 8", "L = 4"))
    assert bigbath("run", path).returncode == 0
    (tmp_path / "dangling.h5").symlink_to(tmp_path / "elsewhere.h5")
    assert bigbath("run", path, "-o", tmp_path / "dangling.h5").returncode == 0
    assert (tmp_path / "dangling.h5").is_symlink() and (tmp_path / "elsewhere.h5").exists()
    for arguments in (["run", path, "-o", tmp_path / ("x" * 300)], ["show", "x" * 300], ["run", "x" * 300]):
        process = bigbath(*arguments)
        assert process.returncode == 5 and "Traceback" not in process.stderr, process.stderr


names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0/"), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=8))
def test_the_shell_reads_every_path_as_one_word(paths):
    script = "printf '%s\\0' " + " ".join(word(Path(p)) for p in paths)
    assert "\n" not in script
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    read = done.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    assert [r.removeprefix("./") if p.startswith("-") else r for r, p in zip(read, paths, strict=True)] == paths


@given(st.text(max_size=40), names)
def test_no_title_and_no_name_makes_a_line_of_a_script(title, name):
    assert len(printable(title).splitlines()) <= 1
    assert set(label(name)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    job = parse_job({**JOB, "title": title})
    path = Path(f"{name}.toml")
    mine = scripts(job, path, Path(f"{name}.h5"), Path(name), Allocation())
    for script, text in mine.items():
        plain = PLAIN[script]
        assert len(text.splitlines()) == len(plain.splitlines())
        directives = [line.split("=")[0] for line in text.splitlines() if line.startswith("#SBATCH")]
        assert directives == [line.split("=")[0] for line in plain.splitlines() if line.startswith("#SBATCH")]
        commands = [line.split()[0] for line in text.splitlines() if line and line[0] not in "# "]
        assert commands == [line.split()[0] for line in plain.splitlines() if line and line[0] not in "# "]


PLAIN = scripts(parse_job(JOB), *map(Path, ("job.toml", "job.h5", ".")), Allocation())


def test_scripts_with_odd_names_are_written_and_parsed(tmp_path):
    into = tmp_path / "a b\n#SBATCH --x"
    texts = scripts(parse_job({**JOB, "title": "a\nrm -rf x"}), into / "my job.toml", into / "r.h5", into, Allocation())
    write_scripts(into, texts)
    for name in texts:
        assert subprocess.run(["bash", "-n", into / name], check=False).returncode == 0


def test_errors_of_one_kind_name_the_key_and_the_number_of_tasks():
    job = parse_job(JOB)
    tasks = tasks_of(job)
    memory = {t: {"error": f"MemoryError: Unable to allocate {9 + t.realization}. GiB"} for t in tasks if t.point == 2}
    other = {tasks[0]: {"error": "LinAlgError: Eigenvalues did not converge"}}
    done = {t: None for t in tasks if t not in memory and t not in other}
    first, second = summary(job, done, memory | other)
    assert first.startswith("2 of 6 tasks, all of those at model.W = 4.0, the first point_0002_realization_00000: Mem")
    assert "decided by model.L = 4" in first and "spectrum.engine = dense" in first
    assert second.startswith("1 of 6 tasks") and "decided by spectrum.engine = dense" in second
    assert "all of those" not in second


@pytest.mark.parametrize(
    ("error", "raised"), [(MemoryError("no"), ImpossibleRequest), (np.linalg.LinAlgError("Eigenvalues did not converge"), IncompleteWindow)]
)  # fmt: skip
def test_an_error_of_a_single_task_names_the_key(error, raised):
    with pytest.raises(raised, match=r"decided by .*spectrum\.engine = dense"), named(parse_job(JOB)):
        raise error


def test_a_run_that_fails_in_some_tasks_says_what_they_share(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(
        '[model]\nname = "imbrie"\nL = 4\n[spectrum]\nengine = "dense"\nwindow = { kind = "nearest", target = 9.0, k = 2 }\n'
        "[ensemble]\nrealizations = 2\n[sweep]\nmodel.W = [0.1, 40.0]\n"
    )
    process = bigbath("run", path)
    assert process.returncode == 7
    assert "2 of 4 tasks, all of those at model.W = 0.1" in process.stderr, process.stderr
    assert "2 of 4 tasks" in bigbath("status", tmp_path / "job.h5").stdout
