"""Markers and fixtures of the whole suite.

Tests marked ``petsc`` need a real PETSc with MUMPS. Without it they fail; they are skipped only where the variable
BIGBATH_NO_PETSC=1 says that its absence is intended.
"""

import os

# Tiny matrices: OpenMP and BLAS threads only wait for each other. Numba's own threads are left alone.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

settings.register_profile("bigbath", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("bigbath")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "petsc: needs a real PETSc, SLEPc and MUMPS; skipped only if BIGBATH_NO_PETSC=1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("petsc") and os.environ.get("BIGBATH_NO_PETSC") == "1":
        pytest.skip("BIGBATH_NO_PETSC=1")


@pytest.fixture(autouse=True)
def _no_global_seeding() -> None:
    """No test and no module may depend on NumPy's global random state."""
    import numpy as np

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    yield
    assert (np.random.get_state()[1] == before).all(), "the global random state was used"  # noqa: NPY002
