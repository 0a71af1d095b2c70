"""The command line in processes of its own: exit codes as in --help, one message, never a traceback."""

import json

import h5py
import pytest
from support import python

from bigbath.store import open_result

TOML = """
title = "a small ring"
[model]
name = "ring"
N = 8
[spectrum]
window = { kind = "density", epsilon = 0.5, k = 60 }
engine = "dense"
[bath]
window = { kind = "levels", energies = [0.5, 2.0] }
engine = "dense"
[measure.distribution]
shell_width = 0.3
keep = true
"""


def bigbath(*arguments, **options):
    return python("-m", "bigbath.cli.main", *arguments, **options)


def says(process, code, *messages):
    """The exit code, each message on standard error, and no traceback."""
    assert process.returncode == code, (process.returncode, process.stdout, process.stderr)
    assert "Traceback" not in process.stderr + process.stdout
    for message in messages:
        assert message in " ".join(process.stderr.split()), process.stderr
    return process


def write(path, text=TOML, **replacements):
    for old, new in replacements.items():
        text = text.replace(REPLACED[old], new)
        assert new in text
    path.write_text(text)
    return path


REPLACED = {
    "epsilon": "epsilon = 0.5",
    "N": "N = 8",
    "window": '{ kind = "density", epsilon = 0.5, k = 60 }',
    "engine": 'k = 60 }\nengine = "dense"',
    "width": "shell_width = 0.3",
    "title": 'title = "a small ring"',
    "name": 'name = "ring"',
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A directory with job.toml and its result job.h5."""
    directory = tmp_path_factory.mktemp("finished")
    write(directory / "job.toml")
    process = says(bigbath("run", "job.toml", cwd=directory), 0)
    assert process.stdout == "job.h5: written\n"
    return directory


def test_help_documents_every_exit_code():
    text = " ".join(says(bigbath("--help"), 0).stdout.split())
    for code in (
        "0 done",
        "2 wrong job",
        "3 impossible",
        "4 something is not installed",
        "5 a file",
        "6 not certified",
        "130",
    ):
        assert code in text.replace("│ ", "")
    for command in ("run", "estimate", "show", "plot", "doctor", "reproduce"):
        assert command in text


def test_run_again_has_nothing_to_do(finished):
    before = (finished / "job.h5").read_bytes()
    process = says(bigbath("run", "job.toml", cwd=finished), 0)
    assert "nothing to do" in process.stdout
    assert (finished / "job.h5").read_bytes() == before


def test_show(finished):
    text = says(bigbath("show", "job.h5", cwd=finished), 0).stdout
    for part in ("a small ring", "complete: yes", "centre", "chi", "residual"):
        assert part in text
    content = json.loads(says(bigbath("show", "job.h5", "--json", cwd=finished), 0).stdout)
    result = open_result(finished / "job.h5")
    assert content["job_hash"] == result.job_hash
    assert content["job"]["model"]["N"] == 8
    assert content["realizations"]["0"]["evidence"]["spectrum"]["complete"] == "yes"
    assert content["realizations"]["0"]["sizes"]["state"] == result.realizations[0].sizes["state"]
    assert content["provenance"]["versions"]["numpy"]


@pytest.mark.parametrize("ending", ["pdf", "png"])
def test_plot(finished, tmp_path, ending):
    figure = tmp_path / f"figure.{ending}"
    says(bigbath("plot", "job.h5", "-o", figure, cwd=finished), 0)
    assert figure.read_bytes().startswith({"pdf": b"%PDF", "png": b"\x89PNG"}[ending])
    assert figure.stat().st_size > 5000


def test_plot_of_a_realization_that_is_not_there(finished, tmp_path):
    says(bigbath("plot", finished / "job.h5", "--realization", "7", "-o", tmp_path / "f.pdf"), 2, "--realization 7")


def test_estimate(finished):
    content = json.loads(says(bigbath("estimate", "job.toml", "--json", cwd=finished), 0).stdout)
    assert content["fits"] is True
    assert [(p["part"], p["dim"]) for p in content["parts"]] == [("H", 256), ("B", 128)]
    assert content["parts"][0]["engine"] == "dense"
    assert "dimension 256" in says(bigbath("estimate", "job.toml", cwd=finished), 0).stdout


@pytest.mark.petsc
def test_estimate_of_a_factorisation(tmp_path):
    job = write(tmp_path / "job.toml", engine='k = 60 }\nengine = "shift-invert"\nsymmetries = ["reflection"]')
    content = json.loads(says(bigbath("estimate", job, "--json"), 0).stdout)
    assert content["parts"][0]["factor_entries"] > 1000
    assert list(tmp_path.iterdir()) == [job]


@pytest.mark.petsc
def test_doctor():
    content = json.loads(says(bigbath("doctor", "--json"), 0).stdout)
    assert all(content["checks"].values()), content["advice"]
    assert len(content["checks"]) >= 6
    assert content["advice"] == []
    assert content["facts"]["scalar type"] == "float64"
    text = says(bigbath("doctor"), 0).stdout
    for part in ("PETSc", "SLEPc", "index type", "BLAS", "MPI library", "threads", "[ok] MUMPS counts inertia"):
        assert part in text


@pytest.fixture
def without_petsc(tmp_path):
    """A PYTHONPATH on which petsc4py cannot be imported."""
    stub = tmp_path / "stub"
    (stub / "petsc4py").mkdir(parents=True)
    (stub / "petsc4py" / "__init__.py").write_text("raise ImportError('libpetsc.so: cannot open shared object file')")
    return {"PYTHONPATH": str(stub)}


def bigbath_without_petsc(environment, *arguments):
    from support import ROOT

    code = f"import sys; sys.path[:0] = [{environment['PYTHONPATH']!r}, {str(ROOT)!r}]; from bigbath.cli.main import main; main()"
    return python("-c", code, *arguments)


def test_without_petsc_the_remedy_is_named(without_petsc, tmp_path):
    job = write(tmp_path / "job.toml", engine='k = 60 }\nengine = "shift-invert"')
    for command in (["run", job], ["estimate", job]):
        says(bigbath_without_petsc(without_petsc, *command), 4, "SLEPc is not available here", ".ci/setup")
    assert not (tmp_path / "job.h5").exists()


def test_without_petsc_the_embedded_engine_works(without_petsc, tmp_path):
    job = write(tmp_path / "job.toml", engine='k = 60 }\nengine = "auto"')
    says(bigbath_without_petsc(without_petsc, "run", job), 0)
    assert open_result(tmp_path / "job.h5").evidence(0)["complete"] == "yes"


def test_without_petsc_doctor_says_what_to_do(without_petsc):
    content = json.loads(says(bigbath_without_petsc(without_petsc, "doctor", "--json"), 4).stdout)
    assert content["checks"]["real PETSc and SLEPc"] is False
    assert any(".ci/setup" in line for line in content["advice"])


@pytest.mark.parametrize(
    ("changes", "code", "messages"),
    [
        ({"epsilon": "epsilon = 1.3"}, 2, ["spectrum.window.epsilon", "1.3"]),
        ({"epsilon": "epsilom = 0.5"}, 2, ["epsilom: unknown key; did you mean 'epsilon'?"]),
        ({"N": 'N = "eight"'}, 2, ["model.N", "'eight'"]),
        ({"width": "shell_width = -0.3"}, 2, ["measure.distribution.shell_width", "greater than 0"]),
        ({"name": 'name = "rign"'}, 2, ["did you mean 'ring'?"]),
        ({"title": "title = "}, 2, ["not valid TOML"]),
        ({"N": "N = 40"}, 3, ["dimension", "Reduce the number of spins"]),
        ({"window": '{ kind = "nearest", target = 99.0, k = 3 }'}, 3, ["99 lies outside the spectrum"]),
        ({"window": '{ kind = "density", epsilon = 0.5, k = 6000 }'}, 3, ["only 256"]),
        ({"width": "shell_width = 9.0"}, 3, ["too few for a fit"]),
    ],
)
def test_mistakes_in_a_job(tmp_path, changes, code, messages):
    job = write(tmp_path / "job.toml", **changes)
    says(bigbath("run", job), code, *messages)
    assert not (tmp_path / "job.h5").exists()


def test_a_job_file_that_is_not_there(tmp_path):
    says(bigbath("run", tmp_path / "absent.toml"), 5, "cannot read the job file", "absent.toml")
    says(bigbath("estimate", tmp_path / "absent.toml"), 5)
    says(bigbath("run", tmp_path), 5)


def test_a_job_too_large_is_not_estimated(tmp_path):
    says(bigbath("estimate", write(tmp_path / "job.toml", N="N = 40")), 3, "Reduce the number of spins")


@pytest.mark.petsc
def test_a_misspelt_raw_option(tmp_path):
    job = write(tmp_path / "job.toml", engine='k = 60 }\nengine = { kind = "shift-invert", options = "-eps_nvc 50" }')
    says(bigbath("run", job), 2, "eps_nvc", "check its spelling")


@pytest.mark.petsc
def test_an_uncertified_window_is_exit_code_6(tmp_path):
    job = write(tmp_path / "job.toml", engine='k = 60 }\nengine = { kind = "shift-invert", certify = false }')
    says(bigbath("run", job), 6, "not certified complete (unverified)")
    assert not (tmp_path / "job.h5").exists()


def test_outputs_that_must_not_be_touched(finished, tmp_path):
    other = write(tmp_path / "other.toml", N="N = 6", window='"whole"')
    before = (finished / "job.h5").read_bytes()
    says(bigbath("run", other, "-o", finished / "job.h5"), 5, "another job", "-o")
    assert (finished / "job.h5").read_bytes() == before
    says(bigbath("run", other, "-o", other / "below.h5"), 5, "cannot")
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(before[: len(before) // 2])
    says(bigbath("run", other, "-o", truncated), 5, "truncated", "left as it is")
    for command in (["show"], ["show", "--json"], ["plot"]):
        says(bigbath(*command, truncated), 5, "truncated", "Run the job again")
    assert truncated.read_bytes() == before[: len(before) // 2]
    assert not truncated.with_suffix(".pdf").exists()


def test_files_that_are_no_results(tmp_path):
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["x"] = 1.0
    for command in ("show", "plot"):
        says(bigbath(command, foreign), 5, "not a bigbath result")
        says(bigbath(command, tmp_path / "absent.h5"), 5, "there is no file")
    says(bigbath("plot", tmp_path), 5)


def test_a_figure_that_cannot_be_written(finished, tmp_path):
    says(bigbath("plot", finished / "job.h5", "-o", finished / "job.toml" / "f.pdf"), 5, "cannot")
    says(bigbath("plot", finished / "job.h5", "-o", tmp_path / "f.nonsense"), 2, "nonsense")


def test_wrong_arguments():
    says(bigbath("run"), 2)
    says(bigbath("no-such-command"), 2)
    says(bigbath("reproduce", "no-such-paper"), 2, "no-such-paper")
    says(bigbath("reproduce", "entropy", "--figure", "99"), 2, "99")
    says(bigbath("reproduce", "entropy", "--sizes", "11"), 2, "only figures sizes, laws")
    says(bigbath("reproduce", "entropy", "--figure", "6", "--realizations", "3"), 2, "only figures laws")
