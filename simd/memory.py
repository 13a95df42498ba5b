"""Between memory and vectors.

An array is contiguous, and `place` is the number of an entry. A vector may begin at any entry, fastest where a cache
line does. In place of an array of float64 a kernel may give its address as a whole number: an array is many arguments
to a compiled function, an address is one. Entries of uint8 are read as float32.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .vectors import LINE, VectorType, call, operation


def scalar_of(memory: Any) -> Any:
    """The type of the entries of an array, or of the memory at an address."""
    return types.float64 if isinstance(memory, types.Integer) else memory.dtype


def vector_of(memory: Any) -> VectorType:
    """The type of the vectors that are read from an array, or from the memory at an address."""
    scalar = scalar_of(memory)
    return VectorType(types.float32 if scalar == types.uint8 else scalar)


def entry(context: Any, builder: Any, memory: Any, value: Any, place: Any) -> Any:
    """Generate the address of an entry."""
    if isinstance(memory, types.Integer):
        first = builder.inttoptr(value, ir.DoubleType().as_pointer())
    else:
        first = context.make_array(memory)(context, builder, value).data
    return builder.gep(first, [place])


def read(builder: Any, memory: Any, address: Any) -> Any:
    """Generate the vector that begins at the address of an entry."""
    kind, scalar = vector_of(memory), scalar_of(memory)
    bytes_of_entry = scalar.bitwidth // 8
    if scalar == kind.scalar:
        return builder.load(builder.bitcast(address, kind.llvm.as_pointer()), align=bytes_of_entry)
    packed = kind.with_entries(ir.IntType(scalar.bitwidth)).as_pointer()
    integers = builder.load(builder.bitcast(address, packed), align=bytes_of_entry)
    # signed: the instruction that every processor has
    return builder.sitofp(builder.zext(integers, kind.with_entries(ir.IntType(32))), kind.llvm)


def write(builder: Any, memory: Any, address: Any, vector: Any) -> Any:
    """Generate the store of a vector that begins at the address of an entry."""
    target = builder.bitcast(address, vector_of(memory).llvm.as_pointer())
    return builder.store(vector, target, align=scalar_of(memory).bitwidth // 8)


@operation
def load(typing: Any, array: Any, place: Any) -> Any:
    """load(array, place): the vector of the entries from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return read(builder, array, entry(context, builder, array, *arguments))

    return vector_of(array)(array, types.intp), generate


@operation
def store(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    """store(array, place, vector): write a vector to the entries from `place` on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *where, value = arguments
        write(builder, array, entry(context, builder, array, *where), value)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector_of(array)), generate


@operation
def stream(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    """stream(array, place, vector): as `store`, past the caches: for results that are not read again soon.

    The entry at `place` must begin a cache line.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *where, value = arguments
        instruction = write(builder, array, entry(context, builder, array, *where), value)
        instruction.align = LINE
        instruction.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector_of(array)), generate


@operation
def prefetch(typing: Any, array: Any, place: Any) -> Any:
    """prefetch(array, place): ask for the cache line of an entry, which will soon be read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(entry(context, builder, array, *arguments), pointer)
        reading, into_all_caches, data = (number(value) for value in (0, 3, 1))
        call(builder, "llvm.prefetch.p0", ir.VoidType(), address, reading, into_all_caches, data)
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@operation
def at(typing: Any, array: Any, place: Any) -> Any:
    """at(array, place): array[place] for a place from 0 on; Numba's own would first ask for its sign."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(entry(context, builder, array, *arguments))

    return scalar_of(array)(array, types.intp), generate


@operation
def put(typing: Any, array: Any, place: Any, value: Any) -> Any:
    """put(array, place, value): array[place] = value, as `at`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *where, number = arguments
        builder.store(number, entry(context, builder, array, *where))
        return context.get_dummy_value()

    return types.void(array, types.intp, scalar_of(array)), generate
