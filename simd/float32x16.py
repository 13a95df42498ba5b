"""A Numba type of sixteen float32 side by side, tuples of a few of them, and their operations.

A tuple of vectors that stay in registers is the block of accumulators of a small matrix product. Its length is part of
its type, so that a kernel takes it from an argument, `zeros(places)` with a tuple of that length, and is compiled for
it. All sums have a fixed order: the same bits on every processor that fuses products and sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import models, register_model
from numpy.typing import NDArray

from .factory import call, multiply_and_add, operation, prefetch_address
from .float64x8 import aligned_empty

#: How many float32 a vector holds.
LANES = 16

_FLOAT, _INTEGER, _BYTE = ir.FloatType(), ir.IntType(32), ir.IntType(8)
_LLVM_VECTOR = ir.VectorType(_FLOAT, LANES)
_LLVM_INTEGERS = ir.VectorType(_INTEGER, LANES)
_LLVM_BYTES = ir.VectorType(_BYTE, LANES)


class _VectorType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


_vector = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _LLVM_VECTOR)  # type: ignore[no-untyped-call]


def aligned_singles(count: int) -> NDArray[np.float32]:
    """A float32 array of zeros whose first entry begins a cache line, as `load` and `store` require.

    >>> aligned_singles(5).ctypes.data % 64, aligned_singles(5).tolist()
    (0, [0.0, 0.0, 0.0, 0.0, 0.0])
    """
    array: NDArray[np.float32] = aligned_empty(-(-count // 2)).view(np.float32)[:count]
    array[:] = 0
    return array


def _address(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


def _in_one_register(builder: Any, address: Any) -> Any:
    """The same address, opaque: an instruction that adds two registers to find its operand decodes as two."""
    return builder.asm(ir.FunctionType(address.type, [address.type]), "", "=r,0", [address], side_effect=False)


def _load_vector(builder: Any, address: Any, kind: Any, bytes_an_entry: int) -> Any:
    value = builder.load(builder.bitcast(address, kind.as_pointer()))
    value.align = bytes_an_entry * LANES
    return value


def _broadcast(builder: Any, scalar: Any) -> Any:
    first = builder.insert_element(ir.Constant(_LLVM_VECTOR, ir.Undefined), scalar, ir.Constant(_INTEGER, 0))
    return builder.shuffle_vector(first, first, ir.Constant(_LLVM_INTEGERS, [0] * LANES))


@operation
def load(typing: Any, array: Any, place: Any) -> Any:
    """load(array, place): sixteen entries from `place` on, a multiple of 16, of an aligned contiguous array.

    Entries uint8 become float32.
    """
    whole = isinstance(array.dtype, types.Integer)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments)
        if not whole:
            return _load_vector(builder, address, _LLVM_VECTOR, 4)
        integers = builder.zext(_load_vector(builder, address, _LLVM_BYTES, 1), _LLVM_INTEGERS)
        return builder.sitofp(integers, _LLVM_VECTOR)  # signed: the instruction that every processor has

    return _vector(array, types.intp), generate


@operation
def store(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """store(array, place, value): write a vector to sixteen entries from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(address, _LLVM_VECTOR.as_pointer())).align = 4 * LANES
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), generate


@operation
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """prefetch(array, place): ask for the cache line of an entry, which will soon be read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        prefetch_address(builder, _address(context, builder, signature.args[0], *arguments))
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@operation
def broadcast(typing: Any, scalar: Any) -> Any:
    """broadcast(scalar): sixteen times the same number, as float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _broadcast(builder, arguments[0])

    return _vector(types.float32), generate


def _arithmetic(instruction: str, description: str) -> Any:
    def combine(typing: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments)

        return _vector(_vector, _vector), generate

    combine.__doc__ = description
    return operation(combine)


add = _arithmetic("fadd", "add(x, y): x + y, entry by entry.")
subtract = _arithmetic("fsub", "subtract(x, y): x - y, entry by entry.")
multiply = _arithmetic("fmul", "multiply(x, y): x * y, entry by entry.")
divide = _arithmetic("fdiv", "divide(x, y): x / y, entry by entry.")


