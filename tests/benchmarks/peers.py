"""Central eigenpairs of a given sparse matrix by other programs; each solve is timed by ``timed``."""

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg

#: Energies (n,), vectors (D, n), and what else is worth a column.
Pairs = tuple[np.ndarray, np.ndarray, dict]


def timed(function: Callable[[], Pairs], matrix: sp.csr_array, norm: float) -> dict:
    """The row of a peer: seconds, number of states, their largest residual in units of ``norm``, energies."""
    start = time.perf_counter()
    energies, vectors, more = function()
    seconds = time.perf_counter() - start
    residual = np.linalg.norm(matrix @ vectors - vectors * energies, axis=0).max(initial=0)
    return {"seconds": seconds, "states": energies.size, "residual": residual / norm, "complete": "-",
            "energies": np.sort(energies).tolist()} | more  # fmt: skip


def petsc_matrix(matrix: sp.csr_array):
    """PETSc, SLEPc and the matrix as PETSc has it."""
    from bigbath.solvers import petsc

    PETSc, SLEPc = petsc.load()
    made = petsc.DistributedMatrix.build(matrix, None).petsc
    made.setOption(PETSc.Mat.Option.SYMMETRIC, True)
    return PETSc, SLEPc, made


def converged(eps, matrix, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Energies (pairs,) and vectors (D, pairs) that SLEPc has found."""
    v = matrix.createVecRight()
    energies, vectors = np.empty(pairs), np.empty((v.getSize(), pairs), order="F")
    for i in range(pairs):
        energies[i] = eps.getEigenpair(i, v).real
        vectors[:, i] = v.getArray(readonly=True)
    return energies, vectors


def slepc_mumps(matrix: sp.csr_array, target: float, k: int) -> Callable[[], Pairs]:
    """EPS Krylov-Schur with shift-invert by MUMPS's LDL^T, everything else as it comes."""
    PETSc, SLEPc, made = petsc_matrix(matrix)

    def solve() -> Pairs:
        start = time.perf_counter()
        eps = SLEPc.EPS().create(PETSc.COMM_SELF)
        eps.setOperators(made)
        eps.setProblemType(SLEPc.EPS.ProblemType.HEP)
        eps.setWhichEigenpairs(SLEPc.EPS.Which.TARGET_MAGNITUDE)
        eps.setTarget(target)
        eps.setDimensions(nev=k)
        eps.setTolerances(1e-10, 1000)
        st = eps.getST()
        st.setType("sinvert")
        st.getKSP().setType("preonly")
        pc = st.getKSP().getPC()
        pc.setType("cholesky")
        pc.setFactorSolverType("mumps")
        eps.setUp()
        factorised = time.perf_counter() - start
        eps.solve()
        return *converged(eps, made, min(eps.getConverged(), k)), {"stages": {"factorisation": factorised}}

    return solve


def scipy_eigsh(matrix: sp.csr_array, target: float, k: int) -> Callable[[], Pairs]:
    """SciPy's ``eigsh(sigma)``: ARPACK with SuperLU."""
    columns = sp.csc_array(matrix)
    return lambda: (*scipy.sparse.linalg.eigsh(columns, k=k, sigma=target), {})


def quimb_eigh(matrix: sp.csr_array, target: float, k: int) -> Callable[[], Pairs]:
    """quimb's ``eigh`` by its SLEPc backend, in one process."""
    import quimb

    rows = sp.csr_matrix(matrix)

    def solve() -> Pairs:
        energies, vectors = quimb.eigh(rows, k=k, sigma=target, backend="slepc-nompi")
        return np.asarray(energies), np.asarray(vectors), {}

    return solve
