"""Compiled kernels that several processes have put on disk, each its own, work together in one that loads them all."""

import os
import subprocess
import sys

import pytest

STEPS = """
import sys
import numpy as np
import bigbath as bb
from bigbath.operators import Scale, operator_of
from bigbath.operators.ranked import RankedOperator
from bigbath.spaces import sectors

for kind in sys.argv[1:]:
    couplings = [1.0] * 8 if kind == "equal" else [1.0 + 0.1 * j for j in range(8)]
    bonds = [[c, j, (j + 1) % 8] for j, c in enumerate(couplings)]
    h = bb.build(bb.draw(bb.Custom(L=8, terms=[["xx", bonds], ["yy", bonds], ["z", [[0.3 * j, j] for j in range(8)]]])))
    (sector,) = sectors(h, only={"magnetisation": 0})
    operator = operator_of(h, sector, Scale(centre=0.0, halfwidth=30.0))
    v = np.random.default_rng(1).normal(size=(sector.dim, 1))
    assert np.abs(operator.product(v) - h.restricted(sector).tocsr() @ v).max() < 1e-12, kind
    assert isinstance(operator, RankedOperator)
"""


@pytest.mark.parametrize("order", [("equal", "unequal"), ("unequal", "equal")])
def test_two_variants_from_two_processes(order, tmp_path):
    settings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    kept = []
    for kinds in ([order[0]], [order[1]], order):
        done = subprocess.run([sys.executable, "-c", STEPS, *kinds], env=settings, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        kept.append(sorted(path.name for path in tmp_path.rglob("*.nbc")))
    assert len(kept[0]) < len(kept[1]) and kept[1] == kept[2]  # the last process has compiled nothing
