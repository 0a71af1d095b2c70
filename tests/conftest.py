"""Markers and fixtures of the whole suite.

Tests marked ``petsc`` need a real PETSc with MUMPS, those marked ``slurm`` SLURM's daemons and munge. Without them they
fail; they are skipped only where the variable BIGBATH_NO_PETSC=1 or BIGBATH_NO_SLURM=1 says that this is intended.
Those marked ``alone`` have all cores: ranks that wait for each other at every step are slow on a crowded machine.
"""

import fcntl
import os

# Tiny matrices: OpenMP and BLAS threads only wait for each other. Numba's own threads are left alone.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

settings.register_profile("bigbath", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("bigbath")


#: Name of this process among those of ``pytest -n``.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
NEEDS = {"petsc": "a real PETSc, SLEPc and MUMPS", "slurm": "SLURM's daemons and munge"}


def pytest_configure(config: pytest.Config) -> None:
    for marker, what in NEEDS.items():
        config.addinivalue_line("markers", f"{marker}: needs {what}; skipped only if BIGBATH_NO_{marker.upper()}=1")
    config.addinivalue_line("markers", "alone: the other workers pause")
    if WORKER:  # Numba may mix up kernels that two processes add to one cache
        os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir(f"numba-{WORKER}"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in NEEDS:
        if item.get_closest_marker(marker) and os.environ.get(variable := f"BIGBATH_NO_{marker.upper()}") == "1":
            pytest.skip(f"{variable}=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those marked ``alone`` first: later they would wait for the end of long tests, and the others for them."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> object:
    """Tests share the room; one marked ``alone`` waits in the door until it is empty, and nobody passes it."""
    if not WORKER:
        return (yield)
    locks = item.config.cache.mkdir("alone")
    with open(locks / "door", "w") as door, open(locks / "room", "w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        return (yield)


@pytest.fixture(autouse=True)
def _no_global_seeding() -> None:
    """No test and no module may depend on NumPy's global random state."""
    import numpy as np

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    assert (np.random.get_state()[1] == before).all(), "the global random state was used"  # noqa: NPY002
