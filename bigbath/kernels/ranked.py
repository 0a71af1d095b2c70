"""Chebyshev steps T_{n+2} = 2 H T_{n+1} - T_n in a sector of fixed magnetisation, with the filter's sum in the same pass.

States are (row, column): configurations of the left and of the right half, in blocks by the number of spins down on the left.
Rows are stored one after the other, padded to cache lines. Each chunk of rows is passed twice.

*Columns.* Hops inside the right half act within a row, at no regular distance. So 16 rows are turned: a register then holds
one column of 8 rows, every hop is an aligned load, and the sums are turned back 8 columns at a time. The diagonal is
(number of the column + number of the row), or stored turned. Hops across that do not fit into the second pass find the rows
they come from turned as well.

*Rows.* Hops inside the left half add whole rows to each other. Columns are ordered so that most hops across do so too, see
``operators.halves``. A few registers of columns are taken at a time, over all rows of the chunk, so that they stay in cache.

What limits it (cycles of a 3.3 GHz core for a register of 8 states, ring): the first pass takes 8 to 12 without hops, 5 of them
shuffles of both turns, which one port makes; hops of columns take 5, a load for the place and one for the numbers of each hop;
the second pass takes 6 to 8. So loads are saved: where all hops of a pass have the same amplitude it is loaded once. Up to
L = 16 a fifth of the registers are padding, mostly rows. Lines between the first and the second cache are the rest of it,
7 a register; from L = 22 on rows outside the chunk come from the third cache, so that rows are as long as the second
cache allows. Lines fetched ahead of the first pass, strips of 8 rows and 8 registers of columns at a time change nothing.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bigbath.kernels.compiled import njit
from bigbath.kernels.simd import WORD, Memory, Register, gathered, multiplied, repeated, transposed, transposed_halves

#: Rows that are turned at a time; registers of columns in one pass over the rows, at most.
STRIP, VECTORS = 16, 5

# Registers that the rows of a strip fill: two, or one for the last rows and in single precision
_BOTH, _ONE = 2, 1


def _inner(function: Callable[..., None], name: str) -> Callable[..., None]:
    """A code that one step calls many times. It allocates nothing, so that references to its arrays need not be counted.

    Codes that are loaded from disk are joined by their names: two different ones must not share a ``name``.
    """
    function.__qualname__ = name
    return njit(nogil=True, cache=False, _nrt=False)(function)


def _word(value: int) -> Any:
    return ir.Constant(WORD, value)


def _parts(parts: Any, dtype: Any) -> int:
    """Registers that the rows of a strip fill."""
    return min(parts.literal_value, STRIP // Register(dtype).lanes)


@intrinsic(prefer_literal=True)
def _turn(typing, vector, starts, row, column, tile, place, parts):  # type: ignore[no-untyped-def]
    """Write a register's columns of rows, which have their ``starts``, to the tile; there each column has ``STRIP`` rows."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds = signature.args
        vector, starts, tile = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 4))
        kind = Register(kinds[0].dtype)
        lanes, half = kind.lanes, ir.VectorType(kind.llvm.element, kind.lanes // 2)
        for part in range(_parts(parts, kind.dtype)):
            rows = []
            for k in range(lanes):
                start = starts.number(builder.add(args[2], _word(part * lanes + k)))
                here = builder.add(start, args[3])
                rows.append((vector.load(here, half), vector.load(builder.add(here, _word(lanes // 2)), half)))
            for k, value in enumerate(transposed_halves(builder, rows)):
                tile.store(builder.add(args[5], _word(k * STRIP + part * lanes)), value)
        return context.get_dummy_value()

    return types.void(vector, starts, row, column, tile, place, parts), code


@intrinsic(prefer_literal=True)
def _sums(typing, tile, places, amplitudes, first, count, own, field, at, shift, row, parts, stored, equal):  # type: ignore[no-untyped-def]
    """2 H v1 as far as it acts on columns: for each row of the strip a register of columns."""
    kind = Register(tile.dtype)
    number, lanes = _parts(parts, tile.dtype), kind.lanes
    result = types.UniTuple(kind, number * lanes)

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds = signature.args
        tile, places, amplitudes, field, shift = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 2, 6, 8))
        sums = []
        for part in range(number):
            shifted = (
                shift.load(builder.add(args[9], _word(part * lanes)), kind.llvm) if not stored.literal_value else None
            )
            for k in range(lanes):
                own = tile.load(builder.add(args[5], _word(k * STRIP + part * lanes)), kind.llvm)
                if stored.literal_value:
                    diagonal = field.load(builder.add(args[7], _word((k * number + part) * lanes)), kind.llvm)
                else:
                    column = repeated(builder, kind.llvm, field.number(builder.add(args[7], _word(k))))
                    diagonal = builder.fadd(shifted, column)
                sums.append(cgutils.alloca_once_value(builder, builder.fmul(diagonal, own)))
        with cgutils.for_range(builder, args[4]) as loop:
            start = builder.add(args[3], builder.mul(loop.index, _word(lanes)))
            for k in range(lanes):
                here = builder.add(start, _word(k))
                place = builder.zext(places.number(here), WORD)
                amplitude = repeated(builder, kind.llvm, amplitudes.number(_word(0) if equal.literal_value else here))
                for part in range(number):
                    value = tile.load(builder.add(place, _word(part * lanes)), kind.llvm)
                    old = sums[part * lanes + k]
                    builder.store(multiplied(builder, amplitude, value, builder.load(old)), old)
        values = [builder.load(value) for value in sums]
        rows = [
            row for part in range(0, number * lanes, lanes) for row in transposed(builder, values[part : part + lanes])
        ]
        return context.make_tuple(builder, result, rows)

    return result(tile, places, amplitudes, first, count, own, field, at, shift, row, parts, stored, equal), code


@intrinsic(prefer_literal=True)
def _finish(typing, v0, v1, total, sums, start, stride, weights, step, summed):  # type: ignore[no-untyped-def]
    """v0 = sums - v0 for a register's columns of the strip's rows; before this total += w0 v0 + w1 v1."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds, vector = signature.args, Register(v0.dtype).llvm
        v0_, v1_, total_, weights_ = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 2, 6))
        if summed.literal_value:
            w0, w1 = (repeated(builder, vector, weights_.number(builder.add(args[7], _word(i)))) for i in (0, 1))
        for k, value in enumerate(cgutils.unpack_tuple(builder, args[3])):
            here = builder.add(args[4], builder.mul(args[5], _word(k)))
            old = v0_.load(here, vector)
            if summed.literal_value:
                partial = multiplied(builder, w0, old, total_.load(here, vector))
                total_.store(here, multiplied(builder, w1, v1_.load(here, vector), partial))
            v0_.store(here, builder.fsub(value, old))
        return context.get_dummy_value()

    return types.void(v0, v1, total, sums, start, stride, weights, step, summed), code


@lru_cache
def _strip_code(parts: int, summed: int, equal: int) -> Callable[..., None]:
    """The first pass over one strip of rows; over its rows in both planes where hops of columns join them."""

    def strip(v0, v1, total, weights, step, tile, block, row, tables):  # type: ignore[no-untyped-def]
        starts, sources, groups, places, amplitudes, field, shift = tables
        lanes = 64 // v0.itemsize
        stride, first_group, number, far, planes, apart = block[0], block[1], block[2], block[3:], block[6], block[7]
        for plane in range(planes):
            here = row + plane * apart
            for g in range(number):
                _turn(v1, starts, here, g * lanes, tile, (plane * number + g) * lanes * STRIP, parts)
            for e in range(sources.shape[0]):
                first, width = (e + 1) * far[2] + plane * far[e % 2] * lanes, far[e % 2] * lanes
                if sources[e, here] < 0:  # no row of the strip
                    tile[first * STRIP : (first + width) * STRIP] = 0
                else:
                    for g in range(0, width, lanes):
                        _turn(v1, sources[e], here, g, tile, (first + g) * STRIP, parts)
        for plane in range(planes):
            for g in range(number):
                first, count, at, shifts = groups[first_group + plane * number + g]
                start, own = starts[row + plane * apart] + g * lanes, (plane * number + g) * lanes * STRIP
                if shifts >= 0:
                    sums = _sums(
                        tile, places, amplitudes, first, count, own, field, at, shift, shifts + row, parts, 0, equal
                    )
                    _finish(v0, v1, total, sums, start, stride, weights, step, summed)
                else:
                    turned = start - g * lanes + g * lanes * min(parts * lanes, STRIP)
                    sums = _sums(tile, places, amplitudes, first, count, own, field, turned, shift, 0, parts, 1, equal)
                    _finish(v0, v1, total, sums, start, stride, weights, step, summed)

    return _inner(strip, f"ranked_strip_{parts}{summed}{equal}")


def _between(builder: Any, vector: Any, lead: Any, tail: Any) -> Any:
    """Whether each lane comes from ``lead`` on and before ``tail``."""
    kind = ir.VectorType(WORD, vector.count)
    lanes, (lead, tail) = ir.Constant(kind, [*range(vector.count)]), (repeated(builder, kind, x) for x in (lead, tail))
    return builder.and_(builder.icmp_signed(">=", lanes, lead), builder.icmp_signed("<", lanes, tail))


def _rows_code(vectors: int, equal: bool, packed: bool) -> Callable[..., None]:
    """The second pass: ``vectors`` registers of columns of v0, in the given rows, += amplitudes times rows of v1.

    ``packed``: lanes of the first register before ``lead``, and of the last one from ``tail`` on, belong to other runs.
    """

    @intrinsic
    def add_rows(typing, v0, v1, start, column, places, amplitudes, first, count, lead, tail):  # type: ignore[no-untyped-def]
        def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
            kinds, vector = signature.args, Register(v0.dtype)
            v0_, v1_, places_, amplitudes_ = (Memory(context, builder, kinds[i], args[i]) for i in (0, 1, 4, 5))
            here = builder.add(args[2], args[3])
            ends = [_word(k * vector.lanes) for k in range(vectors)]
            old = [v0_.load(builder.add(here, end), vector.llvm) for end in ends]
            sums = [cgutils.alloca_once_value(builder, value) for value in old]
            with cgutils.for_range(builder, args[7]) as loop:
                hop = builder.add(args[6], loop.index)
                there = builder.add(places_.number(hop), args[3])
                amplitude = repeated(builder, vector.llvm, amplitudes_.number(_word(0) if equal else hop))
                for end, value in zip(ends, sums, strict=True):
                    source = v1_.load(builder.add(there, end), vector.llvm, aligned=not packed)
                    builder.store(multiplied(builder, amplitude, source, builder.load(value)), value)
            new = [builder.load(value) for value in sums]
            for k in {0, vectors - 1} if packed else ():
                lead = args[8] if k == 0 else _word(0)
                tail = args[9] if k == vectors - 1 else _word(vector.lanes)
                new[k] = builder.select(_between(builder, vector.llvm, lead, tail), new[k], old[k])
            for end, value in zip(ends, new, strict=True):
                v0_.store(builder.add(here, end), value)
            return context.get_dummy_value()

        return types.void(v0, v1, start, column, places, amplitudes, first, count, lead, tail), code

    def rows(v0, v1, strip, row_starts, counts, places, amplitudes):  # type: ignore[no-untyped-def]
        column, first_row, last_row, hop, lead, tail = strip[0], strip[2], strip[3], strip[4], strip[5], strip[6]
        for i in range(first_row, last_row):
            add_rows(v0, v1, row_starts[i], column, places, amplitudes, hop, counts[i], lead, tail)
            hop += counts[i]

    return _inner(rows, f"ranked_rows_{vectors}_{equal:d}{packed:d}")


@intrinsic
def _copy(typing, vector, start, other, places, factors, at):  # type: ignore[no-untyped-def]
    """Write a register to ``start``: what is at ``other`` + places, times factors, both from ``at`` on."""

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds, kind = signature.args, Register(vector.dtype)
        vector_, places_, factors_ = (Memory(context, builder, kinds[i], args[i]) for i in (0, 3, 4))
        source = gathered(builder, vector_, places_.integers(args[5], kind.lanes), kind.llvm, args[2])
        vector_.store(args[1], builder.fmul(source, factors_.load(args[5], kind.llvm)))
        return context.get_dummy_value()

    return types.void(vector, start, other, places, factors, at), code


@njit(nogil=True, cache=False, _nrt=False)
def _copy_rows(vector, rows, places, factors, pairs):  # type: ignore[no-untyped-def]
    """Rows of a vector that symmetries give: ``pairs`` of numbers that are equal but for a sign are made exactly so, then ``rows`` are
    copied from others, with permuted columns.

    ``rows`` (n, 4): start of a row and of the one that it is copied from, first and last of ``places``. ``pairs`` (m, 3): two places
    and the sign.
    """
    for i in range(pairs.shape[0]):
        a, b, sign = pairs[i, 0], pairs[i, 1], pairs[i, 2]
        mean = (vector[a] + sign * vector[b]) / 2
        vector[a], vector[b] = mean, sign * mean
    lanes = 64 // vector.itemsize
    for i in range(rows.shape[0]):
        start, other, first, last = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3]
        for at in range(first, last, lanes):
            _copy(vector, start + at - first, other, places, factors, at)


@lru_cache
def _rows_of_any_length(equal: bool, packed: bool) -> Callable[..., None]:
    """The second pass for one strip of columns."""
    one, two, three, four, five = (_rows_code(vectors, equal, packed) for vectors in range(1, VECTORS + 1))

    def rows(v0, v1, strip, row_starts, counts, places, amplitudes):  # type: ignore[no-untyped-def]
        vectors = strip[1]
        if vectors == 1:
            one(v0, v1, strip, row_starts, counts, places, amplitudes)
        elif vectors == 2:
            two(v0, v1, strip, row_starts, counts, places, amplitudes)
        elif vectors == 3:
            three(v0, v1, strip, row_starts, counts, places, amplitudes)
        elif vectors == 4:
            four(v0, v1, strip, row_starts, counts, places, amplitudes)
        else:
            five(v0, v1, strip, row_starts, counts, places, amplitudes)

    return _inner(rows, f"ranked_rows_{equal:d}{packed:d}")


@lru_cache
def ranked_steps(dtype: np.dtype, equal: bool, equal_rows: bool, packed: bool) -> Callable[..., None]:
    """Compiled steps(v0, v1, total, weights, count, tile, copies, ...) for real vectors of ``dtype``; the rest are ``Tables``.

    From v0 = T_n, v1 = T_{n+1} ``count`` steps are made in place, as by ``kernels.chebyshev.flip_steps``; with ``weights`` (count
    even) total += sum_{j < count} weights[j] T_{n+j}. ``tile``: room that no other call uses, zero in the end. ``copies``: arguments
    of ``_copy_rows``, for v1 before each step. Releases the interpreter lock. ``equal``: all hops of the first pass have the one amplitude given; ``equal_rows``: those of the second.
    ``packed``: see ``operators.halves``. One compiled code for these, kept on disk, serves all sectors and couplings.
    """
    strip, strip_summed = _strip_code(_BOTH, 0, int(equal)), _strip_code(_BOTH, 1, int(equal))
    last, last_summed = _strip_code(_ONE, 0, int(equal)), _strip_code(_ONE, 1, int(equal))
    add_rows = _rows_of_any_length(equal_rows, packed)

    def steps(v0, v1, total, weights, count, tile, copies, blocks, chunks, tables, strips, rows):  # type: ignore[no-untyped-def]
        for step in range(count):
            _copy_rows(v1, *copies)
            summed = weights.size > 0 and step % 2 == 0
            for chunk in range(chunks.shape[0]):
                block, last_row = blocks[chunks[chunk, 0]], chunks[chunk, 2]
                for row in range(chunks[chunk, 1], last_row, STRIP):
                    whole = last_row - row >= STRIP
                    if whole and summed:
                        strip_summed(v0, v1, total, weights, step, tile, block, row, tables)
                    elif whole:
                        strip(v0, v1, total, weights, step, tile, block, row, tables)
                    elif summed:
                        last_summed(v0, v1, total, weights, step, tile, block, row, tables)
                    else:
                        last(v0, v1, total, weights, step, tile, block, row, tables)
                for s in range(chunks[chunk, 3], chunks[chunk, 4]):
                    add_rows(v0, v1, strips[s], *rows)
            v0, v1 = v1, v0

    # Numba's index of cached code goes by this name: two processes that add to one index can pair one's key with the other's code
    steps.__qualname__ = f"ranked_steps_{dtype}_{equal:d}{equal_rows:d}{packed:d}"
    return njit(nogil=True, _nrt=False)(steps)


@njit(nogil=True)
def pack_rows(vector, starts, strides, packed):  # type: ignore[no-untyped-def]
    """Copy parts of a vector, given by their places and lengths, to one after the other."""
    place = 0
    for start, stride in zip(starts, strides):  # noqa: B905 (Numba)
        packed[place : place + stride] = vector[start : start + stride]
        place += stride


def no_copies(dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """``copies`` of a vector whose rows are all its own."""
    return np.empty((0, 4), np.int64), np.empty(0, np.int32), np.empty(0, dtype), np.empty((0, 3), np.int64)
