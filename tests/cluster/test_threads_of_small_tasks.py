"""A job of small sectors runs on one thread, a larger one on the threads that the process has; afterwards all is as before."""

import json

import pytest
import threadpoolctl

import bigbath as bb
from bigbath.cluster.run import SMALL


def threads():
    """Number of threads of each BLAS that is loaded."""
    return [p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]


@pytest.mark.parametrize(("L", "sector"), [(6, None), (12, {"magnetisation": 0}), (11, None)])
def test_small_tasks_have_one_thread(tmp_path, L, sector):
    spectrum = bb.Spectrum(window="none", sector=sector)
    times = bb.MeasureDynamics(times=[0.1], observe=["energy"])
    job = bb.Job(model=bb.XXZ(L=L, W=1.0), spectrum=spectrum, measure=bb.Measures(dynamics=times))
    bb.run(job, tmp_path / "warm.h5", share=(1, 2))  # loads what is loaded when it is first used
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        bb.run(job, tmp_path / "out.h5")
        assert threads() == before and 2 in before
    (task,) = bb.open_result(tmp_path / "out.h5").tasks.values()
    blas = json.loads(task.attrs["provenance"])["blas"]
    is_small = (924 if sector else 2**L) <= SMALL
    assert all("(1 threads)" in text for text in blas) == is_small
