"""Jobs made of objects: the same as those of files, run with their result as the value."""

import io
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import bigbath as bb
from bigbath.cluster.realize import realize
from bigbath.errors import FailedTasks, ImpossibleRequest, JobError
from bigbath.job import job_hash, parse_job, point_jobs, resolved
from bigbath.solvers import ENGINES
from bigbath.store.result import known_job
from bigbath.tasks import tasks_of

PAGE = (Path(__file__).parents[2] / "docs" / "job-file.md").read_text()
MODELS = {
    "ring": bb.Ring(N=5),
    "imbrie": bb.Imbrie(L=4),
    "tfim": bb.TFIM(L=4),
    "levy": bb.Levy(L=4),
    "xxz": bb.XXZ(L=4),
    "quantum_sun": bb.QuantumSun(L=4, N=2),
    "custom": bb.Custom(
        L=4, system=[["z", [[0.4, 0]]]], bath=[["zz", [[1.0, 1, 2], [0.8, 2, 3]]], ["x", [[0.7, j] for j in (1, 2, 3)]]],
        interaction=[["xx", [[0.3, 0, 1]]]],
    ),
}  # fmt: skip
#: Every measurement, with what it needs to have something to say.
MEASURES = {
    "distribution": {"shell_width": 0.5},
    "interaction": {"shell_width": 0.5},
    "propagator": {"kappa": [0.1]},
    "cavity": {"kappa": [0.5]},
    "dephasing": {"kappa": [0.5]},
    "evolution": {"times": [1.0, 2.0], "width": 4.0},
    "long_time": {},
    "gap_ratio": {"accept_unresolved": True},
    "participation": {},
    "entanglement": {},
    "observables": {},
    "spacings": {"accept_unresolved": True},
    "number_variance": {"accept_unresolved": True},
    "form_factor": {"accept_unresolved": True},
    "dynamics": {"times": [0.0, 1.0], "initial": {"kind": "random"}},
}
WHOLE = {"window": "whole"}


def test_the_docs_and_these_tests_name_every_model_measurement_and_engine():
    engines = {kind.kind for kind in ENGINES}
    named = set(re.findall(r"^\| `\"([\w-]+)\"` \|", PAGE, re.MULTILINE))
    assert named - engines == {*MODELS, "matrices"}  # matrices of files: test_matrix_files
    documented = re.findall(r"^## `\[measure\.(\w+)\]`", PAGE, re.MULTILINE)
    assert set(documented) == set(MEASURES) == set(bb.Measures.__dataclass_fields__)
    (row,) = re.findall(r"^\| `engine` \| (.*) \|$", PAGE, re.MULTILINE)
    engines = {cls().kind for cls in (*ENGINES, bb.Auto)}
    assert set(re.findall(r"`\"([\w-]+)\"`", row)) == engines


@pytest.mark.parametrize("name", MEASURES)
def test_every_measurement_says_something(name):
    result = bb.run(bb.Job(model=MODELS["custom"], spectrum=WHOLE, bath=WHOLE, measure={name: MEASURES[name]}))
    (dataset,) = result.tasks.values()
    assert dataset.data_vars
    assert all(values.size for values in dataset.data_vars.values())


@pytest.mark.parametrize("name", ["ring", "custom"])
def test_measurements_made_together_are_those_made_alone(name):
    job = bb.Job(model=MODELS[name], spectrum=WHOLE, bath=WHOLE, measure=MEASURES)
    together = realize(job, 0)
    alone = [realize(replace(job, measure={m: MEASURES[m]}), 0) for m in MEASURES]
    assert set(together.data_vars) == {variable for dataset in alone for variable in dataset.data_vars}


@pytest.mark.petsc
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_engine_takes_every_model(model):
    """The states of a window, whatever the engine."""
    window = {"kind": "nearest", "target": 0.1, "k": 4}
    found = []
    for engine in (*(cls().kind for cls in ENGINES), "auto"):
        job = bb.Job(model=model, spectrum={"window": window, "engine": engine, "symmetries": []})
        (dataset,) = bb.run(job).tasks.values()
        found.append(dataset.energy.values)
    assert all(np.abs(energies - found[0]).max() < 1e-9 for energies in found)


def every_key():
    """Jobs that use each choice of the package at least once."""
    yield bb.Job(
        title='quotes " and ü', model=MODELS["custom"], spectrum=bb.Spectrum(window=bb.Whole(), engine=bb.Dense()),
        bath=bb.Spectrum(window=bb.Levels(energies=[0.1, 2])), measure=MEASURES, ensemble=bb.Ensemble(seed=3, realizations=4),
        sweep={"measure.propagator.kappa": [[0.1], [0.2]], "measure.distribution.shell_width": bb.Range(start=1, stop=2, step=0.5)},
    )  # fmt: skip
    yield bb.Job(
        model=bb.Imbrie(L=4), spectrum={"window": bb.Density(k=3), "engine": bb.Filter(memory=2.5)},
        sweep=bb.Sweep({"model.W": bb.Range(start=1, stop=8, count=4, log=True), "spectrum.window": ["whole", bb.Nearest(k=2)]}),
    )  # fmt: skip
    yield bb.Job(
        model=bb.Ring(N=6), accept_unverified=True,
        spectrum={"window": bb.Interval(lower=-1e-3, upper=1), "engine": bb.ShiftInvert(options="-eps_ncv 30"), "shells": 3,
                  "symmetries": [], "sector": {"reflection": -1}},
    )  # fmt: skip


