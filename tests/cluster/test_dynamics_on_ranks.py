"""``[measure.dynamics]`` under mpirun: realizations shared out, and one realization on two ranks; the same numbers as one process."""

import pytest
from support import assert_same_numbers, bigbath

from bigbath.cluster.run import run
from bigbath.job import load_job
from bigbath.store import open_run

JOB = """
[model]
name = "xxz"
L = 8
W = 1.0
[spectrum]
window = {window}
sector = {{ magnetisation = 0 }}
{bath}
[measure.dynamics]
times = {{ stop = 10, count = 21 }}
observe = ["populations", "density_matrix", "survival", "imbalance", "entanglement", "energy"{entropy}]
autocorrelation = {{ letters = "z", sites = [2] }}
shots = {{ sigma = 1.0, count = 200 }}
[ensemble]
realizations = {realizations}
"""

VECTORS = """
[measure.evolution]
times = [1.0, 4.0]
width = 2.0
vectors = 3
"""

EXACT = {"bath": '[bath]\nwindow = "whole"', "entropy": ', "observational_entropy"'}
CASES = {
    "three realizations": (JOB.format(window='"none"', realizations=3, bath=VECTORS, entropy=""), ()),
    "one on two ranks": (JOB.format(window='"whole"', realizations=1, **EXACT), ("--ranks-per-task", 2)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers(tmp_path, case):
    text, options = CASES[case]
    job = tmp_path / "job.toml"
    job.write_text(text)
    run(load_job(job), tmp_path / "one.h5")
    process = bigbath("run", job, "-o", tmp_path / "two.h5", *options, ranks=2)
    assert process.returncode == 0, process.stderr
    assert_same_numbers(open_run(tmp_path / "one.h5"), open_run(tmp_path / "two.h5"), 1e-9)
