"""Damaged, locked and unreadable files: found before the HDF5 library opens them, and left as they are."""

import fcntl
import os

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from support import bigbath, python

from bigbath.cluster.run import run
from bigbath.errors import FileError
from bigbath.job import load_job, parse_job
from bigbath.store import open_result, write_result
from bigbath.tasks import Task

LONG = bool(os.environ.get("BIGBATH_LONG"))
JOB = parse_job({"model": {"name": "imbrie", "L": 4}, "spectrum": {"window": "whole", "engine": "dense"}})
SECTOR = 512

#: Zeroes sectors of argv[1] one at a time and opens it; prints how many were found, and which were not.
ZEROED = """
import sys
from pathlib import Path
import numpy as np
from bigbath.errors import FileError
from bigbath.store import open_result
path, whole = Path(sys.argv[1]), Path(sys.argv[1]).read_bytes()
found = 0
for start in range(0, len(whole), 512):
    damaged = bytearray(whole)
    damaged[start : start + 512] = bytes(len(damaged[start : start + 512]))
    if damaged == whole:
        continue
    path.write_bytes(damaged)
    try:
        open_result(path)
        print("not found:", start)
    except FileError:
        found += 1
print(found)
"""


def write(path, tasks=3):
    stream = np.random.default_rng(1)
    data = xr.Dataset({"P": (("bath_state", "shell"), stream.random((20, 90))), "q": ("state", stream.random(500))})
    write_result(path, JOB, [(Task(realization=r), data) for r in range(tasks)], {"seconds": {"total": 1.0}})
    return path


def test_every_zeroed_sector_is_found_at_once(tmp_path):
    path = write(tmp_path / "result.h5")
    whole = path.read_bytes()
    filled = sum(any(whole[i : i + SECTOR]) for i in range(0, len(whole), SECTOR))
    process = python("-c", ZEROED, path, timeout=60)
    assert (process.returncode, process.stdout.split()) == (0, [str(filled)]), process.stdout + process.stderr
    assert filled > 50


@settings(max_examples=500 if LONG else 40)
@given(st.data())
def test_any_damage_is_found(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("damage") / "result.h5")
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.sampled_from([1, 8, SECTOR, 4096, len(whole)]))
    kind = data.draw(st.sampled_from(["zeroed", "overwritten", "cut out", "cut off", "doubled"]))
    part = whole[start : start + length]
    new = {
        "zeroed": bytes(len(part)),
        "overwritten": np.random.default_rng(start).bytes(len(part)),
        "cut out": b"",
        "cut off": b"",
        "doubled": part + part,
    }[kind]
    damaged = whole[:start] + new + (b"" if kind == "cut off" else whole[start + length :])
    path.write_bytes(damaged)
    if damaged == whole:
        open_result(path)
        return
    with pytest.raises(FileError):
        open_result(path)
    assert path.read_bytes() == damaged


def test_no_command_hangs_on_a_zeroed_sector(tmp_path):
    """In the result file every command ends with exit code 5; a shard is listed and computed again."""
    job = tmp_path / "job.toml"
    job.write_text(
        '[model]\nname = "imbrie"\nL = 4\n[spectrum]\nwindow = "whole"\nengine = "dense"\n[ensemble]\nrealizations = 2\n'
    )
    output, unfinished, stream = tmp_path / "out.h5", tmp_path / "unfinished.h5", np.random.default_rng(3)
    run(load_job(job), output)
    run(load_job(job), unfinished, share=(0, 2))
    (shard,) = (tmp_path / "unfinished.h5.parts").glob("*.h5")
    for path in (output, shard):
        whole = path.read_bytes()
        filled = [i for i in range(0, len(whole), SECTOR) if any(whole[i : i + SECTOR])]
        start = int(stream.choice(filled[1:]))
        path.write_bytes(whole[:start] + bytes(SECTOR) + whole[start + SECTOR :])
    for command in (["show", output], ["run", job, "-o", output]):
        process = bigbath(*command, timeout=60)
        assert process.returncode == 5 and "damaged" in process.stderr, process.stderr
    assert f"corrupt: {shard}" in bigbath("status", unfinished, timeout=60).stdout
    assert run(load_job(job), unfinished) == "done"
    assert len(open_result(unfinished).tasks) == 2


def test_a_file_that_another_process_writes_is_not_called_damaged(tmp_path):
    path = write(tmp_path / "result.h5")
    with h5py.File(path, "a"), pytest.raises(FileError, match="open for writing in another process") as error:
        open_result(path)
    assert "remov" not in str(error.value)
    truncated = tmp_path / "truncated.h5"
    truncated.write_bytes(path.read_bytes()[:-700])
    with open(truncated, "r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(FileError, match="open for writing in another process"):
            open_result(truncated)
    with pytest.raises(FileError, match="truncated or damaged"):
        open_result(truncated)
    open_result(path)  # readers do not disturb each other
    with h5py.File(path, "r"):
        open_result(path)


def test_files_that_cannot_be_read_say_why(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*directory"):
        open_result(tmp_path)
    with pytest.raises(FileError, match=r"cannot read .*too long"):
        open_result(tmp_path / ("x" * 300))
    (tmp_path / "nowhere.h5").symlink_to(tmp_path / "absent" / "file.h5")
    with pytest.raises(FileError, match="there is no file"):
        open_result(tmp_path / "nowhere.h5")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "result.h5"
    link.symlink_to(tmp_path / "disk" / "real.h5")
    write(link)
    assert link.is_symlink()
    assert [p.name for p in (tmp_path / "disk").iterdir()] == ["real.h5"]
    assert len(open_result(link).tasks) == 3


def test_a_link_to_nowhere_is_refused_before_the_work(tmp_path):
    link = tmp_path / "result.h5"
    link.symlink_to(tmp_path / "absent" / "real.h5")
    with pytest.raises(FileError, match="cannot write"):
        run(JOB, link)


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_names_that_are_no_files_are_refused(name):
    with pytest.raises(FileError):
        run(JOB, name)
