"""A user's sparse Hermitian matrix in a file: found and hashed when a job is read, checked when it is loaded."""

import hashlib
import zipfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import scipy.io
import scipy.sparse as sp
from pydantic import BeforeValidator, ValidationInfo, model_validator

from bigbath.choice import choice
from bigbath.errors import FileError, JobError
from bigbath.resources import require_memory

FORMATS = (".npz", ".mtx")
#: More rows than this do not fit 32-bit indices.
MOST_ROWS = 2**31 - 1


def _hash(path: Path) -> str:
    if path.suffix not in FORMATS:
        raise ValueError(f"{path} is neither a SciPy file (.npz) nor a Matrix Market file (.mtx)")
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the matrix file {path}: {getattr(error, 'strerror', None) or error}") from None


@choice
class MatrixFile:
    """A sparse matrix of SciPy (``scipy.sparse.save_npz``) or Matrix Market, by its ``path``.

    ``sha256``: hash of its content, found by itself; it is what identifies the matrix in a job.

    >>> import bigbath as bb, scipy.sparse as sp
    >>> sp.save_npz("v.npz", sp.csr_array([[0.0, 1.0], [1.0, 0.0]]))
    >>> file = bb.MatrixFile(path="v.npz")
    >>> len(file.sha256), file.load().shape
    (64, (2, 2))
    """

    path: str
    sha256: str | None = None

    @model_validator(mode="after")
    def _find(self, info: ValidationInfo) -> "MatrixFile":
        """Relative paths of a job file are relative to it, those of Python to the working directory. The hash is found where
        it is absent, verified in a job file, and else believed: a result is read where its matrices may be no more."""
        context = info.context or {}
        try:
            path = (Path(context.get("directory", ".")) / Path(self.path).expanduser()).absolute()
        except RuntimeError as error:
            raise ValueError(str(error)) from None
        object.__setattr__(self, "path", str(path))
        if self.sha256 is None and context.get("sweep"):
            raise ValueError("a file cannot be swept: use a job for each")
        if self.sha256 is None or "directory" in context:
            found = _hash(path)
            if self.sha256 not in (None, found):
                raise ValueError(f"{path} has changed: its hash is {found}. Leave sha256 out to use it as it is")
            object.__setattr__(self, "sha256", found)
        return self

    def load(self) -> sp.csr_array:
        """The matrix (d, d), float64 or complex128. FileError for a changed or damaged file, JobError unless it is Hermitian,
        ImpossibleRequest where it does not fit into memory."""
        path = Path(self.path)
        try:
            found = _hash(path)
        except ValueError as error:
            raise FileError(str(error)) from None
        if self.sha256 != found:
            raise FileError(f"the matrix file {path} has changed since the job was read")
        try:
            rows, columns, size = (_npz_size if path.suffix == ".npz" else _mtx_size)(path)
        except Exception as error:  # whatever a damaged file makes its reader say
            raise FileError(f"{path} does not hold a sparse matrix: {error}") from None
        if not 0 < rows == columns <= MOST_ROWS:
            raise JobError(f"the matrix in {path} must be square, not {rows:,} x {columns:,}")
        require_memory(6 * size + 16 * rows, f"the matrix in {path} ({rows:,} rows)", "Take a smaller one.")
        try:
            matrix = sp.load_npz(path) if path.suffix == ".npz" else scipy.io.mmread(path)
            return hermitian(matrix, str(path))
        except JobError:
            raise
        except Exception as error:
            raise FileError(f"{path} does not hold a sparse matrix: {error}") from None


def _npz_size(path: Path) -> tuple[int, int, int]:
    """Rows, columns and bytes of the arrays, from the headers."""
    with zipfile.ZipFile(path) as archive, np.load(path, allow_pickle=False) as arrays:
        rows, columns = (int(n) for n in arrays["shape"])
        return rows, columns, sum(entry.file_size for entry in archive.infolist())


def _mtx_size(path: Path) -> tuple[int, int, int]:
    rows, columns, entries, _, _, symmetry = scipy.io.mminfo(path)
    return rows, columns, 24 * entries * (1 if symmetry == "general" else 2)


def hermitian(matrix: Any, name: str) -> sp.csr_array:
    """A matrix, sparse or dense, as CSR (d, d) of float64 or complex128. JobError unless it is square, finite and Hermitian."""
    try:
        csr = sp.csr_array(matrix)
    except (TypeError, ValueError) as error:
        raise JobError(f"{name} is no matrix: {error}") from None
    if csr.ndim != 2 or csr.shape[0] != csr.shape[1] or not csr.shape[0]:
        raise JobError(f"{name} must be a square matrix, not of shape {csr.shape}")
    if csr.dtype.kind not in "biufc":
        raise JobError(f"{name} must hold numbers, not {csr.dtype}")
    csr = csr.astype(complex if csr.dtype.kind == "c" else float)
    csr.sum_duplicates()
    if not np.all(np.isfinite(csr.data)):
        raise JobError(f"{name} has entries that are not finite")
    if np.iscomplexobj(csr) and not csr.data.imag.any():
        csr = csr.real
    difference = sp.coo_array(abs(csr - csr.conj().T))
    if difference.nnz and (worst := difference.data.max()) > 1e-12 * abs(csr).max():
        i, j = (int(c[difference.data.argmax()]) for c in difference.coords)
        raise JobError(
            f"{name} is not Hermitian: entry ({i}, {j}), counted from 0, differs by {worst:.3g} from the conjugate of ({j}, {i})"
        )
    csr.eliminate_zeros()
    return csr


#: Lets a job file say ``bath = "bath.npz"`` for ``bath = {path = "bath.npz"}``.
AnyMatrixFile = Annotated[
    MatrixFile, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value)
]
