"""Matrix-free steps in a sector of fixed magnetisation, its rows shared out over real MPI ranks; BIGBATH_LONG=1: more of them."""

import os
import re
from pathlib import Path

import pytest
from support import mpirun

pytestmark = [pytest.mark.petsc, pytest.mark.alone]  # that PETSc brings MPI
RANKS = (1, 2, 3, 4, 7) if os.environ.get("BIGBATH_LONG") == "1" else (2, 3, 4)


@pytest.mark.parametrize("ranks", RANKS)
def test_steps(ranks):
    process = mpirun(ranks, Path(__file__).parent / "mpi_ranked.py")
    assert process.returncode == 0, process.stderr[-3000:]
    assert sorted(re.findall(r"OK \d", process.stdout)) == [f"OK {r}" for r in range(ranks)]
