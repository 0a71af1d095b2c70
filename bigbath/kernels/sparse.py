"""Chebyshev steps T_{n+2} = 2 H T_{n+1} - T_n with a sparse matrix, with the filter's sum in the same pass.

Eight successive rows are a *slice*: the first entries of all eight stand together, then the second ones, so that a register holds
one sum a row and each entry of eight rows costs one load of values, one of places and one gather. Known as SELL-C-sigma
(Kreutzer et al., SIAM J. Sci. Comput. 36, C401 (2014), arXiv 1307.6209).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bigbath.kernels.compiled import njit
from bigbath.kernels.simd import WORD, Memory, Register, gathered, multiplied, repeated

#: Rows of a slice.
SLICE = 8


def _word(value: int) -> Any:
    return ir.Constant(WORD, value)


@intrinsic
def _slice(typing, values, places, first, depth, v0, v1, row):  # type: ignore[no-untyped-def]
    """v0 = 2 H v1 - v0 in the rows of a slice from ``row`` on; it has ``depth`` entries a row, from ``first`` on."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds, vector = signature.args, Register(v0.dtype).llvm
        values, places, v0_, v1_ = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 4, 5))
        result = cgutils.alloca_once_value(builder, builder.fneg(v0_.load(args[6], vector)))
        with cgutils.for_range(builder, args[3]) as loop:
            at = builder.add(args[2], builder.mul(loop.index, _word(SLICE)))
            source = gathered(builder, v1_, places.integers(at, SLICE), vector)
            builder.store(multiplied(builder, values.load(at, vector), source, builder.load(result)), result)
        v0_.store(args[6], builder.load(result))
        return context.get_dummy_value()

    return types.void(values, places, first, depth, v0, v1, row), code


@intrinsic
def _complex_slice(typing, values, imaginary, places, first, depth, v0, v1, row, apart):  # type: ignore[no-untyped-def]
    """The same for complex numbers, whose imaginary parts stand ``apart`` from the real ones."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds, vector = signature.args, Register(v0.dtype).llvm
        re, im, places, v0_, v1_ = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 2, 5, 6))
        here = args[7], builder.add(args[7], args[8])
        sums = [cgutils.alloca_once_value(builder, builder.fneg(v0_.load(place, vector))) for place in here]
        with cgutils.for_range(builder, args[4]) as loop:
            at = builder.add(args[3], builder.mul(loop.index, _word(SLICE)))
            index = places.integers(at, SLICE)
            x, y = (gathered(builder, v1_, index, vector, shift) for shift in (_word(0), args[8]))
            a, b = re.load(at, vector), im.load(at, vector)
            for old, own, other, factor in ((sums[0], x, y, builder.fneg(b)), (sums[1], y, x, b)):
                partial = multiplied(builder, a, own, builder.load(old))
                builder.store(multiplied(builder, factor, other, partial), old)
        for place, value in zip(here, sums, strict=True):
            v0_.store(place, builder.load(value))
        return context.get_dummy_value()

    return types.void(values, imaginary, places, first, depth, v0, v1, row, apart), code


@intrinsic
def _add(typing, v0, v1, total, weights, step, row):  # type: ignore[no-untyped-def]
    """total += w0 v0 + w1 v1 in a slice."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds, vector = signature.args, Register(v0.dtype).llvm
        v0_, v1_, total_, weights_ = (Memory(context, builder, kinds[i], args[i]) for i in range(4))
        w0, w1 = (repeated(builder, vector, weights_.number(builder.add(args[4], _word(i)))) for i in (0, 1))
        partial = multiplied(builder, w0, v0_.load(args[5], vector), total_.load(args[5], vector))
        total_.store(args[5], multiplied(builder, w1, v1_.load(args[5], vector), partial))
        return context.get_dummy_value()

    return types.void(v0, v1, total, weights, step, row), code


@njit(nogil=True)
def sparse_steps(values, places, starts, v0, v1, total, weights, count):  # type: ignore[no-untyped-def]
    """``count`` steps in place for real vectors (c, rows), as by ``kernels.chebyshev.flip_steps``; the matrix is read once for all c.

    ``values``, ``places``: of the entries of 2 H, slice by slice, which begin at ``starts``; aligned to cache lines, as each vector
    is. ``rows``: a multiple of ``SLICE``. Releases the interpreter lock.
    """
    for step in range(count):
        summed = weights.size > 0 and step % 2 == 0
        for s in range(starts.size - 1):
            first, depth = starts[s], (starts[s + 1] - starts[s]) // SLICE
            for c in range(v0.shape[0]):
                if summed:
                    _add(v0[c], v1[c], total[c], weights, step, s * SLICE)
                _slice(values, places, first, depth, v0[c], v1[c], s * SLICE)
        v0, v1 = v1, v0


@njit(nogil=True)
def complex_sparse_steps(values, imaginary, places, starts, v0, v1, total, weights, count):  # type: ignore[no-untyped-def]
    """The same for complex vectors: rows of ``v0`` (c, 2 rows) have all real parts first, then the imaginary ones."""
    apart = v0.shape[1] // 2
    for step in range(count):
        summed = weights.size > 0 and step % 2 == 0
        for s in range(starts.size - 1):
            first, depth = starts[s], (starts[s + 1] - starts[s]) // SLICE
            for c in range(v0.shape[0]):
                if summed:
                    _add(v0[c], v1[c], total[c], weights, step, s * SLICE)
                    _add(v0[c], v1[c], total[c], weights, step, s * SLICE + apart)
                _complex_slice(values, imaginary, places, first, depth, v0[c], v1[c], s * SLICE, apart)
        v0, v1 = v1, v0


def slices(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each slice begins (slices + 1,), and for each entry of the matrix, row after row, its place; ``counts``: of the rows."""
    rows = counts.size
    padded = np.zeros(-(-rows // SLICE) * SLICE, np.int64)
    padded[:rows] = counts
    starts = np.concatenate([[0], np.cumsum(padded.reshape(-1, SLICE).max(axis=1) * SLICE)])
    row = np.repeat(np.arange(rows), counts)
    rank = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return starts, starts[row // SLICE] + rank * SLICE + row % SLICE