@operation
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """fma(x, y, z): x * y + z, entry by entry, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return multiply_and_add(builder, *arguments)

    return _vector(_vector, _vector, _vector), generate


def _inverse(builder: Any, x: Any) -> Any:
    """1 / x within two units in the last place: an estimate and Newton's step, in half the time of a division."""
    one = ir.Constant(_LLVM_VECTOR, [1.0] * LANES)
    return builder.fdiv(one, x, flags=("arcp", "afn", "contract"))


@operation
def inverse(typing: Any, x: Any) -> Any:
    """inverse(x): 1 / x, entry by entry, within two units in the last place; not for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _inverse(builder, *arguments)

    return _vector(_vector), generate


@operation
def inverse_root(typing: Any, x: Any) -> Any:
    """inverse_root(x): 1 / sqrt(x), entry by entry, within two units in the last place; not for zero and infinity."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _inverse(builder, call(builder, f"llvm.sqrt.v{LANES}f32", _LLVM_VECTOR, *arguments))

    return _vector(_vector), generate


@operation
def absolute(typing: Any, x: Any) -> Any:
    """absolute(x): |x|, entry by entry."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return call(builder, f"llvm.fabs.v{LANES}f32", _LLVM_VECTOR, *arguments)

    return _vector(_vector), generate


@operation
def where_greater(typing: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    """where_greater(x, y, a, b): a where x > y, otherwise b (also where x or y is not a number)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y, a, b = arguments
        return builder.select(builder.fcmp_ordered(">", x, y), a, b)

    return _vector(_vector, _vector, _vector, _vector), generate


@operation
def add_to_exponent(typing: Any, x: Any, shifted: Any) -> Any:
    """add_to_exponent(x, n + 1.5 * 2**23): x * 2**n for whole n with |n| < 2**21 and x, x * 2**n normal numbers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, shifted = (builder.bitcast(argument, _LLVM_INTEGERS) for argument in arguments)
        exponent = builder.shl(shifted, ir.Constant(_LLVM_INTEGERS, [23] * LANES))
        return builder.bitcast(builder.add(x, exponent), _LLVM_VECTOR)

    return _vector(_vector, _vector), generate


@operation
def zeros(typing: Any, places: Any) -> Any:
    """zeros(places): a block of as many vectors of zeros as the tuple `places` has entries."""
    block = types.UniTuple(_vector, len(places))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = ir.Constant(context.get_value_type(block), ir.Undefined)
        for k in range(len(places)):
            value = builder.insert_value(value, ir.Constant(_LLVM_VECTOR, [0.0] * LANES), k)
        return value

    return block(places), generate


@operation
def at(typing: Any, array: Any, place: Any) -> Any:
    """at(array, place): array[place] for a place from 0 on; Numba's own would first ask for its sign."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], *arguments))

    return array.dtype(array, types.intp), generate


