"""Ranks that share vectors: sums over them, and which rows are whose. A communicator is always an argument."""

from typing import Any

import numpy as np

#: A communicator of mpi4py, or None for one process.
Comm = Any


def size(comm: Comm) -> int:
    """Number of ranks."""
    return 1 if comm is None else comm.size


def total(array: np.ndarray, comm: Comm) -> np.ndarray:
    """Sum of an array over the ranks of a communicator."""
    return array if comm is None or comm.size == 1 else comm.allreduce(array)


def same(arrays: Any, comm: Comm) -> Any:
    """The first rank's arrays: small algebra may round differently on another machine."""
    return arrays if comm is None else comm.bcast(arrays)


def share(rows: int, comm: Comm) -> tuple[int, int]:
    """First and last of this rank's ``rows``; the first ranks have one more where they do not divide evenly."""
    if comm is None:
        return 0, rows
    size, more = divmod(rows, comm.size)
    first = comm.rank * size + min(comm.rank, more)
    return first, first + size + (comm.rank < more)
