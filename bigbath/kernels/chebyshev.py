"""Chebyshev steps T_{n+2} = 2 H T_{n+1} - T_n, with the filter's accumulation in the same pass.

For a diagonal plus flips the loop body is written in LLVM's vector instructions for the given flips: a tile of 64 or
128 states sits in registers, so that flips of its bits are permutations of registers, and the other flips are aligned
loads. Rows of 512 states are padded by one cache line: without it all flips above bit 8 fall on the same cache set.

Large vectors take halves of two steps at a time. The lower flips stay inside blocks of successive states, the upper ones inside
blocks of states that share their lower bits. Where a block has both of T_{n+2}, this is complete, and the same flips of T_{n+3}
can begin at once; the next pass, over blocks of the other kind, completes T_{n+3} and begins T_{n+4}. So a step reads and writes
two vectors once, however many flips there are, and all flips find their states in cache.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from bigbath.kernels.compiled import njit

#: States of a row, as bits; a cache line in bytes.
_ROW_BITS, _LINE = 9, 64

#: Bits of the lower flips, where a step has two parts; states of a row in a block of the upper flips.
_LOWER_BITS, _PANEL = 13, 64

#: What is done to a tile: v0 += X v1 with flips X alone; v0 = 2 H v1 - v0; this, and the sum of two terms of a filter.
_ADD, _STEP, _SUM = 0, 1, 2

_DOUBLE = np.dtype(np.float64)


def _tile_bits(dtype: np.dtype) -> tuple[int, int]:
    """Bits of a vector register's states, and of the registers of one tile (32 registers with AVX-512, 16 without)."""
    lane = (_LINE // np.dtype(dtype).itemsize).bit_length() - 1
    wide = llvmlite.binding.get_host_cpu_features().get("avx512f", False)
    return lane, 3 if wide else 1


def smallest_sites(dtype: np.dtype = _DOUBLE) -> int:
    """Spins that fill one tile: the flip kernel takes no fewer."""
    return sum(_tile_bits(dtype))


def padded(sites: int, count: int, dtype: np.dtype = _DOUBLE) -> np.ndarray:
    """``count`` zero vectors (count, rows, width + padding) for the flip kernel, aligned to cache lines.

    State n is at [n >> 9, n & 511]; ``inside`` is the view without the padding.
    """
    rows, width = shape(sites)
    line = _LINE // np.dtype(dtype).itemsize
    stride = width + line
    blocks = _aligned(count, _apart(sites, line), dtype)
    strides = (blocks.strides[0], stride * blocks.itemsize, blocks.itemsize)
    return np.lib.stride_tricks.as_strided(blocks, (count, rows, stride), strides)


def _apart(sites: int, line: int) -> int:
    """Distance of two padded vectors: they must not start on the same cache set either."""
    rows, width = shape(sites)
    return rows * (width + line) + 9 * line


def _aligned(rows: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """A zero matrix whose first entry starts a cache line."""
    buffer = np.zeros(rows * columns + _LINE // np.dtype(dtype).itemsize, dtype)
    first = -(buffer.ctypes.data // buffer.itemsize) % (_LINE // buffer.itemsize)
    return buffer[first : first + rows * columns].reshape(rows, columns)


def inside(vectors: np.ndarray) -> np.ndarray:
    """The states of padded vectors (..., rows, width): what is not padding."""
    line = _LINE // vectors.itemsize
    return vectors[..., : vectors.shape[-1] - line]


def shape(sites: int) -> tuple[int, int]:
    """Rows of a padded vector, and states of each."""
    row_bits = min(_ROW_BITS, sites)
    return 2 ** (sites - row_bits), 2**row_bits


def diagonal_factors(sites: int, fields: dict[int, float], dtype: np.dtype = _DOUBLE) -> tuple[np.ndarray, np.ndarray]:
    """A diagonal sum_z c_z (-1)^|n & z| as (high (rows, 1 + p), low (p, width)): high[:, 0] + high[:, 1:] @ low.

    Fields inside a row or across rows take one column each, a bond that joins both another: a chain has p = 2.
    """
    rows, width = shape(sites)
    column = {mask & (width - 1) for mask in fields if mask >= width and mask & (width - 1)}
    patterns = sorted(column)
    high, low = np.zeros((rows, 2 + len(patterns)), dtype), _aligned(1 + len(patterns), width, dtype)
    high[:, 1] = 1
    states = np.arange(max(rows, width))
    for mask, value in fields.items():
        across, within = mask // width, mask % width
        if not across and within:
            low[0] += value * _sign(states[:width] & within)
        else:
            high[:, 2 + patterns.index(within) if within else 0] += value * _sign(states[:rows] & across)
    for i, within in enumerate(patterns):
        low[1 + i] = _sign(states[:width] & within)
    return high, low


def _sign(masked: np.ndarray) -> np.ndarray:
    """(-1)^(number of set bits)."""
    return 1 - 2.0 * (np.bitwise_count(masked) & 1)


Steps = Callable[..., None]


def flip_steps(sites: int, strings: tuple[tuple[int, int], ...], patterns: int, dtype: np.dtype = _DOUBLE) -> Steps:
    """Compiled steps(v0, v1, others, total, high, low, coefficients, weights, count) for flips (x mask, z mask).

    All vectors are rows of ``padded``; ``high``, ``low`` (its rows ``patterns``) are ``diagonal_factors``, and with
    ``coefficients`` (one for each string) those of 2 H. With ``patterns`` 0 ``low`` is the diagonal itself, padded.
    From v0 = T_n, v1 = T_{n+1} ``count`` steps are made in place: an even count leaves T_{n+count} in v0 and the next
    in v1, an odd one the other way round. With ``weights`` (count even) total += sum_{j < count} weights[j] T_{n+j}.
    An x mask may reach beyond the ``sites``, into the parts of v1 that other ranks hold: ``others`` are copies of them,
    one for each of ``distant(strings, sites)``, and ``count`` is then 1.
    Releases the interpreter lock, so that vectors advance on several threads. The compiled code is kept on disk.
    """
    lane, group = _tile_bits(dtype)
    if sites < lane + group:
        raise ValueError(f"{sites} spins are fewer than a tile's {lane + group}")
    return _compiled(" ".join(map(str, (sites, patterns, lane, group, *(bit for pair in strings for bit in pair)))))


def distant(strings: tuple[tuple[int, int], ...], sites: int) -> list[int]:
    """What the x masks flip above the lowest ``sites`` bits: on which other ranks the kernel depends."""
    return sorted({x >> sites for x, _ in strings} - {0})


@lru_cache(maxsize=32)
def _compiled(spec: str) -> Steps:
    """The steps of a ``spec``, a text because numba types it by its value and can keep the result on disk."""
    sites, _, lane, group, *bits = map(int, spec.split())
    (rows, width), lanes, tile = shape(sites), 2**lane, 2 ** (lane + group)
    whole, lower, upper = f"0 {sites} {spec}", f"0 {_LOWER_BITS} {spec}", f"{_LOWER_BITS} {sites} {spec}"
    block = 2**_LOWER_BITS // width  # rows
    apart = block << group

    def in_one_pass(v0, v1, others, total, high, low, coefficients, weights, count):  # type: ignore[no-untyped-def]
        constants = others, total, high, low, coefficients, weights
        for step in range(count):
            summed = weights.size > 0 and step % 2 == 0
            for row in range(rows):
                for column in range(0, width, tile):
                    if summed:
                        _tile(whole, _SUM, v0, v1, constants, step, row, column)
                    else:
                        _tile(whole, _STEP, v0, v1, constants, step, row, column)
            v0, v1 = v1, v0

    def in_two_parts(v0, v1, others, total, high, low, coefficients, weights, count):  # type: ignore[no-untyped-def]
        constants = others, total, high, low, coefficients, weights
        v0, v1 = v1, v0
        # Each pass completes one step, but for the first, and begins the next, but for the last
        for step in range(-1, count):
            begin = step + 1 < count
            if step % 2 == 0:
                for first in range(block):
                    for left in range(0, width, _PANEL):
                        for row in range(first, rows, apart):
                            for column in range(left, left + _PANEL, lanes):
                                _tile(upper, _ADD, v0, v1, constants, step, row, column)
                        for row in range(first, rows if begin else first, apart):
                            for column in range(left, left + _PANEL, lanes):
                                _tile(upper, _STEP, v1, v0, constants, step, row, column)
            else:
                for first in range(0, rows, block):
                    for row in range(first, first + block if step > 0 else first):
                        for column in range(0, width, tile):
                            _tile(lower, _ADD, v0, v1, constants, step, row, column)
                    for row in range(first, first + block if begin else first):
                        for column in range(0, width, tile):
                            if weights.size:
                                _tile(lower, _SUM, v1, v0, constants, step + 1, row, column)
                            else:
                                _tile(lower, _STEP, v1, v0, constants, step, row, column)
            v0, v1 = v1, v0

    parts = sites >= _LOWER_BITS + group and all(x < 2**_LOWER_BITS or not x % 2**_LOWER_BITS for x in bits[::2])
    steps = in_two_parts if parts and max(bits[::2], default=0) < 2**sites else in_one_pass
    # Numba's index of cached code goes by this name: two processes that add to one index can pair one's key with the other's code
    steps.__qualname__ = f"{steps.__name__}_{hashlib.sha256(spec.encode()).hexdigest()[:16]}"
    return njit(nogil=True)(steps)


@intrinsic(prefer_literal=True)
def _tile(typing, spec, task, v0, v1, constants, step, row, column):  # type: ignore[no-untyped-def]
    arguments = (spec, task, v0, v1, constants, step, row, column)

    def code(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds = [*signature.args[2:4], *signature.args[4].types]
        arrays = zip(kinds, [*args[2:4], *cgutils.unpack_tuple(builder, args[4])], strict=True)
        data = [context.make_array(t)(context, builder, value=a).data for t, a in arrays]
        first, last, sites, patterns, lane, group, *bits = map(int, spec.literal_value.split())
        strings = list(zip(bits[::2], bits[1::2], strict=True))
        body = _Tile(builder, sites, lane, group, (first, last), patterns, kinds[0].dtype.bitwidth, *args[6:])
        body.emit(task.literal_value, strings, *data, args[5])
        return context.get_dummy_value()

    return types.void(*arguments), code


class _Tile:
    """Writes the LLVM code of one tile, for flips of some ``part`` (first bit, end) of the bits.

    A register holds successive states. The bits that number the tile's registers follow those, or are the lowest of the
    upper flips' part: then each register is of another row. See LLVM's language reference for ``shufflevector``,
    ``llvm.fma`` and ``llvm.prefetch``.
    """

    def __init__(
        self, builder: Any, sites: int, lane: int, group: int, part: tuple[int, int], patterns: int, bits: int, row: Any, column: Any
    ) -> None:  # fmt: skip
        self.builder, self.row, self.column, self.patterns = builder, row, column, patterns
        self.lanes, self.groups, self.part = 2**lane, 2**group, part
        self.sites, (self.rows, self.width) = sites, shape(sites)
        self.stride = self.width + self.lanes
        self.register = max(lane, part[0])
        self.registers = self.stride << part[0] - _ROW_BITS if part[0] else self.lanes
        self.inside = self.lanes - 1 | self.groups - 1 << self.register
        self.apart = _apart(sites, self.lanes)
        self.row_bits = self.width.bit_length() - 1
        self.element = ir.FloatType() if bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.element, self.lanes)
        self.word, self.size = ir.IntType(64), ir.IntType(bits)
        fma, count = ir.FunctionType(self.vector, [self.vector] * 3), ir.FunctionType(self.word, [self.word])
        name = f"llvm.fma.v{self.lanes}f{self.size.width}"
        self._fma = cgutils.get_or_insert_function(builder.module, fma, name)
        prefetch = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), *[ir.IntType(32)] * 3])
        self._prefetch = cgutils.get_or_insert_function(builder.module, prefetch, "llvm.prefetch.p0i8")
        self._count = cgutils.get_or_insert_function(builder.module, count, "llvm.ctpop.i64")

    def emit(
        self, task: int, strings: list[tuple[int, int]], v0: Any, v1: Any, others: Any, total: Any, high: Any, low: Any,
        coefficients: Any, weights: Any, step: Any,
    ) -> None:  # fmt: skip
        """Code of one tile's ``task``."""
        b, here = self.builder, self.offset(0)
        own = [self.load(v1, here, g) for g in range(self.groups)]
        old = [self.load(v0, here, g) for g in range(self.groups)]
        new = [*old]
        if task != _ADD:
            diagonal = self.diagonal(high, low)
            new = [self.fma(diagonal[g], own[g], b.fneg(old[g])) for g in range(self.groups)]
        self.prefetch(v1, here)
        ranks = distant(tuple(strings), self.sites)
        for mask in dict.fromkeys(x for x, _ in strings):
            if mask < 2**self.sites and not 2 ** self.part[0] <= mask < 2 ** self.part[1]:
                continue
            signed = [(self.coefficient(coefficients, i, z), z) for i, (x, z) in enumerate(strings) if x == mask]
            near = mask & ~self.inside == 0
            there = here if near else self.offset(mask & (2**self.sites - 1))
            source = v1
            if mask >> self.sites:
                copy = self.constant(ranks.index(mask >> self.sites) * self.apart)
                source = b.gep(others, [copy])
            sums: dict[tuple[int, ...], Any] = {}
            for g in range(self.groups):
                signs = tuple((g << self.register & z).bit_count() % 2 for _, z in signed)
                if signs not in sums:
                    terms = [b.fneg(c) if odd else c for (c, _), odd in zip(signed, signs, strict=True)]
                    sums[signs] = self.sum(terms)
                register = g ^ (mask >> self.register & (self.groups - 1))
                flipped = own[register] if near else self.load(source, there, register)
                new[g] = self.fma(sums[signs], self.permute(flipped, mask & (self.lanes - 1)), new[g])
        if task == _SUM:
            first, second = (self.splat(self.scalar(weights, b.add(step, self.constant(i)))) for i in (0, 1))
            for g in range(self.groups):
                partial = self.fma(first, old[g], self.load(total, here, g))
                self.store(total, here, g, self.fma(second, own[g], partial))
        for g in range(self.groups):
            self.store(v0, here, g, new[g])

    def diagonal(self, high: Any, low: Any) -> list[Any]:
        """The tile's diagonal, loaded or of its factors."""
        if not self.patterns:
            return [self.load(low, self.offset(0), g) for g in range(self.groups)]
        b, values = self.builder, []
        for state in range(0, self.groups << self.register, 1 << self.register):
            first = b.mul(b.add(self.row, self.constant(state // self.width)), self.constant(1 + self.patterns))
            value, *scalars = (
                self.splat(self.scalar(high, b.add(first, self.constant(p)))) for p in range(1 + self.patterns)
            )
            for p, scalar in enumerate(scalars):
                place = b.add(self.column, self.constant(p * self.width + state % self.width))
                value = self.fma(scalar, b.load(self._place(low, place), align=_LINE), value)
            values.append(value)
        return values

    def constant(self, value: int) -> Any:
        return ir.Constant(self.word, value)

    def offset(self, mask: int) -> Any:
        """Place of the tile that ``mask`` leads to from this one."""
        outside = mask & ~self.inside
        row = self.builder.xor(self.row, self.constant(outside >> self.row_bits))
        column = self.builder.xor(self.column, self.constant(outside & (self.width - 1)))
        return self.builder.add(self.builder.mul(row, self.constant(self.stride)), column)

    def _place(self, base: Any, offset: Any, g: int = 0) -> Any:
        place = self.builder.gep(base, [self.builder.add(offset, self.constant(g * self.registers))])
        return self.builder.bitcast(place, self.vector.as_pointer())

    def load(self, base: Any, offset: Any, g: int) -> Any:
        return self.builder.load(self._place(base, offset, g), align=_LINE)

    def store(self, base: Any, offset: Any, g: int, value: Any) -> None:
        self.builder.store(value, self._place(base, offset, g), align=_LINE)

    def prefetch(self, base: Any, offset: Any) -> None:
        """Fetch the same tile of the next block into the second-level cache, where a step has two parts."""
        if self.part == (0, self.sites):
            return
        block = _PANEL if self.part[0] else self.stride << _LOWER_BITS - _ROW_BITS
        ahead, word = self.builder.add(offset, self.constant(block)), ir.IntType(32)
        for g in range(self.groups):
            place = self.builder.bitcast(self._place(base, ahead, g), ir.IntType(8).as_pointer())
            read, level, data = (ir.Constant(word, value) for value in (0, 2, 1))
            self.builder.call(self._prefetch, [place, read, level, data])

    def scalar(self, base: Any, index: Any) -> Any:
        return self.builder.load(self.builder.gep(base, [index]))

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return self.builder.call(self._fma, [a, b, c])

    def sum(self, values: list[Any]) -> Any:
        total = values[0]
        for value in values[1:]:
            total = self.builder.fadd(total, value)
        return total

    def permute(self, value: Any, mask: int) -> Any:
        """Register whose lane l is lane l ^ mask of ``value``."""
        return self._shuffle(value, [i ^ mask for i in range(self.lanes)]) if mask else value

    def splat(self, scalar: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
        return self._shuffle(first, [0] * self.lanes)

    def _shuffle(self, value: Any, lanes: list[int]) -> Any:
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), lanes)
        return self.builder.shuffle_vector(value, ir.Constant(self.vector, ir.Undefined), order)

    def coefficient(self, coefficients: Any, number: int, z: int) -> Any:
        """Coefficient times (-1)^|n & z| for the tile's first register; the registers' own bits come later."""
        b, value = self.builder, self.scalar(coefficients, self.constant(number))
        if high := z & ~self.inside:
            index = b.or_(b.shl(self.row, self.constant(self.row_bits)), self.column)
            odd = b.call(self._count, [b.and_(index, self.constant(high))])
            odd = b.trunc(odd, self.size) if self.size.width < 64 else odd
            sign = b.shl(odd, ir.Constant(self.size, self.size.width - 1))
            value = b.bitcast(b.xor(b.bitcast(value, self.size), sign), self.element)
        result = self.splat(value)
        if z & (self.lanes - 1):
            signs = [(-1.0) ** (i & z).bit_count() for i in range(self.lanes)]
            result = b.fmul(result, ir.Constant(self.vector, signs))
        return result


@njit(nogil=True)
def contract_system(phi, memory, width, stride, out):  # type: ignore[no-untyped-def]
    """out (D_B,) = <phi|_S v for ``phi`` (D_S,) and a vector v (D_S D_B,) in rows of ``width`` that are ``stride`` apart.

    ``memory``: (rows * stride,), contiguous. Both are passed once; releases the interpreter lock.
    """
    part = min(width, out.size)
    for block in range(0, out.size, part):
        for s in range(phi.size):
            row, column = divmod(s * out.size + block, width)
            start = row * stride + column
            if s == 0:
                for c in range(part):
                    out[block + c] = phi[0] * memory[start + c]
            else:
                for c in range(part):
                    out[block + c] += phi[s] * memory[start + c]
