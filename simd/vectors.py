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
    if isinstance(signature.args[0], types.Integer):
        first = builder.inttoptr(arguments[0], ir.DoubleType().as_pointer())
    else:
        first = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.bitcast(builder.gep(first, [arguments[1]]), _LLVM_VECTOR.as_pointer())


@_operation
def load(typing: Any, array: Any, place: Any) -> Any:
    """load(array, place): the eight entries from `place` on, a multiple of 8, of an aligned contiguous array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_address(context, builder, signature, arguments))
        value.align = _ALIGNMENT
        return value

    return _vector(array, types.intp), generate


@_operation
def load_anywhere(typing: Any, array: Any, place: Any) -> Any:
    """load_anywhere(array, place): the eight entries from `place` on, at any alignment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments), align=8)

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
def stream(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """stream(array, place, value): as `store`, past the caches: for results that are not read again soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        instruction = builder.store(arguments[2], _address(context, builder, signature, arguments))
        instruction.align = _ALIGNMENT
        instruction.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
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


@_operation
def broadcast(typing: Any, array: Any, place: Any) -> Any:
    """broadcast(array, place): the entry at `place`, eight times."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = context.make_array(signature.args[0])(context, builder, arguments[0])
        entry = builder.load(builder.gep(source.data, [arguments[1]]))
        lowest = builder.insert_element(ir.Constant(_LLVM_VECTOR, ir.Undefined), entry, ir.IntType(32)(0))
        return _shuffled(builder, lowest, lowest, (0,) * WIDTH)

    return _vector(array, types.intp), generate


@_operation
def sums(typing: Any, v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any) -> Any:
    """sums(v0, ..., v7): the vector of the sums of the entries of eight vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = list(arguments)
        for low, high in _STAGES:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [builder.fadd(_shuffled(builder, x, y, low), _shuffled(builder, x, y, high)) for x, y in pairs]
        return values[0]

    return _vector(*[_vector] * WIDTH), generate


@_operation
def transpose(typing: Any, source: Any, place: Any, stride: Any, target: Any, other: Any, step: Any) -> Any:
    """transpose(source, place, stride, target, other, step): an 8 by 8 block, at any alignment.

    Its rows begin at `place`, `place + stride`, ... of `source`, and as columns at `other`, `other + step`, ... of
    `target`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        reads = [_unaligned(context, builder, signature, arguments, 0, k) for k in range(WIDTH)]
        rows = [builder.load(read, align=8) for read in reads]
        for distance, (low, high) in zip((1, 2, 4), _STAGES, strict=True):
            found = dict.fromkeys(range(WIDTH))
            for k in (k for k in range(WIDTH) if not k & distance):
                found[k] = _shuffled(builder, rows[k], rows[k + distance], low)
                found[k + distance] = _shuffled(builder, rows[k], rows[k + distance], high)
            rows = [found[k] for k in range(WIDTH)]
        for k, row in enumerate(rows):
            builder.store(row, _unaligned(context, builder, signature, arguments, 3, k), align=8)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate


# How entries of two vectors are paired at distance 1, 2 and 4.
_STAGES = (
    ((0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15)),
    ((0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15)),
    ((0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15)),
)


def _shuffled(builder: Any, x: Any, y: Any, order: tuple[int, ...]) -> Any:
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(order)))


def _unaligned(context: Any, builder: Any, signature: Any, arguments: Any, first: int, row: int) -> Any:
    """Address of a row of the block whose array, place and stride are the arguments from `first` on."""
    array = context.make_array(signature.args[first])(context, builder, arguments[first])
    stride = builder.mul(arguments[first + 2], arguments[first + 2].type(row))
    place = builder.gep(array.data, [builder.add(arguments[first + 1], stride)])
    return builder.bitcast(place, _LLVM_VECTOR.as_pointer())
