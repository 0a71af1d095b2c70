"""``bigbath doctor``: what is installed, whether it works, and what to do about what is missing."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import threadpoolctl

from bigbath.errors import BigbathError
from bigbath.resources import cores, gigabytes, memory_limit
from bigbath.store import versions


@dataclass(kw_only=True)
class Diagnosis:
    """``facts`` by name; ``checks``: name -> passed; ``advice``: what to do about each failure."""

    facts: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)

    def check(self, name: str, passed: bool, remedy: str) -> None:
        """Record one check and, if it failed, its remedy."""
        self.checks[name] = bool(passed)
        if not passed:
            self.advice.append(f"{name}: {remedy}")


def diagnose() -> Diagnosis:
    """Look at the installation and prove its capabilities on 10 x 10 problems."""
    d = Diagnosis()
    d.facts |= {"versions": versions(), "cores": cores(), "free memory": gigabytes(memory_limit())}
    d.facts["threads"] = {k: v for k, v in os.environ.items() if k.endswith("_NUM_THREADS")} or "not set: every core"
    _quspin(d)
    _embedded(d)
    _slepc(d)
    # after the libraries are loaded, so that PETSc's BLAS is seen beside NumPy's
    d.facts["BLAS"] = [
        f"{p['internal_api']} {p['version']}, {p['num_threads']} threads, {p['filepath']}"
        for p in threadpoolctl.threadpool_info()
        if p["user_api"] == "blas"
    ]
    _mpi(d)
    return d


def _quspin(d: Diagnosis) -> None:
    from bigbath.operators import quspin

    others = quspin.strangers()
    remedy = f"`pip uninstall {' '.join(others)}`, then `pip install --force-reinstall quspin`"
    d.check("no other distribution installs a package `quspin`", not others, f"{', '.join(others)} does: {remedy}")
    try:
        quspin.load()
    except BigbathError as error:
        d.check("QuSpin can be loaded", False, str(error))
    else:
        d.check("QuSpin can be loaded", True, "")


def _embedded(d: Diagnosis) -> None:
    from bigbath.models import Ring, disorder_stream
    from bigbath.operators import build
    from bigbath.solvers import Dense, Whole, solve

    try:
        states = solve(build(Ring(N=5).composite(disorder_stream(1, 0))), Whole(), engine=Dense())
        passed, remedy = states.evidence.complete == "yes", states.evidence.reason
    except Exception as error:
        passed, remedy = False, f"{error}; reinstall with `pip install --force-reinstall bigbath`"
    d.check("embedded engine: QuSpin + LAPACK diagonalise a 5-spin ring in its sectors", passed, remedy)


def _slepc(d: Diagnosis) -> None:
    from bigbath.solvers import petsc

    try:
        PETSc, SLEPc = petsc.load()
    except BigbathError as error:
        d.check("real PETSc and SLEPc", False, str(error))
        return
    d.facts["PETSc"] = ".".join(map(str, PETSc.Sys.getVersion()))
    d.facts["SLEPc"] = ".".join(map(str, SLEPc.Sys.getVersion()))
    d.facts["scalar type"] = np.dtype(PETSc.ScalarType).name
    d.facts["index type"] = np.dtype(PETSc.IntType).name
    d.check("real PETSc and SLEPc", True, "")
    mumps = PETSc.Sys.hasExternalPackage("mumps")
    d.check(
        "PETSc has MUMPS",
        mumps,
        "use Debian's libpetsc-real-dev, or configure PETSc with --download-mumps --download-scalapack",
    )
    if not mumps:
        return
    exact = np.linalg.eigvalsh(petsc.tiny_chain().toarray())
    try:
        matrix = petsc.DistributedMatrix.build(petsc.tiny_chain(), None)
        energies, _ = petsc.KrylovSchur(matrix).run(sigma=4.4, nev=2, tol=1e-10)
        nearest = exact[np.argsort(abs(exact - 4.4))[:2]]
        d.check(
            "shift-invert of a 10 x 10 matrix gives its eigenvalues",
            np.allclose(np.sort(energies[:2]), np.sort(nearest), atol=1e-9),
            "rebuild petsc4py and slepc4py against this PETSc: rerun .ci/setup",
        )
        d.check(
            "MUMPS counts inertia",
            petsc.Inertia(matrix).below(4.4) == int((exact < 4.4).sum()),
            "this MUMPS miscounts; use another build",
        )
    except Exception as error:
        d.check("shift-invert of a 10 x 10 matrix gives its eigenvalues", False, f"{error}; rerun .ci/setup")


def _mpi(d: Diagnosis) -> None:
    """In a process of its own, because importing mpi4py starts MPI."""
    code = "from mpi4py import MPI; print(MPI.Get_library_version().splitlines()[0].strip('\\0'), '| size', MPI.COMM_WORLD.size)"
    probe = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if probe.returncode:
        d.check("mpi4py finds an MPI library", False, "install openmpi-bin and mpi4py (`.ci/setup` does)")
        return
    d.facts["MPI library"] = probe.stdout.strip()
    d.check("mpi4py finds an MPI library", True, "")
    d.facts["mpirun"] = shutil.which("mpirun") or "absent"
    d.check(
        "mpirun is on the path", d.facts["mpirun"] != "absent", "install openmpi-bin, or load the cluster's MPI module"
    )
