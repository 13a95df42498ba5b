"""Arithmetic of vectors, entry by entry."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .vectors import VectorType, call, multiply_and_add, operation, spread


@operation
def broadcast(typing: Any, scalar: Any) -> Any:
    """broadcast(scalar): the same number in every lane; of a float32 or a float64."""
    kind = VectorType(scalar)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return spread(builder, kind, *arguments)

    return kind(scalar), generate


def _elementwise(description: str, formula: Any) -> Any:
    """An operation on two vectors of one kind from what generates its code."""

    def combine(typing: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return formula(builder, *arguments)

        return x(x, x), generate

    combine.__doc__ = description
    combine.__name__ = description.partition("(")[0]
    return operation(combine)


add = _elementwise("add(x, y): x + y.", lambda builder, x, y: builder.fadd(x, y))
subtract = _elementwise("subtract(x, y): x - y.", lambda builder, x, y: builder.fsub(x, y))
multiply = _elementwise("multiply(x, y): x * y.", lambda builder, x, y: builder.fmul(x, y))
divide = _elementwise("divide(x, y): x / y.", lambda builder, x, y: builder.fdiv(x, y))


@operation
def fma(typing: Any, x: Any, y: Any, z: Any) -> Any:
    """fma(x, y, z): x * y + z, rounded once where the processor can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return multiply_and_add(builder, *arguments)

    return x(x, x, x), generate


def _inverse(builder: Any, kind: VectorType, x: Any) -> Any:
    """An estimate and Newton's step, in half the time of a division."""
    return builder.fdiv(kind.filled(1.0), x, flags=("arcp", "afn", "contract"))


@operation
def inverse(typing: Any, x: Any) -> Any:
    """inverse(x): 1 / x of float32, within two units in the last place; not for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _inverse(builder, x, *arguments)

    return x(x), generate


@operation
def inverse_root(typing: Any, x: Any) -> Any:
    """inverse_root(x): 1 / sqrt(x) of float32, within two units in the last place; not for zero and infinity."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _inverse(builder, x, call(builder, f"llvm.sqrt.{_suffix(x)}", x.llvm, *arguments))

    return x(x), generate


@operation
def absolute(typing: Any, x: Any) -> Any:
    """absolute(x): |x|."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return call(builder, f"llvm.fabs.{_suffix(x)}", x.llvm, *arguments)

    return x(x), generate


def _suffix(kind: VectorType) -> str:
    """What LLVM adds to the name of a function for a type of vectors."""
    return f"v{kind.lanes}f{kind.scalar.bitwidth}"


@operation
def where_greater(typing: Any, x: Any, y: Any, a: Any, b: Any) -> Any:
    """where_greater(x, y, a, b): a where x > y, otherwise b (also where x or y is not a number)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, then, otherwise = arguments
        return builder.select(builder.fcmp_ordered(">", left, right), then, otherwise)

    return x(x, x, x, x), generate


@operation
def add_to_exponent(typing: Any, x: Any, shifted: Any) -> Any:
    """add_to_exponent(x, n + 1.5 * 2**23): x * 2**n of float32, for whole n with |n| < 2**21.

    Both x and x * 2**n must be normal numbers.
    """
    if x.scalar != types.float32:
        raise TypeError(f"add_to_exponent: x must be a vector of float32, got {x}")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integers = x.with_entries(ir.IntType(32))
        number, power = (builder.bitcast(argument, integers) for argument in arguments)
        exponent = builder.shl(power, ir.Constant(integers, [23] * x.lanes))
        return builder.bitcast(builder.add(number, exponent), x.llvm)

    return x(x, x), generate
