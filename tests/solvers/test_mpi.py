"""Real MPI: the same states from several ranks as from one."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import clean_environment

pytestmark = [pytest.mark.petsc, pytest.mark.alone]
FOLDER = Path(__file__).parent


def mpirun(ranks, *arguments, script="mpi_shift_invert.py"):
    assert shutil.which("mpirun"), "mpirun is not on the path"
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), sys.executable, "-m", "mpi4py"]
    environment = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment["OMPI_MCA_mpi_yield_when_idle"] = "1"  # more ranks than cores
    return subprocess.run(
        [*command, str(FOLDER / script), str(ranks), *arguments], capture_output=True, text=True, timeout=600,
        env=clean_environment(**environment), check=False,
    )  # fmt: skip


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_agree_with_one_process(ranks):
    process = mpirun(ranks)
    assert process.returncode == 0, process.stderr[-3000:]
    assert sorted(re.findall(r"OK \d", process.stdout)) == [f"OK {r}" for r in range(ranks)]  # lines may run together


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_of_the_filter_agree_with_lapack(ranks):
    process = mpirun(ranks, script="mpi_filter.py")
    assert process.returncode == 0, process.stderr[-3000:]
    assert sorted(re.findall(r"OK \d", process.stdout)) == [f"OK {r}" for r in range(ranks)]


def test_a_failing_rank_fails_the_run():
    process = mpirun(2, "fail")
    assert process.returncode != 0
    assert "this rank fails on purpose" in process.stderr
    assert "OK" not in process.stdout
