"""Where a result comes from: versions, machine, threads, timings, peak memory."""

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from functools import cache
from typing import Any

import threadpoolctl

from bigbath.resources import cores, peak_memory
from bigbath.solvers.petsc_environment import options_in_force

PACKAGES = (
    "bigbath",
    "numpy",
    "scipy",
    "quspin",
    "numba",
    "h5py",
    "xarray",
    "petsc4py",
    "slepc4py",
    "mpi4py",
)


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def provenance(*, ranks: int, seconds: dict[str, float], **more: Any) -> dict[str, Any]:
    """Provenance of a run that ends now, as JSON data; ``seconds``: timings by stage."""
    blas = sorted(
        {
            f"{p['internal_api']} {p['version']} ({p['num_threads']} threads)"
            for p in threadpoolctl.threadpool_info()
            if p["user_api"] == "blas"
        }
    )
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": platform.platform(),
        "cores": cores(),
        "ranks": ranks,
        "blas": blas,
        "threads_environment": {k: v for k, v in os.environ.items() if k.endswith("_NUM_THREADS")},
        "petsc_options": options_in_force(),
        "seconds": seconds,
        "peak_memory_bytes": peak_memory(),
        **more,
    }
