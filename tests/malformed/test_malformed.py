"""Whatever a user writes by mistake, the answer is one clear error of bigbath's own, or a result (BIGBATH_LONG=1: 1,000 each)."""

import copy
import os
import tracemalloc
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import CUSTOM, JOBS, KEYS, MATRICES, OBJECTS, TABLES, TERMS, changed

import bigbath as bb
from bigbath.cluster.realize import measured, prepare
from bigbath.errors import BigbathError, FileError, JobError
from bigbath.job import parse_job, point_jobs, resolved
from bigbath.tasks import tasks_of

EXAMPLES = 1000 if os.environ.get("BIGBATH_LONG") else 60
CALLS = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)

#: Larger spaces take seconds: jobs in them are validated but not run.
LARGEST = 2**8


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path, monkeypatch):
    """Paths that are made up are made up here; two matrices are there."""
    monkeypatch.chdir(tmp_path)
    scipy.io.mmwrite("s.mtx", sp.diags_array([0.5, -0.5]))
    scipy.io.mmwrite("b.mtx", sp.diags_array([0.1, 0.7, -0.3]))


def outcome(function, *arguments, **chosen):
    """What a call returns, or None after an error that bigbath raises on purpose and explains."""
    try:
        return function(*arguments, **chosen)
    except BigbathError as error:
        text = str(error)
        assert text.strip()
        assert "Traceback" not in text
        assert "pydantic" not in text
        assert "nput should" not in text and "after validation" not in text
        assert "http" not in text.replace("https://petsc", "")
        return None


def size_of(point):
    """States of the space of H."""
    model = point.model
    if model.name == "matrices":
        return 6
    return 2 ** (model.N if model.name == "ring" else model.L if model.name == "custom" else model.L + 1)


def compute(job):
    """A few tasks of a job, with every error as it is."""
    points = point_jobs(job)
    if max(map(size_of, points)) > LARGEST:
        return
    for task in tasks_of(job)[:3]:
        outcome(lambda task=task: measured(prepare(points[task.point], task.realization), task.shell))


@given(st.sampled_from(JOBS).flatmap(lambda job: changed(job, TABLES)))
@CALLS
def test_malformed_jobs(data):
    """Valid ones among them are run, and survive a round trip."""
    job = outcome(parse_job, data)
    if job is None:
        return
    assert parse_job(resolved(job)) == job
    compute(job)


@given(st.dictionaries(KEYS, TABLES, max_size=5))
@CALLS
def test_random_tables(data):
    assert outcome(parse_job, data) is None


@given(st.sampled_from(JOBS), st.data())
@CALLS
def test_malformed_job_files(job, data):
    """Characters of a job file lost, doubled, or replaced."""
    text = tomlkit.dumps(copy.deepcopy(job))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = start + data.draw(st.integers(0, 12))
        text = (
            text[:start]
            + data.draw(st.sampled_from(["", "0", "9" * 5000, "[" * 3000, '"', "\n", "=", "é"]))
            + text[end:]
        )
    path = Path("job.toml")
    path.write_text(text)
    outcome(bb.load_job, path)
    outcome(bb.run, path, ".")


