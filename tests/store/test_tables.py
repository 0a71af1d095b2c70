"""Results as labelled arrays, tables and files for other programs; large ensembles open at once."""

import json
import time

import numpy as np
import pytest
import xarray as xr
from support import bigbath

import bigbath as bb
from bigbath.errors import JobError
from bigbath.progress import silent
from bigbath.store import result as storing
from bigbath.tasks import tasks_of

JOB = bb.Job(
    model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), measure={"gap_ratio": {}, "participation": {}},
    ensemble=bb.Ensemble(realizations=3), sweep={"model.W": [1.0, 2.0], "model.g": [0.1, 0.4, 0.5]},
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "result.h5"
    bb.run(JOB, path, report=silent)
    return path


def test_dimensions_are_python_names_with_the_key_of_the_job(file):
    ds = bb.open_run(file).dataset
    assert set(ds.sizes) >= {"W", "g", "realization", "state", "q"}
    assert ds.W.attrs["key"] == "model.W" and ds.W.attrs["long_name"]
    assert all(str(d).isidentifier() for d in ds.dims)
    for task, one in bb.open_run(file).tasks.items():
        W, g = ((1.0, 2.0)[task.point // 3], (0.1, 0.4, 0.5)[task.point % 3])
        here = ds.sel(W=W, g=g, realization=task.realization)
        assert float(here.E_min) == one.attrs["E_min"] and float(here.E_max) == one.attrs["E_max"]
        assert np.array_equal(here.energy, one.energy)
        expected = (one.energy - one.attrs["E_min"]) / (one.attrs["E_max"] - one.attrs["E_min"])
        assert np.allclose(here.energy_density, expected)


def test_a_key_that_is_also_a_variable_is_written_in_full():
    names = storing._python_names(["model.W", "model.q", "spectrum.window.k", "bath.window.k"], {"q"})
    assert list(names.values()) == ["W", "model_q", "spectrum_window_k", "bath_window_k"]


def test_a_table_has_a_row_for_each_number(file):
    result = bb.open_run(file)
    table = result.to_dataframe("participation")
    assert len(table) == 18 * 32 * 2
    row = table[(table.W == 2.0) & (table.g == 0.4) & (table.realization == 1) & (table.q == 2.0)]
    assert np.array_equal(
        row.sort_values("state").participation, result.dataset.participation.sel(W=2.0, g=0.4, realization=1, q=2.0)
    )
    with pytest.raises(JobError, match="this result holds"):
        result.to_dataframe("gap")
    with pytest.raises(JobError, match="name the variables"):
        result.to_dataframe()


def test_a_file_is_exported(file, tmp_path):
    ds = bb.open_run(file).dataset
    for ending in ("csv", "npz", "nc"):
        done = bigbath("export", file, "-o", tmp_path / f"x.{ending}", "--what", "gap_ratio,participation")
        assert done.returncode == 0, done.stderr
    arrays = np.load(tmp_path / "x.npz")
    assert np.array_equal(arrays["participation"], ds.participation)
    assert json.loads(str(arrays["dimensions"]))["participation"] == list(ds.participation.dims)
    with xr.open_dataset(tmp_path / "x.nc") as found:
        assert np.array_equal(found.participation, ds.participation)
        assert found.participation.attrs["long_name"] == "participation entropy"
    header, *rows = (tmp_path / "x.csv").read_text().splitlines()
    assert header.startswith("W,g,realization") and len(rows) == 18 * 32 * 2
    done = bigbath("export", file, "-o", tmp_path / "means.csv")
    assert done.returncode == 0, done.stderr
    header, *rows = (tmp_path / "means.csv").read_text().splitlines()
    assert header == "W,g,number,mean,error,count,unit" and len(rows) == 6 * 3
    for wrong, words in (("x.txt", "csv, npz or nc"), ("x.csv", "--what nothing")):
        done = bigbath("export", file, "-o", tmp_path / wrong, *(["--what", "nothing"] if wrong == "x.csv" else []))
        assert done.returncode == 2 and words in done.stderr


def test_everything_is_exported_by_default(file, tmp_path):
    assert bigbath("export", file, "-o", tmp_path / "all.nc").returncode == 0
    with xr.open_dataset(tmp_path / "all.nc") as found:
        assert set(found.data_vars) == set(bb.open_run(file).dataset.data_vars)
        assert found.gap_ratio_unresolved.values.ravel()[0] == "resolved"


def test_a_large_ensemble_opens_at_once_and_is_read_when_it_is_looked_at(file, tmp_path):
    """480 tasks: opening takes less than a second of processor time, and still gives every number."""
    job = bb.Job(model=bb.Imbrie(L=4), spectrum=bb.Spectrum(window="whole"), ensemble=bb.Ensemble(realizations=480))
    (one, *_) = bb.open_run(file).tasks.values()
    tasks = [(task, one.assign_coords(energy=one.energy + n)) for n, task in enumerate(tasks_of(job))]
    storing.write_result(tmp_path / "large.h5", job, tasks, {"seconds": {}})
    begun = time.process_time()
    result = bb.open_run(tmp_path / "large.h5")
    assert len(result.tasks) == 480
    assert time.process_time() - begun < 1
    (tmp_path / "large.h5").unlink()
    for n, task in enumerate(tasks_of(job)):
        if n % 37 == 0:
            assert np.array_equal(result.tasks[task].energy, one.energy + n)
