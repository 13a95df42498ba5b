"""A Numba type of eight float64 side by side, and its few operations.

LLVM maps it to one 512-bit register or two of 256 bits, whatever the processor has. Numba's own vectoriser finds such
code only in some loops, and keeps sums in memory where it cannot prove that arrays are distinct.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

#: How many float64 a vector holds.
WIDTH = 8

_LLVM_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
_ALIGNMENT = 8 * WIDTH  # bytes

# what is typed here is the code generator; in a kernel the function has other arguments
_operation: Any = intrinsic


class _VectorType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float64x{WIDTH}")


_vector = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _LLVM_VECTOR)  # type: ignore[no-untyped-call]


def aligned_empty(count: int) -> NDArray[np.float64]:
    """An uninitialised float64 array whose first entry begins a cache line, as `load` and `store` require.

    >>> aligned_empty(5).ctypes.data % 64
    0
    """
    raw = np.empty(count + WIDTH)
    first = (-raw.ctypes.data % _ALIGNMENT) // 8
    return raw[first : first + count]


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(array.data, [arguments[1]])
    return builder.bitcast(place, _LLVM_VECTOR.as_pointer())


@_operation
def load(typing: Any, array: Any, place: Any) -> Any:
    """load(array, place): the eight entries from `place` on, a multiple of 8, of an aligned contiguous array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_address(context, builder, signature, arguments))
        value.align = _ALIGNMENT
        return value

    return _vector(array, types.intp), generate


@_operation
def store(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """store(array, place, value): write a vector to eight entries from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        instruction = builder.store(arguments[2], _address(context, builder, signature, arguments))
        instruction.align = _ALIGNMENT
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), generate


@_operation
def zero(typing: Any) -> Any:
    """zero(): a vector of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_LLVM_VECTOR, [0.0] * WIDTH)

    return _vector(), generate


@_operation
def add(typing: Any, x: Any, y: Any) -> Any:
    """add(x, y): x + y, entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return _vector(_vector, _vector), generate


@_operation
def multiply(typing: Any, x: Any, y: Any) -> Any:
    """multiply(x, y): x * y, entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return _vector(_vector, _vector), generate


@_operation
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """fma(x, y, z): x * y + z, entry by entry, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # allowed to contract, not told to: a processor without the instruction would call a slow library function
        product = builder.fmul(arguments[0], arguments[1], flags=("contract",))
        return builder.fadd(product, arguments[2], flags=("contract",))

    return _vector(_vector, _vector, _vector), generate