CHOICES = {
    bb.Ring: {"N": 5, "g": 1.0, "h": 0.1, "boundary": "open"},
    bb.Imbrie: {"L": 3, "W": 1.0, "Gamma": 1.0, "Delta": 0.9, "g": 0.4},
    bb.TFIM: {"L": 3, "h": 1.0},
    bb.Levy: {"L": 3, "mu": 1.5},
    bb.XXZ: {"L": 3, "W": 1.0, "boundary": "open"},
    bb.QuantumSun: {"L": 4, "N": 2, "alpha": 0.9},
    bb.Custom: {key: value for key, value in CUSTOM.items() if key != "name"},
    bb.DeclaredSymmetry: {"name": "s", "permutation": [0, 2, 1], "flip": [0], "sign": [1]},
    bb.Strings: TERMS["terms"][0],
    bb.Uniform: {"low": "-W", "high": 1.0},
    bb.Normal: {"mean": 0.0, "sigma": "W"},
    bb.LogUniform: {"low": 0.1, "high": 1.0},
    bb.RandomSign: {"J": 1.0},
    bb.QuasiPeriodic: {"W": 1.0, "beta": 0.3, "phase": 0.1},
    bb.Matrices: {key: value for key, value in MATRICES.items() if key != "name"},
    bb.MatrixFile: {"path": "b.mtx"},
    bb.Nearest: {"target": 0.0, "k": 3},
    bb.Density: {"epsilon": 0.5, "k": 3},
    bb.Interval: {"lower": 0.0, "upper": 1.0},
    bb.Levels: {"energies": [0.1, 0.2]},
    bb.Whole: {"slice": 10},
    bb.Dense: {},
    bb.Auto: {},
    bb.ShiftInvert: {"tol": 1e-11, "slice": 100, "options": "", "factor": "auto"},
    bb.Filter: {"b": 2, "seed": 0, "memory": 1.0, "attempts": 2},
    bb.Spectrum: {"window": "whole", "engine": "dense", "symmetries": ["reflection"], "sector": {"reflection": 1}},
    bb.Ensemble: {"seed": 1, "realizations": 2, "first": 0},
    bb.Range: {"start": 1, "stop": 3, "count": 3, "log": False},
    bb.MeasureDistribution: {"shell_width": 0.5, "fit": "none", "keep": True},
    bb.MeasureGapRatio: {},
    bb.MeasureInteraction: {"shell_width": 1.0, "eta": 0.1, "solve": True},
    bb.MeasurePropagator: {"epsilon": [0.0], "kappa": [0.1]},
    bb.MeasureSpacings: {"accept_unresolved": True},
    bb.MeasureNumberVariance: {"accept_unresolved": True},
    bb.MeasureFormFactor: {"accept_unresolved": True},
    bb.MeasureParticipation: {"q": [1.0]},
    bb.MeasureEntanglement: {"cuts": [[0, 1]]},
    bb.MeasureObservables: {"pauli": ["z"]},
    bb.Measures: {"gap_ratio": {}, "distribution": {"fit": "none"}},
    bb.Job: JOBS[2],
}


@given(st.sampled_from(list(CHOICES)), st.data())
@CALLS
def test_malformed_choices(cls, data):
    chosen = data.draw(changed(CHOICES[cls] or {"none": 1}, OBJECTS))
    made = outcome(cls, **{key.replace("\0", ""): value for key, value in chosen.items()})
    if made is not None:
        assert isinstance(made, cls)
        assert cls(**{f.name: getattr(made, f.name) for f in fields(made)}) == made


def calls():
    """Functions with arguments that are right."""
    drawn = bb.draw(bb.Ring(N=4))
    h = bb.build(drawn)
    yield bb.draw, {"model": bb.Imbrie(L=3), "seed": 1, "realization": 0}
    yield bb.build, {"composite": drawn, "part": "H"}
    yield bb.sectors, {"h": h, "use": ("reflection",), "only": {"reflection": 1}}
    yield (
        bb.solve,
        {"h": h, "window": "whole", "engine": "dense", "symmetries": ["reflection"], "sector": {"reflection": 1}},
    )
    yield bb.system_states, {"composite": drawn}
    yield bb.load_job, {"path": "job.toml"}
    yield bb.open_result, {"path": "x.h5"}
    yield bb.open_run, {"path": "x.h5"}
    yield bb.Sweep, {"root": {"model.W": [1.0]}}
    yield (
        bb.run,
        {"job": bb.Job(model=bb.Ring(N=3), spectrum=bb.Spectrum(window="whole")), "output": "x.h5", "share": (0, 1)},
    )


CALLABLE = dict(calls())


@given(st.sampled_from(list(CALLABLE)), st.data())
@CALLS
def test_malformed_calls(function, data):
    """One argument of a right call is something else."""
    chosen = dict(CALLABLE[function])
    chosen[data.draw(st.sampled_from(list(chosen)))] = data.draw(OBJECTS)
    if function is bb.Sweep:
        outcome(bb.Sweep, chosen["root"])
    else:
        outcome(function, **chosen)


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("ensemble", {"realizations": 2**63}),
        ("ensemble", {"first": 10**5000}),
        ("ensemble", {"seed": 10**5000}),
        ("sweep", {"model.W": {"start": 0, "stop": 1, "count": 10**9}}),
        ("sweep", {"model.W": {"start": 0, "stop": 1e9, "step": 1}}),
        ("sweep", {"model.W": {"start": 0, "stop": 1e150, "step": 5e-324}}),
        ("sweep", {f"model.{key}": {"start": 0, "stop": 1, "count": 1000} for key in ("W", "g", "Gamma")}),
        ("sweep", {"spectrum.shells": [2, 10**7]}),
        ("measure", {"propagator": {"kappa": [1e300]}}),
        ("measure", {"propagator": {"kappa": 1e300}}),
        ("model", {"name": "imbrie", "L": 4, "g": 1e300}),
        ("model", {"name": "imbrie", "L": 10**300}),
    ],
)
def test_what_would_be_too_much_is_refused_at_load_without_memory(section, value):
    data = {"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole"}, section: value}
    parse_job({"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole"}})
    tracemalloc.start()
    with pytest.raises(JobError, match=section):
        parse_job(data)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "1" * 5000, "a = 1" + "\na.b = 1", "\0", "[" * 9000])
