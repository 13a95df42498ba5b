"""A Numba type of eight float64 side by side, and its few operations.

LLVM maps it to one 512-bit register or two of 256 bits, whatever the processor has. Numba's own vectoriser finds such
code only in some loops, and keeps sums in memory where it cannot prove that arrays are distinct.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import models, register_model
from numpy.typing import NDArray

from .factory import multiply_and_add, operation, prefetch_address

#: How many float64 a vector holds.
WIDTH = 8

_LLVM_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)
_ALIGNMENT = 8 * WIDTH  # bytes


class _VectorType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float64x{WIDTH}")


_vector = _VectorType()
#: Eight vectors, as the accumulators of a small product of matrices, or the rows of one.
_block = types.UniTuple(_vector, WIDTH)


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


def _entry(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """Address of an entry of an array, or of the memory at a whole number that stands for it."""
    if isinstance(kind, types.Integer):
        first = builder.inttoptr(array, ir.DoubleType().as_pointer())
    else:
        first = context.make_array(kind)(context, builder, array).data
    return builder.gep(first, [place])


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    entry = _entry(context, builder, signature.args[0], arguments[0], arguments[1])
    return builder.bitcast(entry, _LLVM_VECTOR.as_pointer())


def _row_addresses(context: Any, builder: Any, kind: Any, array: Any, place: Any, stride: Any) -> list[Any]:
    places = [builder.add(place, builder.mul(stride, stride.type(k))) for k in range(WIDTH)]
    entries = [_entry(context, builder, kind, array, place) for place in places]
    return [builder.bitcast(entry, _LLVM_VECTOR.as_pointer()) for entry in entries]


def _loaded_rows(context: Any, builder: Any, kind: Any, array: Any, place: Any, stride: Any) -> list[Any]:
    rows = [builder.load(address) for address in _row_addresses(context, builder, kind, array, place, stride)]
    for row in rows:
        row.align = _ALIGNMENT
    return rows


def _block_of(context: Any, builder: Any, values: Iterable[Any]) -> Any:
    block = ir.Constant(context.get_value_type(_block), ir.Undefined)
    for k, value in enumerate(values):
        block = builder.insert_value(block, value, k)
    return block


def _broadcast(builder: Any, entry: Any) -> Any:
    lowest = builder.insert_element(ir.Constant(_LLVM_VECTOR, ir.Undefined), entry, ir.IntType(32)(0))
    return _shuffled(builder, lowest, lowest, (0,) * WIDTH)


@operation
def load(typing: Any, array: Any, place: Any) -> Any:
    """load(array, place): the eight entries from `place` on, a multiple of 8, of an aligned contiguous array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_address(context, builder, signature, arguments))
        value.align = _ALIGNMENT
        return value

    return _vector(array, types.intp), generate


@operation
def load_anywhere(typing: Any, array: Any, place: Any) -> Any:
    """load_anywhere(array, place): the eight entries from `place` on, at any alignment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments), align=8)

    return _vector(array, types.intp), generate


@operation
def store(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """store(array, place, value): write a vector to eight entries from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        instruction = builder.store(arguments[2], _address(context, builder, signature, arguments))
        instruction.align = _ALIGNMENT
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), generate


