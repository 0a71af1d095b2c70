"""Vector registers as values in Numba functions: a cache line of successive numbers, written in LLVM's vector instructions.

Numba types a value ``Register(float64)`` (8 numbers) or ``Register(float32)`` (16). On processors with shorter registers LLVM
splits it. See LLVM's language reference for ``shufflevector``, ``llvm.fma`` and ``llvm.masked.gather``.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

#: Bytes of a register, which are those of a cache line.
LINE = 64

WORD = ir.IntType(64)
_ZERO = ir.Constant(WORD, 0)


class Register(types.Type):
    """Numba's type of a register of ``dtype`` numbers."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.lanes = 8 * LINE // dtype.bitwidth
        super().__init__(name=f"Register({dtype})")

    @property
    def llvm(self) -> Any:
        """LLVM's vector type."""
        return ir.VectorType(ir.FloatType() if self.dtype.bitwidth == 32 else ir.DoubleType(), self.lanes)


@register_model(Register)
class _RegisterModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Register) -> None:
        super().__init__(manager, kind, kind.llvm)


class Memory:
    """Writes code that reads and writes a contiguous array, of Numba's type ``kind``."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self._builder, self._data = builder, context.make_array(kind)(context, builder, value=array).data

    def number(self, index: Any) -> Any:
        """The number at ``index``."""
        return self._builder.load(self._builder.gep(self._data, [index]))

    def load(self, index: Any, vector: Any, aligned: bool = True) -> Any:
        """Successive numbers from ``index`` on, the whole ``vector`` aligned or each number."""
        count = vector.count if aligned else 1
        return self._builder.load(self._place(index, vector), align=LINE * count // vector_lanes(vector))

    def integers(self, index: Any, count: int) -> Any:
        """As many successive 32-bit integers from ``index`` on, aligned."""
        return self._builder.load(self._place(index, ir.VectorType(ir.IntType(32), count)), align=4 * count)

    def address(self, index: Any) -> Any:
        """Where the number at ``index`` is, as an integer."""
        return self._builder.ptrtoint(self._builder.gep(self._data, [index]), WORD)

    def store(self, index: Any, value: Any) -> None:
        """Write an aligned register."""
        self._builder.store(value, self._place(index, value.type), align=LINE)

    def _place(self, index: Any, vector: Any) -> Any:
        return self._builder.bitcast(self._builder.gep(self._data, [index]), vector.as_pointer())


def vector_lanes(vector: Any) -> int:
    """Numbers of a whole register of the ``vector``'s numbers."""
    return 16 if isinstance(vector.element, ir.FloatType) else 8


def shuffled(builder: Any, first: Any, second: Any, lanes: list[int]) -> Any:
    """Lanes of ``first`` and, numbered on, of ``second``."""
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))


def repeated(builder: Any, vector: Any, scalar: Any) -> Any:
    """A register with ``scalar`` in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return shuffled(builder, first, undefined, [0] * vector.count)


def gathered(builder: Any, memory: Memory, places: Any, vector: Any, shift: Any = _ZERO) -> Any:
    """A register of the numbers at ``places`` + ``shift``; places are 32-bit integers."""
    lanes, size = vector.count, 4 if vector_lanes(vector) == 16 else 8
    words, pointers = ir.VectorType(WORD, lanes), ir.VectorType(vector.element.as_pointer(), lanes)
    distance = builder.mul(builder.zext(places, words), ir.Constant(words, [size] * lanes))
    addresses = builder.inttoptr(builder.add(repeated(builder, words, memory.address(shift)), distance), pointers)
    mask, word = ir.VectorType(ir.IntType(1), lanes), ir.IntType(32)
    name = f"llvm.masked.gather.v{lanes}f{8 * size}.v{lanes}p0f{8 * size}"
    kind = ir.FunctionType(vector, [pointers, word, mask, vector])
    call = cgutils.get_or_insert_function(builder.module, kind, name)
    everywhere, nothing = ir.Constant(mask, [1] * lanes), ir.Constant(vector, ir.Undefined)
    return builder.call(call, [addresses, ir.Constant(word, size), everywhere, nothing])


def multiplied(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    name = f"llvm.fma.v{a.type.count}{'f32' if vector_lanes(a.type) == 16 else 'f64'}"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])


def transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Registers whose lanes are the columns of ``rows``: blocks of 1, 2, 4, ... lanes change places with those across."""
    return _exchanged(builder, rows, len(rows))


def transposed_halves(builder: Any, rows: list[tuple[Any, Any]]) -> list[Any]:
    """The same for ``rows`` that come in halves: to join halves from memory costs no shuffle."""
    half, lanes = len(rows) // 2, len(rows)
    joined = [
        shuffled(builder, rows[k % half][k // half], rows[k % half + half][k // half], list(range(lanes)))
        for k in range(lanes)
    ]
    return _exchanged(builder, joined, half)


def _exchanged(builder: Any, rows: list[Any], end: int) -> list[Any]:
    rows, lanes, size = list(rows), len(rows), 1
    while size < end:
        low = [lane if not lane & size else lanes + (lane ^ size) for lane in range(lanes)]
        high = [lane | size if not lane & size else lanes + lane for lane in range(lanes)]
        for i in range(lanes):
            if not i & size:
                pair = rows[i], rows[i | size]
                rows[i], rows[i | size] = shuffled(builder, *pair, low), shuffled(builder, *pair, high)
        size *= 2
    return rows


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """Room for ``size`` numbers whose first starts a cache line."""
    buffer = np.empty(size + LINE // dtype.itemsize, dtype)
    first = -(buffer.ctypes.data // buffer.itemsize) % (LINE // buffer.itemsize)
    return buffer[first : first + size]


def aligned(values: np.ndarray) -> np.ndarray:
    """A copy of a vector whose first entry starts a cache line."""
    result = aligned_empty(values.size, values.dtype)
    result[:] = values
    return result
