"""The only family of modules that knows petsc4py and slepc4py: matrices, factorisations, Krylov-Schur.

PETSc is imported when first needed, never at import of bigbath.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from bigbath.errors import ImpossibleRequest, IncompleteWindow, JobError, MissingCapability
from bigbath.progress import Report
from bigbath.ranks import Comm, share
from bigbath.resources import gigabytes, launched_ranks_here, memory_limit
from bigbath.solvers.block_ldl import BlockLDL
from bigbath.solvers.block_pattern import BlockPattern
from bigbath.solvers.petsc_environment import initialize

INSTALL = "Run `make demo` or `.ci/setup` (Debian/Ubuntu), or see docs/install.md for conda, clusters and Spack."

#: Numbers of states for which "auto" looks at dense blocks: MUMPS is faster with fewer, and more fit into no machine.
BLOCKS_FOR = range(2**12, 2**19 + 1)
SINGULAR = "the shifted matrix is singular: the target coincides with a level; move it slightly"

#: Per cent of extra room that are tried in turn where MUMPS has forecast too little for its pivots, and its codes for that.
WORKSPACES, TOO_SMALL = (100, 400), (-8, -9, -14, -15, -17, -20)

#: Signals are ours to handle.
ARGUMENTS = ["bigbath", "-no_signal_handler"]
#: Beginnings of the raw options that a job may pass on.
OPTION_PREFIXES = ("eps_", "st_", "mat_mumps_", "bv_", "ds_")


def start(alone: Comm) -> None:
    """Start PETSc, if it is installed, with the one-rank communicator ``alone`` for its world.

    Its start and its end then wait for no other rank; groups of ranks share objects by naming their communicator.
    """
    with suppress(ImportError):
        import petsc4py

        initialize(petsc4py, ARGUMENTS, comm=alone)


def load() -> tuple[ModuleType, ModuleType]:
    """The modules PETSc and SLEPc; MissingCapability when they are absent, complex, or cannot be loaded."""
    try:
        import petsc4py

        initialize(petsc4py, ARGUMENTS)
        import slepc4py

        initialize(slepc4py, ARGUMENTS)
        from petsc4py import PETSc
        from slepc4py import SLEPc
    except ImportError as error:
        raise MissingCapability(f"SLEPc is not available here ({error}). {INSTALL}") from error
    if np.issubdtype(PETSc.ScalarType, np.complexfloating):
        raise MissingCapability(
            "this PETSc is built for complex scalars, for which MUMPS counts no inertia. Point PETSC_DIR and SLEPC_DIR "
            f"at a real build (PETSC_ARCH, or the -real directories). {INSTALL}"
        )
    PETSc.Sys.pushErrorHandler("python")  # errors become exceptions, without PETSc's own output
    return PETSc, SLEPc


def available() -> str | None:
    """None when shift-invert can be used, else the reason why not."""
    try:
        load()
    except MissingCapability as error:
        return str(error)
    return None


def _unlocked(function: str, item: Any) -> None:
    """Call a C function on one object of PETSc or SLEPc with the interpreter lock released.

    petsc4py keeps it throughout a factorisation, in which rank 0's thread could not hand out tasks.
    """
    PETSc, SLEPc = load()
    library = ctypes.CDLL((SLEPc if function.startswith("EPS") else PETSc).__file__)
    try:
        code = library[function](ctypes.c_void_p(item.handle))
    except SystemError as error:  # what a monitor raised is its cause
        raise (error.__cause__ or error) from None
    if code:
        raise PETSc.Error(code)


@contextmanager
def options(text: str) -> Iterator[None]:
    """PETSc's option database with the raw options of ``text``, for the duration of the block only.

    JobError when an option is not one that a shift-invert solve reads, which a 10 x 10 solve finds out.
    """
    PETSc, _ = load()
    pairs = _parse(text)
    database = PETSc.Options()
    spellings = {name: _spellings(name) for name in pairs}
    for name, value in pairs.items():
        for spelling in spellings[name]:
            database.setValue(f"-{spelling}", value)
    try:
        if pairs:
            _refuse_unread(PETSc, spellings)
        yield
    finally:
        for each in spellings.values():
            for spelling in each:
                database.delValue(f"-{spelling}")


def _spellings(name: str) -> tuple[str, ...]:
    """The names under which PETSc reads an option: Krylov-Schur's own factorisation has the prefix ``st_``."""
    return (name, f"st_{name}") if name.startswith("mat_mumps_") else (name,)


