"""Blocks: tuples of vectors that stay in registers, as the accumulators of a small product of matrices.

The length of a block is part of its type, so a kernel takes it from an argument, `zeros(places, dtype)` with a tuple of
that length, and is compiled for it. All sums have a fixed order: the same bits on every processor that fuses products
and sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from llvmlite import ir
from numba import types

from .memory import entry, read, vector_of, write
from .vectors import VectorType, multiply_and_add, operation, shuffled, spread


def _packed(context: Any, builder: Any, kind: Any, vectors: Iterable[Any]) -> Any:
    """Generate the block of some vectors."""
    block = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for k, vector in enumerate(vectors):
        block = builder.insert_value(block, vector, k)
    return block


def _unpacked(builder: Any, kind: Any, block: Any) -> list[Any]:
    """Generate the vectors of a block."""
    return [builder.extract_value(block, k) for k in range(len(kind))]


def _rows(context: Any, builder: Any, memory: Any, count: int, value: Any, place: Any, stride: Any) -> list[Any]:
    """Generate the addresses of the entries at place, place + stride, ..."""
    first = entry(context, builder, memory, value, place)
    return [builder.gep(first, [builder.mul(stride, stride.type(k))]) for k in range(count)]


def _in_one_register(builder: Any, address: Any) -> Any:
    """The same address, opaque: an instruction that adds two registers to find its operand decodes as two."""
    return builder.asm(ir.FunctionType(address.type, [address.type]), "", "=r,0", [address], side_effect=False)


@operation
def zeros(typing: Any, places: Any, dtype: Any) -> Any:
    """zeros(places, dtype): as many vectors of zeros as the tuple `places` has entries."""
    kind = VectorType(dtype.dtype)
    block = kind.block(places)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _packed(context, builder, block, [kind.filled(0.0)] * len(block))

    return block(places, dtype), generate


@operation
def load_block(typing: Any, places: Any, array: Any, place: Any, stride: Any) -> Any:
    """load_block(places, array, place, stride): load(array, place + k * stride), for every k in range(len(places))."""
    block = vector_of(array).block(places)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, *operand = arguments
        rows = _rows(context, builder, array, len(block), *operand)
        return _packed(context, builder, block, (read(builder, array, row) for row in rows))

    return block(places, array, types.intp, types.intp), generate


@operation
def store_block(typing: Any, array: Any, place: Any, stride: Any, block: Any) -> Any:
    """store_block(array, place, stride, block): store(array, place + k * stride, block[k]), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *operand, values = arguments
        rows = _rows(context, builder, array, len(block), *operand)
        for row, vector in zip(rows, _unpacked(builder, block, values), strict=True):
            write(builder, array, row, vector)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, block), generate