@operation
def put(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """put(array, place, value): array[place] = value, as `at`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, signature.args[0], *arguments[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


def _entry_places(builder: Any, place: Any, stride: Any, count: int) -> list[Any]:
    places = [place]
    for _ in range(count - 1):
        places.append(builder.add(places[-1], stride))
    return places


def _accumulate(block: Any, array: Any, operand: Any) -> Any:
    """block[k] + x * operand(entry at place + k * stride) for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, x, data, place, stride = arguments
        first = _in_one_register(builder, _address(context, builder, signature.args[2], data, place))
        for k, entry in enumerate(_entry_places(builder, ir.Constant(stride.type, 0), stride, len(block))):
            y = operand(builder, builder.gep(first, [entry]))
            value = builder.insert_value(value, multiply_and_add(builder, x, y, builder.extract_value(value, k)), k)
        return value

    return block(block, _vector, array, types.intp, types.intp), generate


@operation
def add_products(typing: Any, block: Any, x: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_products(block, x, array, place, stride): block[k] + x * load(array, place + k * stride), for all k."""
    return _accumulate(block, array, lambda builder, address: _load_vector(builder, address, _LLVM_VECTOR, 4))


@operation
def add_multiples(typing: Any, block: Any, x: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_multiples(block, x, array, place, stride): block[k] + x * array[place + k * stride], for all k."""
    return _accumulate(block, array, lambda builder, address: _broadcast(builder, builder.load(address)))


@operation
def load_block(typing: Any, places: Any, array: Any, place: Any, stride: Any) -> Any:
    """load_block(places, array, place, stride): load(array, place + k * stride), for every k in range(len(places))."""
    block = types.UniTuple(_vector, len(places))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, data, place, stride = arguments
        value = ir.Constant(context.get_value_type(block), ir.Undefined)
        for k, entry in enumerate(_entry_places(builder, place, stride, len(block))):
            address = _address(context, builder, signature.args[1], data, entry)
            value = builder.insert_value(value, _load_vector(builder, address, _LLVM_VECTOR, 4), k)
        return value

    return block(places, array, types.intp, types.intp), generate


@operation
def store_block(typing: Any, array: Any, place: Any, stride: Any, block: Any) -> Any:
    """store_block(array, place, stride, block): store(array, place + k * stride, block[k]), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place, stride, value = arguments
        for k, entry in enumerate(_entry_places(builder, place, stride, len(block))):
            address = _address(context, builder, signature.args[0], data, entry)
            vector = builder.extract_value(value, k)
            builder.store(vector, builder.bitcast(address, _LLVM_VECTOR.as_pointer())).align = 4 * LANES
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, block), generate


@operation
def sums(typing: Any, block: Any) -> Any:
    """sums(block): a vector with the sum of the entries of block[k] at k, and zeros beyond.

    Halves of pairs are added to one another: after four rounds, vectors of 16 part sums have become one of 16 sums.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        nothing = ir.Constant(_LLVM_VECTOR, [0.0] * LANES)
        values = [builder.extract_value(arguments[0], k) for k in range(len(block))]
        values += [None] * (LANES - len(values))
        half = LANES // 2
        while half:
            # vector k has groups of 2 * half entries; those of the one that it is paired with go beside its own
            low = [2 * half * (lane // (2 * half)) + lane % half for lane in range(LANES)]
            left = [place if lane % (2 * half) < half else place + LANES for lane, place in enumerate(low)]
            right = [place + half for place in left]
            paired: list[Any] = []
            for a, b in zip(values[:half], values[half:], strict=True):
                if a is None:
                    paired.append(None)
                    continue
                b = nothing if b is None else b
                parts = [builder.shuffle_vector(a, b, ir.Constant(_LLVM_INTEGERS, places)) for places in (left, right)]
                paired.append(builder.fadd(*parts))
            values, half = paired, half // 2
        return values[0]

    return _vector(block), generate


@operation
def transposed(typing: Any, block: Any, places: Any) -> Any:
    """transposed(block, places): as many vectors as `places` has entries; entry i of the k-th is entry k of block[i].

    Beyond the block there are zeros. Squares of half the side are exchanged across the diagonal, then of a quarter,
    and so on.
    """
    result = types.UniTuple(_vector, len(places))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[0], k) for k in range(len(block))]
        values += [ir.Constant(_LLVM_VECTOR, [0.0] * LANES)] * (LANES - len(values))
        half = LANES // 2
        while half:
            upper = [lane if not lane & half else lane - half + LANES for lane in range(LANES)]
            for k in range(LANES):
                if not k & half:
                    pair = values[k], values[k + half]
                    values[k], values[k + half] = (
                        builder.shuffle_vector(*pair, ir.Constant(_LLVM_INTEGERS, lanes))
                        for lanes in (upper, [lane + half for lane in upper])
                    )
            half //= 2
        value = ir.Constant(context.get_value_type(result), ir.Undefined)
        for k in range(len(places)):
            value = builder.insert_value(value, values[k], k)
        return value

    return result(block, places), generate