@pytest.mark.parametrize("job", list(every_key()), ids=lambda job: job.model.name)
def test_a_job_file_of_a_job_is_that_job(job, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(job.to_toml())
    again = bb.load_job(path)
    assert again == job
    assert job_hash(again) == job_hash(job)
    assert tasks_of(again) == tasks_of(job)
    assert [point.model for point in point_jobs(again)] == [point.model for point in point_jobs(job)]
    assert parse_job(tomllib.loads(job.to_toml())) == parse_job(resolved(job)) == job


def test_a_value_that_a_job_file_cannot_say_is_told():
    job = bb.Job(model=bb.Ring(N=5), spectrum=WHOLE, sweep={"spectrum.sector": [None, {"reflection": 1}]})
    with pytest.raises(JobError, match="None"):
        job.to_toml()


def test_the_points_of_a_sweep_are_validated_once(monkeypatch):
    job = bb.Job(model=bb.Imbrie(L=4), spectrum=WHOLE, sweep={"model.W": [1.0, 2.0, 3.0]})

    def never(*arguments, **chosen):
        raise AssertionError("validated again")

    monkeypatch.setattr("bigbath.job.validated", never)
    assert point_jobs(job) is point_jobs(job)
    assert len(tasks_of(job)) == 3
    monkeypatch.undo()
    import json

    text = json.dumps(resolved(job))
    assert known_job(text) is known_job(text)
    assert known_job(text).job == job


@pytest.mark.parametrize("kept", [True, False])
def test_run_returns_the_result(kept, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    job = bb.Job(model=bb.Imbrie(L=4), spectrum=WHOLE, measure={"gap_ratio": {}}, ensemble={"realizations": 2})
    (tmp_path / "job.toml").write_text(job.to_toml())
    output = tmp_path / "out.h5" if kept else None
    result = bb.run(tmp_path / "job.toml", output)
    assert isinstance(result, bb.Result)
    assert result.path == output
    assert result.job == job
    for r in (0, 1):
        h = bb.build(bb.draw(job.model, seed=1, realization=r))
        assert np.abs(result.realizations[r].energy - np.linalg.eigvalsh(h.matrix.toarray())).max() < 1e-12
    assert not list((tmp_path / "scratch").iterdir())
    if kept:
        before = output.stat().st_mtime_ns
        assert bb.run(job, str(output)).dataset.equals(result.dataset)
        assert output.stat().st_mtime_ns == before
        assert h5py.is_hdf5(output)


def test_failed_tasks_are_told_and_the_others_are_kept(tmp_path):
    job = bb.Job(
        model=bb.Imbrie(L=3),
        spectrum={"window": bb.Nearest(k=1)},
        sweep={"spectrum.window": ["whole", bb.Nearest(k=999)]},
    )
    output = tmp_path / "out.h5"
    with pytest.raises(FailedTasks, match=r"window\.k = 999"):
        bb.run(job, output)
    assert [task.point for task in bb.open_run(output).tasks] == [0]
    alone = bb.Job(model=job.model, spectrum={"window": bb.Nearest(k=999)})
    with pytest.raises(ImpossibleRequest, match=r"\[spectrum\] window.k = 999"):
        bb.run(alone)


def test_a_notebook_has_one_line_of_progress(monkeypatch):
    """What Jupyter shows of it: the text after the last return of the carriage."""
    from bigbath.cli import progress

    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    with progress.ProgressReport() as report:
        report._console.is_jupyter, progress_since = True, report._spoken
        report._spoken = progress_since - 60
        report("filter, whole space", 1.0, 4.0)
        assert written.getvalue().rpartition("\r")[2].startswith("filter, whole space: 25 %")
        assert "\n" not in written.getvalue()
    assert written.getvalue().endswith("\r")


def test_a_bath_cannot_be_cut_into_shells():
    with pytest.raises(JobError, match=r"bath\.shells"):
        bb.Job(model=bb.Ring(N=5), spectrum=WHOLE, bath={"window": "whole", "shells": 2})


def test_the_examples_of_the_docs_run(tmp_path, monkeypatch, capsys):
    codes = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(codes) == 2  # a job; QuSpin's order of basis states, which asserts what it says
    monkeypatch.chdir(tmp_path)
    for code in codes:
        exec(code, {})
    text = capsys.readouterr().out
    assert parse_job(tomllib.loads(text[text.index("title =") :])).model == bb.Imbrie(L=6, W=4.0)
