"""The factory of vector types for Numba: as many numbers side by side as a cache line holds.

Eight float64 or sixteen float32 are one vector. LLVM maps it to one register of 512 bits or to two of 256, whatever
the processor has. Numba's own vectoriser finds such code only in some loops, and keeps sums in memory where it cannot
prove that arrays are distinct.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model
from numpy.typing import DTypeLike, NDArray

LINE = 64  # bytes

# The decorator of an operation. What is typed below it is the code generator: in a kernel it has other arguments.
operation: Any = intrinsic

_SCALARS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}


class VectorType(types.Type):
    """The type of vectors of a scalar type, float32 or float64."""

    def __init__(self, scalar: types.Float) -> None:
        self.scalar, self.lanes = scalar, 8 * LINE // scalar.bitwidth
        super().__init__(name=f"{scalar}x{self.lanes}")

    @property
    def llvm(self) -> Any:
        """The type in LLVM."""
        return ir.VectorType(_SCALARS[self.scalar], self.lanes)

    def with_entries(self, entry: Any) -> Any:
        """The type in LLVM of as many entries of another kind."""
        return ir.VectorType(entry, self.lanes)

    def filled(self, number: float) -> Any:
        """A constant vector."""
        return ir.Constant(self.llvm, [number] * self.lanes)

    def block(self, places: types.BaseTuple) -> Any:
        """The type of a tuple of vectors, as long as the tuple `places`."""
        return types.UniTuple(self, len(places))


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, kind.llvm)  # type: ignore[no-untyped-call]


def lanes(dtype: DTypeLike) -> int:
    """Return how many numbers a vector holds.

    Args:
        dtype: type of the numbers.

    Returns:
        The number of lanes.

    >>> lanes(np.float64), lanes(np.float32)
    (8, 16)
    """
    return LINE // np.dtype(dtype).itemsize


def aligned_empty(count: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return an uninitialised array whose first entry begins a cache line: vectors of it are read fastest.

    Args:
        count: number of entries.
        dtype: type of the entries.

    Returns:
        (count,) of this dtype.

    >>> aligned_empty(5).ctypes.data % 64
    0
    """
    room = np.empty(count + lanes(dtype), dtype)
    first = -room.ctypes.data % LINE // room.itemsize
    return room[first : first + count]


def aligned_zeros(count: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return an array of zeros whose first entry begins a cache line.

    Args:
        count: number of entries.
        dtype: type of the entries.

    Returns:
        (count,) of this dtype.

    >>> aligned_zeros(3, np.float32)
    array([0., 0., 0.], dtype=float32)
    """
    array = aligned_empty(count, dtype)
    array[:] = 0
    return array


def multiply_and_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Generate x * y + z, rounded once where the processor can."""
    # allowed to contract, not told to: a processor without the instruction would call a slow library function
    return builder.fadd(builder.fmul(x, y, flags=("contract",)), z, flags=("contract",))


def call(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Generate a call of a function that LLVM has."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, arguments)


def spread(builder: Any, kind: VectorType, scalar: Any) -> Any:
    """Generate the vector that has a scalar in every lane."""
    lowest = builder.insert_element(ir.Constant(kind.llvm, ir.Undefined), scalar, ir.IntType(32)(0))
    return shuffled(builder, lowest, lowest, [0] * kind.lanes)


def shuffled(builder: Any, x: Any, y: Any, places: list[int]) -> Any:
    """Generate the vector of chosen entries of x, and of y, whose places come after those of x."""
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places))
