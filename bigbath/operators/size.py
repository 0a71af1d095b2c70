"""Dimension, nonzeros and memory of a matrix, counted in 64 bits before anything is allocated."""

from dataclasses import dataclass

import numpy as np

from bigbath.models.composite import Composite, MatrixComposite
from bigbath.resources import gigabytes, require_memory


@dataclass(frozen=True, kw_only=True)
class Size:
    """``dim`` D, an upper bound of ``nnz``, and bytes of the matrix while it is built (Python ints: no overflow)."""

    dim: int
    nnz: int
    bytes: int


def size(composite: Composite, part: str = "H") -> Size:
    """Size of one part of a composite; costs nothing."""
    d_system, d_bath = composite.dims
    dim = {"S": d_system, "B": d_bath}.get(part, d_system * d_bath)
    if isinstance(composite, MatrixComposite):
        dense = part in ("H", "V", "S")
        sparse = {
            "B": composite.bath.size,
            "H0": d_system * composite.bath.size + np.count_nonzero(composite.system) * d_bath,
        }
        nnz = dim * dim if dense else int(sparse[part])
        return Size(dim=dim, nnz=nnz, bytes=nnz * (8 if dense else 12))
    terms = {
        "S": composite.system,
        "B": composite.bath,
        "V": composite.interaction,
        "H0": composite.system + composite.bath,
    }
    every = terms.get(part, composite.system + composite.bath + composite.interaction)
    # Pauli strings that flip the same sites share their matrix entries: at most one entry a row for each flip mask.
    masks = {
        frozenset(site for letter, site in zip(letters, coupling[1:], strict=True) if letter in "xy")
        for letters, couplings in every
        for coupling in couplings
    }
    nnz = dim * max(1, len(masks))
    index = 4 if nnz < 2**31 else 8
    return Size(dim=dim, nnz=nnz, bytes=2 * nnz * (8 + index) + dim * 16)


def check_size(composite: Composite, part: str = "H") -> Size:
    """The size, or ImpossibleRequest when the matrix does not fit into the memory that is free."""
    result = size(composite, part)
    what = f"the matrix {part} (dimension {result.dim:,}, {result.nnz:,} nonzeros, {gigabytes(result.bytes)} to build)"
    require_memory(
        result.bytes, what, "Reduce the number of spins (model.L or model.N), or use a machine with more memory."
    )
    return result
