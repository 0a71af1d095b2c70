"""What surrounds a run: variables of launchers and batch systems, caches, options of PETSc, other packages."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import bigbath, python

import bigbath as bigbath_package
from bigbath import resources
from bigbath.cluster.run import share_of_array
from bigbath.errors import JobError
from bigbath.resources import bytes_of, cores, count_in, memory_limit, node_cores
from bigbath.store import open_result

JOB = """
[model]
name = "imbrie"
L = 5
[spectrum]
window = { kind = "nearest", target = 0.1, k = 5 }
engine = "ENGINE"
"""


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB.replace("ENGINE", "dense"))
    return path


@given(st.lists(st.integers(1, 10**8), min_size=1, max_size=4), st.sampled_from([",", ", ", " ,"]))
def test_the_first_number_of_nested_levels_counts(numbers, comma):
    assert count_in("X", {"X": comma.join(map(str, numbers))}) == numbers[0]


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_absent_or_a_clear_error(text):
    try:
        count = count_in("OMP_NUM_THREADS", {"OMP_NUM_THREADS": text})
    except JobError as error:
        assert "OMP_NUM_THREADS" in str(error) and "unset" in str(error)
    else:
        assert (count is None) == (text.strip() == "")
        assert count is None or count >= 1


@given(
    st.integers(0, 10**6),
    st.sampled_from([("", 20), ("K", 10), ("M", 20), ("MB", 20), ("G", 30), ("gb", 30), ("T", 40)]),
)
def test_amounts_of_memory(number, unit):
    assert bytes_of(f"{number}{unit[0]}") == number * 2 ** unit[1]


@pytest.mark.parametrize("text", ["", "abc", "-4", "4X", "4 G 5", "1e9", "nan"])
def test_what_is_no_amount_of_memory(text):
    assert bytes_of(text) is None


def test_memory_that_slurm_grants(monkeypatch):
    for name in ("SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"):
        monkeypatch.delenv(name, raising=False)
    free = memory_limit()
    used = resources.psutil.Process().memory_info().rss

    def limit(**variables):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return memory_limit()

    for unlimited in ("0", "", "0G"):
        assert limit(SLURM_MEM_PER_NODE=unlimited) > free / 2
    few = (used >> 20) + 64
    assert 0 < limit(SLURM_MEM_PER_NODE=str(few)) < 2**27
    assert 0 < limit(SLURM_MEM_PER_NODE=f"{few}M") < 2**27
    assert limit(SLURM_MEM_PER_CPU="1M", SLURM_CPUS_ON_NODE="3") == 0
    with pytest.raises(JobError, match="SLURM_MEM_PER_NODE"):
        limit(SLURM_MEM_PER_NODE="much")


def test_empty_variables_count_as_absent(monkeypatch):
    for name in ("SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK", *resources.LAUNCHED, *resources.LAUNCHED_HERE):
        monkeypatch.setenv(name, "")
    assert cores() >= 1 and node_cores() >= 1
    assert resources.launched_ranks() == resources.launched_ranks_here() == 1
    assert share_of_array(None, {"SLURM_ARRAY_TASK_ID": "", "SLURM_ARRAY_TASK_COUNT": ""}) == (0, 1)


@pytest.mark.parametrize("odd", ["first", "-1", "1.5"])
def test_odd_array_variables_are_named(odd):
    with pytest.raises(JobError, match="SLURM_ARRAY_TASK_ID"):
        share_of_array(None, {"SLURM_ARRAY_TASK_ID": odd, "SLURM_ARRAY_TASK_COUNT": "4"})


@pytest.mark.parametrize(("threads", "code"), [("", 0), ("4,2", 0), ("two", 2)])
def test_threads_of_a_run(job, tmp_path, threads, code):
    process = python("-m", "bigbath.cli.main", "run", job, "-o", tmp_path / "r.h5", OMP_NUM_THREADS=threads)
    assert process.returncode == code, process.stderr
    assert "Traceback" not in process.stderr
    assert ("OMP_NUM_THREADS = 'two'" in process.stderr) == (code == 2)


KERNEL = """
import numpy as np
from bigbath.kernels import bin_probabilities
bins, sums = np.zeros((2, 3)), np.zeros((2, 5))
bin_probabilities(np.full((2, 4), 0.25), np.array([0, 0, 1, 2]), np.arange(4.0), bins, sums)
print(bins.tolist())
"""


def test_a_damaged_cache_of_kernels_is_compiled_again(tmp_path):
    def run():
        process = python("-c", KERNEL, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_NUM_THREADS="1")
        assert process.returncode == 0, process.stderr
        assert json.loads(process.stdout) == [[0.5, 0.25, 0.25]] * 2
        return process.stderr

    assert run() == ""
    files = sorted(p for p in tmp_path.rglob("*") if p.suffix in (".nbi", ".nbc"))
    assert {p.suffix for p in files} == {".nbi", ".nbc"}
    assert run() == ""
    stream = np.random.default_rng(5)
    for damage in ("flip", "cut", "empty"):
        for path in files:
            content = bytearray(path.read_bytes())
            if damage == "flip":
                content[stream.integers(len(content))] ^= 1 << int(stream.integers(8))
            path.write_bytes({"flip": content, "cut": content[: len(content) // 2], "empty": b""}[damage])
        assert "compiled again" in run()
        assert run() == ""


def test_every_kernel_has_the_sealed_cache():
    kernels = Path(bigbath_package.__file__).parent / "kernels"
    for path in kernels.glob("*.py"):
        if path.name != "compiled.py":
            assert not re.search(
                r"import .*\bn?jit\b", path.read_text().replace("bigbath.kernels.compiled import njit", "")
            )


def test_without_a_place_for_a_cache_kernels_are_compiled(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    places = {"NUMBA_CACHE_DIR": str(nowhere / "below"), "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    process = python("-c", KERNEL, NUMBA_NUM_THREADS="1", **places)
    assert process.returncode == 0, process.stderr
    assert process.stderr.count("set NUMBA_CACHE_DIR") == 1


@pytest.mark.petsc
def test_options_of_petsc_are_recorded(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB.replace("ENGINE", "shift-invert"))
    assert bigbath("run", path, PETSC_OPTIONS="-eps_max_it 77 -mat_mumps_icntl_14 30").returncode == 0
    result = open_result(tmp_path / "job.h5")
    (dataset,) = result.tasks.values()
    recorded = json.loads(dataset.attrs["provenance"])["petsc_options"]
    assert recorded == {"eps_max_it": "77", "mat_mumps_icntl_14": "30"}


@pytest.mark.petsc
@pytest.mark.parametrize("options", ["eps_ncv 50", '-eps_tol "1e-3', "-options_file /not/there"])
def test_malformed_options_of_petsc(tmp_path, options):
    path = tmp_path / "job.toml"
    path.write_text(JOB.replace("ENGINE", "shift-invert"))
    process = bigbath("run", path, PETSC_OPTIONS=options)
    assert process.returncode == 2, process.stderr
    assert "PETSC_OPTIONS" in process.stderr and "Traceback" not in process.stderr


def test_another_package_of_quspins_name(job, tmp_path):
    shadow = tmp_path / "site"
    for directory in ("quspin", "other-1.0.dist-info"):
        (shadow / directory).mkdir(parents=True)
    (shadow / "quspin" / "__init__.py").write_text("")
    (shadow / "other-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (shadow / "other-1.0.dist-info" / "top_level.txt").write_text("quspin\n")
    path = os.pathsep.join([str(shadow), os.environ.get("PYTHONPATH", "")])
    process = bigbath("run", job, PYTHONPATH=path)
    assert process.returncode == 4 and "pip uninstall other" in process.stderr
    process = bigbath("doctor", PYTHONPATH=path)
    assert process.returncode == 4 and "to do: no other distribution installs a package `quspin`" in process.stdout
