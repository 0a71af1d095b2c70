"""The rows of other ranks that a rank's hops reach, before each step."""

import numpy as np

from bigbath.kernels.ranked import pack_rows
from bigbath.kernels.simd import aligned_empty
from bigbath.operators.bonds import Bonds
from bigbath.operators.halves import Halves


class Halo:
    """Room for one vector and its halo. Nothing of the length of a whole vector is made where many ranks share it."""

    def __init__(self, halves: Halves, bonds: Bonds, zeros: int, dtype: np.dtype) -> None:
        """``zeros``: how many numbers behind the halo stay zero."""
        comm, self._halves = halves.comm, halves
        own, others = halves.rows_of(comm.rank), [rank for rank in range(comm.size) if rank != comm.rank]
        wanted = dict.fromkeys(range(comm.size), np.empty(0, np.int64))
        wanted |= {rank: np.intersect1d(own, halves.reached(bonds, rank)) for rank in others}
        reached = {rank: np.intersect1d(halves.halo, halves.rows_of(rank)) for rank in range(comm.size)}
        self._sent = [int(halves.strides(rows).sum()) for rows in wanted.values()]
        self._received = [int(halves.strides(rows).sum()) for rows in reached.values()]
        rows = np.concatenate(list(wanted.values()))
        words = 8 // dtype.itemsize  # numbers that are copied at a time, of any dtype by the same code
        self._starts = [halves.starts(rows, plane) // words for plane in range(halves.planes)]
        self._strides = halves.strides(rows) // words
        self._packed = aligned_empty(sum(self._sent), dtype)
        self._whole = aligned_empty(halves.end + zeros, dtype)
        self._whole[halves.end :] = 0

    def joined(self, vector: np.ndarray) -> np.ndarray:
        """This rank's part of a vector with the halo, until the next call; every rank calls at once."""
        halves = self._halves
        self._whole[: halves.size] = vector[: halves.size]
        halo = self._whole[halves.size : halves.end].reshape(halves.planes, -1)
        for starts, plane in zip(self._starts, halo, strict=True):
            pack_rows(vector.view(np.float64), starts, self._strides, self._packed.view(np.float64))
            halves.comm.Alltoallv((self._packed, self._sent), (plane, self._received))
        return self._whole