def _parse(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    name = None
    for word in text.split():
        if word.startswith("-") and not _is_number(word):
            name = word[1:]
            if not name.startswith(OPTION_PREFIXES):
                allowed = ", ".join(f"-{p}*" for p in OPTION_PREFIXES)
                raise JobError(f"engine.options: {word} is not passed on; allowed are {allowed}")
            pairs[name] = ""
        elif name is None:
            raise JobError(f"engine.options: {word!r} does not belong to an option")
        else:
            pairs[name], name = word, None
    return pairs


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def tiny_chain() -> sp.csr_array:
    """A 10 x 10 tridiagonal matrix, to prove a capability on: levels near 0 ... 9, none of them at 4.4."""
    return sp.csr_array(sp.diags_array([np.ones(9), np.arange(10.0), np.ones(9)], offsets=[-1, 0, 1]))


def _refuse_unread(PETSc: ModuleType, spellings: dict[str, tuple[str, ...]]) -> None:
    """Run a tiny solve and refuse every option that it did not read."""
    library = ctypes.CDLL(PETSc.__file__)
    try:
        KrylovSchur(DistributedMatrix.build(tiny_chain(), None)).run(sigma=4.4, nev=2, tol=1e-10)
    except Exception as error:
        raise JobError(f"engine.options: a 10 x 10 test with -{' -'.join(spellings)} fails: {error}") from error
    used = ctypes.c_int()
    for name, each in spellings.items():
        read = False
        for spelling in each:
            library.PetscOptionsUsed(None, spelling.encode(), ctypes.byref(used))
            read |= bool(used.value)
        if not read:
            raise JobError(f"engine.options: SLEPc does not know -{name}; check its spelling in SLEPc's manual")


@dataclass(frozen=True, eq=False)
class DistributedMatrix:
    """A real symmetric matrix on a communicator: ``petsc`` Mat, and the rows (first, last) of this rank.

    ``blocks``: its factorisation by dense blocks, or None: MUMPS's.
    """

    petsc: Any
    comm: Comm
    rows: tuple[int, int]
    blocks: BlockLDL | None = None

    @classmethod
    def build(cls, matrix: sp.csr_array | np.ndarray, comm: Comm, together: int = 1) -> "DistributedMatrix":
        """Rows of a real matrix that every rank holds, spread over ``comm`` (None: this process alone), ``together`` at a time."""
        PETSc, _ = load()
        matrix = sp.csr_array(matrix)
        n: int = matrix.shape[0]
        limit = np.iinfo(PETSc.IntType).max
        if (nonzeros := matrix.nnz + n) > limit:
            raise ImpossibleRequest(
                f"{nonzeros:,} nonzeros exceed this PETSc's {PETSc.IntType().itemsize * 8}-bit indices. "
                "Use a PETSc configured with --with-64-bit-indices, or fewer spins."
            )
        first, last = (together * row for row in share(n // together, comm))
        slab = _with_diagonal(matrix[first:last], first)
        csr = (slab.indptr.astype(PETSc.IntType), slab.indices.astype(PETSc.IntType), slab.data)
        local = ((last - first, n), (last - first, n))
        petsc = PETSc.Mat().createAIJ(size=local, csr=csr, comm=PETSc.COMM_SELF if comm is None else comm)
        petsc.setOption(PETSc.Mat.Option.SYMMETRIC, True)
        petsc.setOption(PETSc.Mat.Option.HERMITIAN, True)
        return cls(petsc, comm, (first, last))

    @property
    def dim(self) -> int:
        """Dimension of the matrix."""
        return self.petsc.getSize()[0]

    def quotients(self, vectors: np.ndarray) -> np.ndarray:
        """Rayleigh quotients <v|A v> / <v|v> of each column of this rank's slab (rows, k)."""
        return np.array([av.dot(v) / v.dot(v) for v, av in self._products(vectors)])

    def residuals(self, energies: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """||A v - E v|| of each column of this rank's slab (rows, k)."""
        norms = np.empty(energies.size)
        for i, (v, av) in enumerate(self._products(vectors)):
            norms[i] = (av - float(energies[i]) * v).norm()
        return norms

    def _products(self, vectors: np.ndarray) -> Iterator[tuple[Any, Any]]:
        """v and A v for each column, in the same memory."""
        v, av = self.petsc.createVecs()
        for column in vectors.T:
            v.setArray(column)
            self.petsc.mult(v, av)
            yield v, av


def _with_diagonal(slab: sp.csr_array, first: int) -> sp.csr_array:
    """The same rows, from ``first`` on, with every diagonal entry stored: a shift must not change the pattern."""
    entries, n = sp.coo_array(slab), np.arange(slab.shape[0])
    data = np.concatenate([entries.data, np.zeros(n.size)])
    rows, columns = np.concatenate([entries.row, n]), np.concatenate([entries.col, first + n])
    return sp.coo_array((data, (rows, columns)), shape=slab.shape).tocsr()


@dataclass(frozen=True, kw_only=True)
class FactorEstimate:
    """Forecast of one LDL^T factorisation ``by`` MUMPS (its own, from its symbolic analysis) or by blocks (exact)."""

    by: Literal["mumps", "blocks"]
    entries: int
    bytes_total: int
    bytes_per_rank: int


def distribute(
    matrix: sp.csr_array | np.ndarray,
    comm: Comm,
    factor: Literal["auto", "mumps", "blocks"] = "auto",
    together: int = 1,
) -> tuple[DistributedMatrix, FactorEstimate]:
    """The matrix on ``comm`` and the forecast of its factorisation: the one that ``factor`` names.

    "auto": the one that needs less memory on its largest rank; with fewer than 4096 states, MUMPS.
    """
    distributed = DistributedMatrix.build(matrix, comm, together)
    matrix, ranks = sp.csr_array(matrix), 1 if comm is None else comm.size
    if factor == "mumps" or (factor == "auto" and matrix.shape[0] not in BLOCKS_FOR):
        return distributed, Inertia(distributed).estimate()
    pattern = BlockPattern.of(matrix)
    share = pattern.bytes_per_rank(ranks) + matrix.data.nbytes + matrix.indices.nbytes
    if factor == "auto":
        mumps = Inertia(distributed).estimate()
        if 0 < mumps.bytes_per_rank <= share:
            return distributed, mumps
    entries = int(pattern.sizes.sum())
    estimate = FactorEstimate(by="blocks", entries=entries, bytes_total=ranks * share, bytes_per_rank=share)
    return replace(distributed, blocks=BlockLDL(pattern, matrix, comm)), estimate


def _set_up(factor: Any, function: str, item: Any) -> None:
    """``PCSetUp`` or ``EPSSetUp`` with MUMPS, which splits the last front among ranks."""
    factor.setMumpsIcntl(13, 1)  # ScaLAPACK would need more memory, and count no inertia
    _unlocked(function, item)


class Inertia:
    """LDL^T factorisations of A - x, one after the other in the same memory, to count levels below x."""

    def __init__(self, matrix: DistributedMatrix) -> None:
        self._matrix = matrix
        self._shifted: Any = None
        self._pc: Any = None
        self.factorisations = 0

    def _prepare(self, x: float) -> Any:
        PETSc, _ = load()
        if self._shifted is None:
            self._shifted = self._matrix.petsc.duplicate(copy=True)
            self._pc = PETSc.PC().create(self._matrix.petsc.getComm())
            self._pc.setType("cholesky")
            self._pc.setFactorSolverType("mumps")
        else:
            self._matrix.petsc.copy(self._shifted, PETSc.Mat.Structure.SAME_NONZERO_PATTERN)
        self._shifted.shift(-x)
        self._pc.setOperators(self._shifted)
        self._pc.setFactorSetUpSolverType()
        factor = self._pc.getFactorMatrix()
        factor.setMumpsIcntl(24, 1)  # null pivots are detected, which an inertia count needs
        return factor

    def estimate(self) -> FactorEstimate:
        """Symbolic analysis alone: given 1 MB, MUMPS gives up the numerical phase at once."""
        factor = self._prepare(0.0)
        factor.setMumpsIcntl(23, 1)
        _set_up(factor, "PCSetUp", self._pc)
        entries = factor.getMumpsInfog(20)
        result = FactorEstimate(
            by="mumps",
            entries=-entries * 10**6 if entries < 0 else entries,
            bytes_total=factor.getMumpsInfog(17) * 10**6,
            bytes_per_rank=factor.getMumpsInfog(16) * 10**6,
        )
        self.close()  # PETSc never factorises again after a failure
        return result

    def below(self, x: float) -> int:
        """Number of eigenvalues below x (Sylvester's law of inertia)."""
        blocks = self._matrix.blocks
        if blocks is not None:
            self.factorisations += blocks.factorise(x)
            negative, zero = blocks.negative, blocks.zero
        else:
            negative, zero = self._mumps(x)
        if zero:
            raise IncompleteWindow(f"{zero} level(s) lie exactly at {x!r}, where levels are counted")
        return int(negative)

    def _mumps(self, x: float) -> tuple[int, int]:
        """Numbers of eigenvalues below x and at x."""
        for workspace in (20, *WORKSPACES):
            factor = self._prepare(x)
            factor.setMumpsIcntl(14, workspace)
            _set_up(factor, "PCSetUp", self._pc)
            self.factorisations += 1
            if factor.getMumpsInfog(1) not in TOO_SMALL or workspace == WORKSPACES[-1]:
                break
            self.close()
        raise_mumps(factor)
        negative, zero, _ = factor.getInertia()
        return negative, zero

    def close(self) -> None:
        """Free the factorisation and its analysis."""
        if self._matrix.blocks is not None:
            self._matrix.blocks.close()
        for each in (self._pc, self._shifted):
            if each is not None:
                each.destroy()
        self._pc = self._shifted = None


class TooSmallWorkspace(ImpossibleRequest):
    """MUMPS has forecast too little memory for its pivots."""


def raise_mumps(factor: Any) -> None:
    """Turn MUMPS's error code, if there is one, into an error with advice."""
    code, detail = factor.getMumpsInfog(1), factor.getMumpsInfog(2)
    if code >= 0:
        return
    advice = {
        -9: 'its workspace was too small: pass options = "-mat_mumps_icntl_14 200"',
        -10: SINGULAR,
        -13: "memory could not be allocated: use more memory or ranks, fewer spins, or symmetries",
        -19: "the memory limit in ICNTL(23) is too low",
    }.get(code, "see INFOG(1) in the MUMPS users' guide")
    error = TooSmallWorkspace if code in TOO_SMALL else ImpossibleRequest
    raise error(f"the MUMPS factorisation failed with INFOG(1) = {code}, INFOG(2) = {detail}: {advice}")


def ranks_on_this_node(comm: Comm) -> int:
    """How many ranks of the communicator share this machine's memory, as far as the launcher tells."""
    return 1 if comm is None else min(comm.size, launched_ranks_here())


def require_factor_memory(estimate: FactorEstimate, dim: int, comm: Comm) -> None:
    """ImpossibleRequest when a factorisation needs more memory than is free on this node."""
    needed = estimate.bytes_per_rank * ranks_on_this_node(comm)
    if needed > (free := memory_limit()):
        raise ImpossibleRequest(
            f"the LDL^T factorisation of {dim:,} states needs {gigabytes(needed)} on this node "
            f"({estimate.entries:,} entries), but only {gigabytes(free)} are free. Use fewer spins, symmetries, "
            "or more nodes under mpirun."
        )


class _Blocks:
    """(A - x)^-1 by blocks, as PETSc asks for it."""

    def __init__(self, matrix: DistributedMatrix) -> None:
        self._matrix = matrix
        self._counts = None if matrix.comm is None else matrix.comm.allgather(matrix.rows[1] - matrix.rows[0])

    def apply(self, _pc: Any, b: Any, y: Any) -> None:
        """y = (A - x)^-1 b."""
        matrix, whole = self._matrix, b.getArray(readonly=True)
        if matrix.comm is not None:
            slab, whole = whole, np.empty(matrix.dim)
            matrix.comm.Allgatherv(slab, (whole, self._counts))
        assert matrix.blocks is not None
        y.setArray(matrix.blocks.solve(whole)[slice(*matrix.rows)])


class KrylovSchur:
    """SLEPc's Krylov-Schur with shift-and-invert by LDL^T."""

    def __init__(self, matrix: DistributedMatrix) -> None:
        self._matrix = matrix
        self.iterations = 0
        self.factorisations = 0

    def run(
        self, sigma: float, nev: int, tol: float, *, known: np.ndarray | None = None, report: Report | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Converged pairs nearest ``sigma``: energies (m,) by distance, vectors (rows, m) of this rank.

        ``known`` (rows, j): states already found, from which the search is kept orthogonal.
        """
        for workspace in (None, *WORKSPACES[:-1]):
            with suppress(TooSmallWorkspace):
                return self._run(sigma, nev, tol, known, report, workspace)
        return self._run(sigma, nev, tol, known, report, WORKSPACES[-1])

    def _run(
        self, sigma: float, nev: int, tol: float, known: np.ndarray | None, report: Report | None, workspace: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """``run`` with so many per cent of extra room for MUMPS (None: its own or the user's choice)."""
        PETSc, SLEPc = load()
        matrix, comm = self._matrix.petsc, self._matrix.petsc.getComm()
        eps = SLEPc.EPS().create(comm)
        eps.setOperators(matrix)
        eps.setProblemType(SLEPc.EPS.ProblemType.HEP)
        eps.setWhichEigenpairs(SLEPc.EPS.Which.TARGET_MAGNITUDE)
        eps.setTarget(sigma)
        room = self._matrix.dim - (0 if known is None else known.shape[1])
        nev = min(nev, room)
        ncv = min(room, int(2.3 * nev) + 20)  # one cycle, no restart, in most spectra
        eps.setDimensions(nev=nev, ncv=min(self._matrix.dim, max(ncv, nev + 1)))
        eps.setTolerances(tol, 500)
        st = eps.getST()
        st.setType("sinvert")
        ksp = st.getKSP()
        ksp.setType("preonly")
        pc, blocks = ksp.getPC(), self._matrix.blocks
        st.setShift(sigma)
        if blocks is None:
            pc.setType("cholesky")
            pc.setFactorSolverType("mumps")
            st.getOperator()  # makes A - sigma, so that MUMPS can be told what to do with it
            pc.setFactorSetUpSolverType()
            if workspace is not None:
                pc.getFactorMatrix().setMumpsIcntl(14, workspace)
        else:
            pc.setType("python")
            pc.setPythonContext(_Blocks(self._matrix))
        eps.setFromOptions()
        deflated = [self._vector(column) for column in known.T] if known is not None else []
        if deflated:
            eps.setDeflationSpace(deflated)
        if report is not None:
            eps.setMonitor(lambda _eps, _iteration, converged, *_: report("Krylov-Schur", min(converged, nev), nev))
        try:
            if blocks is None:
                self.factorisations += 1
                _set_up(pc.getFactorMatrix(), "EPSSetUp", eps)
                raise_mumps(pc.getFactorMatrix())
            else:
                self.factorisations += blocks.factorise(sigma)
                if blocks.zero:
                    raise ImpossibleRequest(SINGULAR)
            _unlocked("EPSSolve", eps)
        except PETSc.Error as error:
            if blocks is None:
                raise_mumps(pc.getFactorMatrix())
            raise ImpossibleRequest(f"SLEPc failed at {sigma!r}: {str(error).splitlines()[-1]}") from error
        finally:
            if blocks is not None:
                pc.setType("none")  # PETSc may keep it until its own end, and would then call a Python that is gone
                blocks.close()
        self.iterations += eps.getIterationNumber()
        converged = eps.getConverged()
        energies = np.empty(converged)
        first, last = self._matrix.rows
        vectors = np.empty((last - first, converged), order="F")
        v = matrix.createVecRight()
        for i in range(converged):
            energies[i] = eps.getEigenpair(i, v).real
            vectors[:, i] = v.getArray(readonly=True)
        for each in (*deflated, v, eps):
            each.destroy()
        return energies, vectors

    def _vector(self, column: np.ndarray) -> Any:
        v = self._matrix.petsc.createVecRight()
        v.setArray(column)
        return v
