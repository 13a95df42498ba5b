"""What the generators of code for vectors of either kind share.

>>> from llvmlite import ir
>>> function = ir.Function(ir.Module(), ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * 3), "f")
>>> builder = ir.IRBuilder(function.append_basic_block())
>>> multiply_and_add(builder, *function.args).opname
'fadd'
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

# what is typed is the code generator; in a kernel the function has other arguments
operation: Any = intrinsic


def multiply_and_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once where the processor can."""
    # allowed to contract, not told to: a processor without the instruction would call a slow library function
    return builder.fadd(builder.fmul(x, y, flags=("contract",)), z, flags=("contract",))


def call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A function that LLVM has."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


def prefetch_address(builder: Any, address: Any) -> None:
    """Ask for the cache line of an address, for reading."""
    pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    read, into_all_caches, data = (ir.Constant(number, value) for value in (0, 3, 1))
    call(builder, "llvm.prefetch.p0", ir.VoidType(), builder.bitcast(address, pointer), read, into_all_caches, data)