@operation
def stream(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """stream(array, place, value): as `store`, past the caches: for results that are not read again soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        instruction = builder.store(arguments[2], _address(context, builder, signature, arguments))
        instruction.align = _ALIGNMENT
        instruction.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), generate


@operation
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """prefetch(array, place): ask for the cache line of an entry, which will soon be read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prefetch_address(builder, _entry(context, builder, signature.args[0], *arguments))
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@operation
def zero(typing: Any) -> Any:
    """zero(): a vector of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_LLVM_VECTOR, [0.0] * WIDTH)

    return _vector(), generate


@operation
def add(typing: Any, x: Any, y: Any) -> Any:
    """add(x, y): x + y, entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return _vector(_vector, _vector), generate


@operation
def multiply(typing: Any, x: Any, y: Any) -> Any:
    """multiply(x, y): x * y, entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(*arguments)

    return _vector(_vector, _vector), generate


@operation
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """fma(x, y, z): x * y + z, entry by entry, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return multiply_and_add(builder, *arguments)

    return _vector(_vector, _vector, _vector), generate


@operation
def broadcast(typing: Any, array: Any, place: Any) -> Any:
    """broadcast(array, place): the entry at `place`, eight times."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _broadcast(builder, builder.load(_entry(context, builder, signature.args[0], *arguments)))

    return _vector(array, types.intp), generate


@operation
def zeros(typing: Any) -> Any:
    """zeros(): a block of eight vectors of zeros."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _block_of(context, builder, [ir.Constant(_LLVM_VECTOR, [0.0] * WIDTH)] * WIDTH)

    return _block(), generate


@operation
def add_rows(typing: Any, block: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_rows(block, array, place, stride): block[k] + load(array, place + k * stride), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, *operand = arguments
        rows = _loaded_rows(context, builder, signature.args[1], *operand)
        sums = (builder.fadd(builder.extract_value(block, k), row) for k, row in enumerate(rows))
        return _block_of(context, builder, sums)

    return _block(_block, array, types.intp, types.intp), generate


@operation
def add_products(typing: Any, block: Any, array: Any, x: Any, x_stride: Any, y: Any, y_stride: Any) -> Any:
    """add_products(block, array, x, x_stride, y, y_stride), for all k:
    block[k] + load(array, x + k * x_stride) * load(array, y + k * y_stride).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, array, *operands = arguments
        left = _loaded_rows(context, builder, signature.args[1], array, *operands[:2])
        right = _loaded_rows(context, builder, signature.args[1], array, *operands[2:])
        pairs = zip(left, right, strict=True)
        sums = (multiply_and_add(builder, x, y, builder.extract_value(block, k)) for k, (x, y) in enumerate(pairs))
        return _block_of(context, builder, sums)

    return _block(_block, array, *[types.intp] * 4), generate


@operation
def add_products_at(typing: Any, block: Any, array: Any, places: Any, first: Any, offset: Any) -> Any:
    """add_products_at(block, array, places, first, offset), for all k, with (x, y) the k-th pair from places[first] on:
    block[k] + load(array, x + offset) * load(array, y + offset).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, array, places, first, offset = arguments
        table = context.make_array(signature.args[2])(context, builder, places).data

        def loaded(number: int) -> Any:
            place = builder.load(builder.gep(table, [builder.add(first, first.type(number))]))
            entry = _entry(context, builder, signature.args[1], array, builder.add(place, offset))
            row = builder.load(builder.bitcast(entry, _LLVM_VECTOR.as_pointer()))
            row.align = _ALIGNMENT
            return row

        pairs = ((loaded(2 * k), loaded(2 * k + 1)) for k in range(WIDTH))
        sums = (multiply_and_add(builder, x, y, builder.extract_value(block, k)) for k, (x, y) in enumerate(pairs))
        return _block_of(context, builder, sums)

    return _block(_block, array, places, types.intp, types.intp), generate


@operation
def add_multiples(typing: Any, block: Any, x: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_multiples(block, x, array, place, stride): block[k] + x * the entry at place + k * stride, for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, x, array, place, stride = arguments
        values = []
        for k in range(WIDTH):
            row = builder.add(place, builder.mul(stride, stride.type(k)))
            entry = builder.load(_entry(context, builder, signature.args[2], array, row))
            values.append(multiply_and_add(builder, x, _broadcast(builder, entry), builder.extract_value(block, k)))
        return _block_of(context, builder, values)

    return _block(_block, _vector, array, types.intp, types.intp), generate


@operation
def store_block(typing: Any, array: Any, place: Any, stride: Any, block: Any) -> Any:
    """store_block(array, place, stride, block): store(array, place + k * stride, block[k]), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *operand, block = arguments
        for k, address in enumerate(_row_addresses(context, builder, signature.args[0], *operand)):
            builder.store(builder.extract_value(block, k), address).align = _ALIGNMENT
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, _block), generate


@operation
def sums(typing: Any, block: Any) -> Any:
    """sums(block): the vector of the sums of the entries of eight vectors."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[0], k) for k in range(WIDTH)]
        for low, high in _STAGES:
            pairs = zip(values[::2], values[1::2], strict=True)
            values = [builder.fadd(_shuffled(builder, x, y, low), _shuffled(builder, x, y, high)) for x, y in pairs]
        return values[0]

    return _vector(_block), generate


@operation
def transpose(typing: Any, source: Any, place: Any, stride: Any, target: Any, other: Any, step: Any) -> Any:
    """transpose(source, place, stride, target, other, step): an 8 by 8 block, at any alignment.

    Its rows begin at `place`, `place + stride`, ... of `source`, and as columns at `other`, `other + step`, ... of
    `target`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        reads = _row_addresses(context, builder, signature.args[0], *arguments[:3])
        rows = [builder.load(read, align=8) for read in reads]
        for distance, (low, high) in zip((1, 2, 4), _STAGES, strict=True):
            found = dict.fromkeys(range(WIDTH))
            for k in (k for k in range(WIDTH) if not k & distance):
                found[k] = _shuffled(builder, rows[k], rows[k + distance], low)
                found[k + distance] = _shuffled(builder, rows[k], rows[k + distance], high)
            rows = [found[k] for k in range(WIDTH)]
        for row, write in zip(rows, _row_addresses(context, builder, signature.args[3], *arguments[3:]), strict=True):
            builder.store(row, write, align=8)
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