@operation
def add_rows(typing: Any, block: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_rows(block, array, place, stride): block[k] + load(array, place + k * stride), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, *operand = arguments
        rows = _rows(context, builder, array, len(block), *operand)
        pairs = zip(_unpacked(builder, block, values), rows, strict=True)
        return _packed(context, builder, block, (builder.fadd(x, read(builder, array, row)) for x, row in pairs))

    return block(block, array, types.intp, types.intp), generate


def _add_multiples(block: Any, array: Any, operand: Callable[[Any, Any], Any]) -> Any:
    """block[k] + x * operand(entry at place + k * stride), for all k."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, x, memory, place, stride = arguments
        first = _in_one_register(builder, entry(context, builder, array, memory, place))
        rows = (builder.gep(first, [builder.mul(stride, stride.type(k))]) for k in range(len(block)))
        pairs = zip(_unpacked(builder, block, values), rows, strict=True)
        totals = (multiply_and_add(builder, x, operand(builder, row), value) for value, row in pairs)
        return _packed(context, builder, block, totals)

    return block(block, block.dtype, array, types.intp, types.intp), generate


@operation
def add_products(typing: Any, block: Any, x: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_products(block, x, array, place, stride): block[k] + x * load(array, place + k * stride), for all k."""
    return _add_multiples(block, array, lambda builder, row: read(builder, array, row))


@operation
def add_multiples(typing: Any, block: Any, x: Any, array: Any, place: Any, stride: Any) -> Any:
    """add_multiples(block, x, array, place, stride): block[k] + x * array[place + k * stride], for all k."""
    return _add_multiples(block, array, lambda builder, row: spread(builder, block.dtype, builder.load(row)))


@operation
def add_row_products(typing: Any, block: Any, array: Any, x: Any, x_stride: Any, y: Any, y_stride: Any) -> Any:
    """add_row_products(block, array, x, x_stride, y, y_stride): add products of two vectors of an array, for all k:
    block[k] + load(array, x + k * x_stride) * load(array, y + k * y_stride).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, memory, *operands = arguments
        left, right = (
            [read(builder, array, row) for row in _rows(context, builder, array, len(block), memory, *operand)]
            for operand in (operands[:2], operands[2:])
        )
        triples = zip(left, right, _unpacked(builder, block, values), strict=True)
        return _packed(context, builder, block, (multiply_and_add(builder, *triple) for triple in triples))

    return block(block, array, *[types.intp] * 4), generate


@operation
def add_pair_products(typing: Any, block: Any, array: Any, places: Any, first: Any, offset: Any) -> Any:
    """add_pair_products(block, array, places, first, offset): add products of two vectors of an array, for all k:
    block[k] + load(array, x + offset) * load(array, y + offset), with (x, y) the k-th pair from places[first] on.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, memory, table, begin, shift = arguments

        def loaded(number: int) -> Any:
            place = builder.load(entry(context, builder, places, table, builder.add(begin, begin.type(number))))
            return read(builder, array, entry(context, builder, array, memory, builder.add(place, shift)))

        totals = (
            multiply_and_add(builder, loaded(2 * k), loaded(2 * k + 1), value)
            for k, value in enumerate(_unpacked(builder, block, values))
        )
        return _packed(context, builder, block, totals)

    return block(block, array, places, types.intp, types.intp), generate


@operation
def sums(typing: Any, block: Any) -> Any:
    """sums(block): a vector with the sum of the entries of block[k] at k, and zeros beyond.

    Halves of pairs are added to one another: after four rounds, sixteen vectors of part sums have become one of sums.
    """
    kind = block.dtype

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values: list[Any] = _unpacked(builder, block, *arguments)
        values += [None] * (kind.lanes - len(values))
        half = kind.lanes // 2
        while half:
            # vector k has groups of 2 * half entries; those of the one that it is paired with go beside its own
            low = [2 * half * (lane // (2 * half)) + lane % half for lane in range(kind.lanes)]
            left = [place if lane % (2 * half) < half else place + kind.lanes for lane, place in enumerate(low)]
            right = [place + half for place in left]
            paired: list[Any] = []
            for a, b in zip(values[:half], values[half:], strict=True):
                if a is not None:
                    b = kind.filled(0.0) if b is None else b
                    a = builder.fadd(shuffled(builder, a, b, left), shuffled(builder, a, b, right))
                paired.append(a)
            values, half = paired, half // 2
        return values[0]

    return kind(block), generate


def _transposed(builder: Any, kind: VectorType, vectors: list[Any]) -> list[Any]:
    """Generate the columns of a square of vectors: squares of half the side change places across the diagonal, then
    of a quarter, and so on.
    """
    vectors = vectors + [kind.filled(0.0)] * (kind.lanes - len(vectors))
    half = kind.lanes // 2
    while half:
        upper = [lane if not lane & half else lane - half + kind.lanes for lane in range(kind.lanes)]
        lower = [lane + half for lane in upper]
        for k in range(kind.lanes):
            if not k & half:
                pair = vectors[k], vectors[k + half]
                vectors[k], vectors[k + half] = (shuffled(builder, *pair, lanes) for lanes in (upper, lower))
        half //= 2
    return vectors


@operation
def transposed(typing: Any, block: Any, places: Any) -> Any:
    """transposed(block, places): as many vectors as `places` has entries; entry i of the k-th is entry k of block[i].

    Beyond the block there are zeros.
    """
    result = block.dtype.block(places)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        columns = _transposed(builder, block.dtype, _unpacked(builder, block, arguments[0]))
        return _packed(context, builder, result, columns[: len(places)])

    return result(block, places), generate


@operation
def transpose(typing: Any, source: Any, place: Any, stride: Any, target: Any, other: Any, step: Any) -> Any:
    """transpose(source, place, stride, target, other, step): copy a square whose side is a vector, transposed.

    Its rows begin at `place`, `place + stride`, ... of `source`, and as columns at `other`, `other + step`, ... of
    `target`.
    """
    kind = vector_of(source)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = [read(builder, source, row) for row in _rows(context, builder, source, kind.lanes, *arguments[:3])]
        targets = _rows(context, builder, target, kind.lanes, *arguments[3:])
        for row, column in zip(targets, _transposed(builder, kind, rows), strict=True):
            write(builder, target, row, column)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), generate
