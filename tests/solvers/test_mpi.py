"""Real MPI: the same states from several ranks as from one."""

import re
from pathlib import Path

import pytest
from support import mpirun

pytestmark = [pytest.mark.petsc, pytest.mark.alone]
FOLDER = Path(__file__).parent


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_agree_with_one_process(ranks):
    process = mpirun(ranks, FOLDER / "mpi_shift_invert.py")
    assert process.returncode == 0, process.stderr[-3000:]
    assert sorted(re.findall(r"OK \d", process.stdout)) == [f"OK {r}" for r in range(ranks)]  # lines may run together


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_of_the_filter_agree_with_lapack(ranks):
    process = mpirun(ranks, FOLDER / "mpi_filter.py")
    assert process.returncode == 0, process.stderr[-3000:]
    assert sorted(re.findall(r"OK \d", process.stdout)) == [f"OK {r}" for r in range(ranks)]


def test_a_failing_rank_fails_the_run():
    process = mpirun(2, FOLDER / "mpi_shift_invert.py", "fail")
    assert process.returncode != 0
    assert "this rank fails on purpose" in process.stderr
    assert "OK" not in process.stdout
