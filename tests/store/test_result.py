"""Result files: round trip, and every kind of damage is found and leaves the file as it is."""

import json

import h5py
import numpy as np
import pytest
import xarray as xr

from bigbath.errors import FileError
from bigbath.job import job_hash, parse_job, resolved
from bigbath.store import SCHEMA, open_result, provenance, read_header, write_result
from bigbath.store.seal import seal
from bigbath.tasks import Task
from bigbath.variables import described

JOB = parse_job(
    {
        "title": "t",
        "model": {"name": "imbrie", "L": 4},
        "spectrum": {"window": "whole"},
        "ensemble": {"realizations": 3},
    }
)


def dataset(realization, k=300):
    stream = np.random.default_rng(realization)
    return xr.Dataset(
        {
            "P": (("bath_state", "shell"), stream.random((5, 40))),
            "shell_count": ("shell", stream.integers(0, 9, 40)),
            "label": ("sector", np.array(["reflection +1", "reflection -1"])),
            "empty": ("nothing", np.empty(0)),
        },
        coords={"energy": ("state", np.sort(stream.standard_normal(k))), "shell": np.arange(40)},
        attrs={"evidence_spectrum": json.dumps({"complete": "yes", "found": k}), "E_min": -3.5},
    )


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "result.h5"
    write_result(
        path,
        JOB,
        ((Task(realization=r), dataset(r)) for r in range(3)),
        provenance(ranks=1, seconds={"total": 1.5}, seed=1),
    )
    return path


def test_round_trip(written):
    result = open_result(written)
    assert result.job == JOB
    assert result.job_hash == job_hash(JOB)
    assert list(result.realizations) == [0, 1, 2]
    for r, ds in result.realizations.items():
        xr.testing.assert_identical(ds, described(dataset(r)))
        assert ds.P.dtype == float
    assert result.evidence(1)["complete"] == "yes"
    assert result.provenance["seconds"] == {"total": 1.5}
    assert result.provenance["versions"]["numpy"] == np.__version__
    assert result.provenance["peak_memory_bytes"] > 2**20
    assert result.dataset.sizes["realization"] == 3
    assert np.array_equal(result.dataset.P.sel(realization=2), dataset(2).P)
    assert list(written.parent.iterdir()) == [written]


def test_the_file_can_be_read_without_bigbath(written):
    with h5py.File(written) as file:
        assert file.attrs["bigbath_schema"] == SCHEMA
        assert json.loads(file["job"][()]) == resolved(JOB)
        assert np.array_equal(file["realization_00002/P"][:], dataset(2).P)
        assert list(file["realization_00002/P"].attrs["dims"]) == list(dataset(2).P.dims)


def test_realizations_of_different_length_are_padded(tmp_path):
    write_result(
        tmp_path / "r.h5",
        JOB,
        [(Task(realization=0), dataset(0)), (Task(realization=4), dataset(4).isel(shell=slice(30)))],
        {},
    )
    joined = open_result(tmp_path / "r.h5").dataset
    assert list(joined.realization.values) == [0, 4]
    assert np.isnan(joined.P.sel(realization=4).values[:, 30:]).all()
    assert np.array_equal(joined.P.sel(realization=4).values[:, :30], dataset(4).P.values[:, :30])


def test_a_truncated_file_is_refused_at_any_length(written):
    whole = written.read_bytes()
    stream = np.random.default_rng(0)
    lengths = {0, 1, 8, 100, len(whole) // 2, len(whole) - 1, *stream.integers(0, len(whole), 30).tolist()}
    for length in lengths:
        written.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"truncated|damaged"):
            open_result(written)
        assert written.read_bytes() == whole[:length]


def test_a_flipped_bit_anywhere_is_found(written):
    whole = written.read_bytes()
    stream = np.random.default_rng(2)
    for offset in [*range(0, 512, 23), *stream.integers(0, len(whole), 150)]:
        damaged = bytearray(whole)
        damaged[offset] ^= 1 << int(stream.integers(8))
        written.write_bytes(damaged)
        with pytest.raises(FileError, match=str(written)):
            open_result(written)
        assert written.read_bytes() == bytes(damaged)


def test_what_is_not_a_result_is_refused(tmp_path):
    with pytest.raises(FileError, match="there is no file"):
        open_result(tmp_path / "absent.h5")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = [1.0]
    with pytest.raises(FileError, match="not a bigbath result"):
        open_result(other)
    text = tmp_path / "text.h5"
    text.write_text("hello" * 1000)
    with pytest.raises(FileError, match="not an HDF5 file"):
        open_result(text)
    with pytest.raises(FileError):
        open_result(tmp_path)


def test_a_later_schema_is_refused(written):
    with h5py.File(written, "a") as file:
        file.attrs["bigbath_schema"] = SCHEMA + 1
    seal(written)
    with pytest.raises(FileError, match=f"schema {SCHEMA + 1}"):
        read_header(written)


def test_a_failed_write_keeps_the_old_file(written):
    before = written.read_bytes()

    def broken():
        yield Task(realization=0), dataset(0)
        raise OSError("disk full")

    with pytest.raises(FileError, match="disk full"):
        write_result(written, JOB, broken(), {})
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_a_place_below_a_file_cannot_be_written(written):
    with pytest.raises(FileError, match="cannot write"):
        write_result(written / "below.h5", JOB, [(Task(realization=0), dataset(0))], {})