def test_files_that_no_parser_likes(text):
    Path("job.toml").write_text(text)
    with pytest.raises(JobError, match=r"job\.toml is not valid"):
        bb.load_job("job.toml")


@pytest.mark.parametrize(
    "target",
    [".", "", "/", "..", "new/", "a" * 200, "a" * 5000, "x/" * 3000, "a\0b", "job.toml/x.h5"],
    ids=lambda t: t[:8],
)
def test_an_impossible_target_is_refused_before_anything_is_touched(target):
    job = bb.Job(model=bb.Ring(N=3), spectrum=bb.Spectrum(window="whole"))
    Path("job.toml").write_text(job.to_toml())
    Path("new").mkdir()
    with pytest.raises(FileError):
        bb.run("job.toml", target)
    assert sorted(p.name for p in Path().rglob("*")) == ["b.mtx", "job.toml", "new", "s.mtx"]


def test_numpy_and_lists_are_welcome():
    """Sites, couplings, sizes and labels as a Python user has them: the same model as with plain numbers."""
    couplings = [[np.float64(1.0), np.int64(1), np.int32(2)], [0.5, 2, 3]]
    m = bb.Custom(
        L=np.int64(4), system=[["z", [[np.float32(0.5), 0]]]], bath=[["zz", couplings]], interaction=[["xx", [[1, 0, 1]]]],
        symmetries=[{"name": "s", "sign": np.array([0, 1])}],
    )  # fmt: skip
    plain = bb.Custom(
        L=4, system=(("z", ((0.5, 0),)),), bath=(("zz", ((1.0, 1, 2), (0.5, 2, 3))),), interaction=(("xx", ((1, 0, 1),)),),
        symmetries=(bb.DeclaredSymmetry(name="s", sign=(0, 1)),),
    )  # fmt: skip
    assert m == plain
    assert bb.Nearest(target=np.float32(0.5), k=np.uint8(3)) == bb.Nearest(target=0.5, k=3)
    assert bb.MeasurePropagator(kappa=np.geomspace(0.1, 10, 3)).kappa == tuple(np.geomspace(0.1, 10, 3))
    drawn = bb.draw(m, seed=np.int64(3), realization=np.int16(1))
    states = bb.solve(bb.build(drawn), "whole", engine="dense", symmetries=["s"], sector={"s": np.int64(1)})
    assert states.energies.size == 8


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bb.Ring(n=7), ["Ring is not valid", "n: unknown key; did you mean 'N'?"]),
        (lambda: bb.Custom(L=3, system=[["z", [[1.0, 7]]]], bath=[], interaction=[]), ["system.0: sites [7]", "0 ... 0"]),
        (lambda: bb.Nearest(k=2.5), ["Nearest", "k: must be a whole number, got 2.5"]),
        (lambda: bb.Ring(7), ["Ring takes keywords only: N, g, h, boundary"]),
        (lambda: bb.Custom(L=3, system=[["z", [[1j, 0]]]]), ["system: the coupling [0, 1] of 'z' on [0] must be real"]),
        (lambda: bb.Ring(N=3, g=1j), ["g: must be a number, got 0+1j"]),
        (lambda: bb.MeasurePropagator(kappa=1j), ["kappa: must be a list, got 0+1j"]),
        (lambda: bb.build(bb.Ring(N=4)), ["a Ring is not drawn yet: build(draw(model"]),
        (lambda: bb.Job(model=bb.draw(bb.Ring(N=4)), spectrum={"window": "whole"}), ["model: a value of type SpinComposite"]),
        (lambda: bb.Spectrum(window="whole", k=3), ["k: unknown key; the keys here are: engine, sector"]),
        (lambda: bb.solve(bb.build(bb.draw(bb.Ring(N=4))), {"kind": "nearst"}), ["window: kind must be one of", "'nearest'?"]),
        (lambda: bb.Sweep({"model.W": {"start": 1, "stop": 2, "cuont": 3}}), ["model.W.cuont", "did you mean 'count'?"]),
    ],
)  # fmt: skip
def test_python_errors_name_the_key_and_the_remedy(call, words):
    with pytest.raises(JobError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert isinstance(caught.value, ValueError)
