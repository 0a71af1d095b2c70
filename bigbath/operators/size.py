"""Dimension, nonzeros and memory of a matrix, counted in 64 bits before anything is allocated."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from bigbath.models.composite import Composite, MatrixComposite, Term
from bigbath.resources import gigabytes, require_memory

#: Vectors that the ends of the spectrum take, by Lanczos without a matrix: no engine needs less.
VECTORS = 3
#: Bytes of a matrix that is built without a look at the memory that is free.
NEGLIGIBLE = 2**24
#: Bytes of a vector of which a few stay in the caches of one core.
CACHED = 2**20
FEWER = "Reduce the number of spins (model.L or model.N), or use a machine with more memory."


@dataclass(frozen=True, kw_only=True)
class Size:
    """``dim`` D, an upper bound of ``nnz``, and bytes of the matrix while it is built (Python ints: no overflow)."""

    dim: int
    nnz: int
    bytes: int


def size(composite: Composite, part: str = "H") -> Size:
    """Size of one part of a composite; costs nothing."""
    d_system, d_bath = composite.dims
    if isinstance(composite, MatrixComposite):
        dim = {"S": d_system, "B": d_bath}.get(part, d_system * d_bath)
        return _size_of_matrices(composite, part, dim)
    sites = {"S": composite.system_sites, "B": composite.bath_sites}.get(
        part, composite.system_sites + composite.bath_sites
    )
    terms = {
        "S": composite.system,
        "B": composite.bath,
        "V": composite.interaction,
        "H0": composite.system + composite.bath,
    }
    return size_of_strings(terms.get(part, composite.system + composite.bath + composite.interaction), 2**sites)


def flip_masks(terms: tuple[Term, ...]) -> set[frozenset[complex]]:
    """The sets of sites that a sum of Pauli strings flips: each is one entry of a row, at most."""
    return {
        frozenset(site for letter, site in zip(letters, coupling[1:], strict=True) if letter in "xy")
        for letters, couplings in terms
        for coupling in couplings
    }


def size_of_strings(terms: tuple[Term, ...], dim: int) -> Size:
    """Size of a sum of Pauli strings on ``dim`` configurations. Those that flip the same sites share their entries: one a row
    for each flip mask."""
    nnz = dim * max(1, len(flip_masks(terms)))
    return Size(dim=dim, nnz=nnz, bytes=2 * nnz * (8 + _index(nnz)) + dim * 16)


def _size_of_matrices(composite: MatrixComposite, part: str, dim: int) -> Size:
    """Size of sums of Kronecker products: dense where a factor on the bath is dense, but for H_0."""
    d_system, d_bath = composite.dims
    pairs: list[tuple[int, int]] = []
    if part in ("H", "H0"):
        pairs += [(_entries(composite.system), d_bath), (d_system, _entries(composite.bath))]
    if part in ("H", "V"):
        pairs += [(_entries(s), _entries(b)) for s, b in composite.interaction]
    if part == "B":
        pairs = [(1, _entries(composite.bath))]
    is_dense = part == "S" or (part in ("H", "V") and any(not sp.issparse(b) for _, b in composite.interaction))
    matrices = (composite.system, composite.bath, *(m for pair in composite.interaction for m in pair))
    itemsize = 16 if any(np.iscomplexobj(m) for m in matrices) else 8
    if is_dense:
        return Size(dim=dim, nnz=dim * dim, bytes=dim * dim * itemsize)
    nnz = min(dim * dim, sum(a * b for a, b in pairs))
    # The products are summed one after the other: the sum so far, the next one as rows, columns and entries, and the new sum.
    return Size(dim=dim, nnz=nnz, bytes=nnz * (2 * itemsize + 3 * _index(nnz)) + dim * 16)


def _entries(matrix: np.ndarray | sp.csr_array) -> int:
    """Entries of a matrix that are stored, or not zero."""
    return int(np.count_nonzero(matrix)) if isinstance(matrix, np.ndarray) else int(matrix.nnz)


def _index(nnz: int) -> int:
    """Bytes of an index."""
    return 4 if nnz < 2**31 else 8


def check_size(composite: Composite, part: str = "H") -> Size:
    """The size, or ImpossibleRequest when the matrix does not fit into the memory that is free."""
    return _check(size(composite, part), f" {part}")


def check_vectors(composite: Composite, part: str = "H") -> None:
    """ImpossibleRequest when VECTORS vectors, which every engine needs, do not fit into the memory that is free."""
    dim = size(composite, part).dim
    require_memory(
        8 * VECTORS * dim,
        f"part {part}: {VECTORS} vectors of dimension {dim:,} ({gigabytes(8 * VECTORS * dim)})",
        FEWER,
    )


def check_strings(terms: tuple[Term, ...], dim: int) -> Size:
    """The size of a sum of Pauli strings on ``dim`` configurations, or ImpossibleRequest when its matrix does not fit."""
    result = size_of_strings(terms, dim)
    return result if result.bytes <= NEGLIGIBLE else _check(result, "")


def _check(result: Size, part: str) -> Size:
    what = f"the matrix{part} (dimension {result.dim:,}, {result.nnz:,} nonzeros, {gigabytes(result.bytes)} to build)"
    require_memory(result.bytes, what, FEWER)
    return result
