"""Explicit vectors for Numba: eight float64 or sixteen float32 in one register, whatever a compiler makes of loops.

One set of operations serves both kinds: each takes the kind from its arguments.

>>> import numpy as np
>>> len(aligned_empty(24)), lanes(np.float32)
(24, 16)
"""

from .arithmetic import (
    absolute,
    add,
    add_to_exponent,
    broadcast,
    divide,
    fma,
    inverse,
    inverse_root,
    multiply,
    subtract,
    where_greater,
)
from .blocks import (
    add_multiples,
    add_pair_products,
    add_products,
    add_row_products,
    add_rows,
    load_block,
    store_block,
    sums,
    transpose,
    transposed,
    zeros,
)
from .memory import at, load, prefetch, put, store, stream
from .vectors import aligned_empty, aligned_zeros, lanes

__all__ = [
    "absolute",
    "add",
    "add_multiples",
    "add_pair_products",
    "add_products",
    "add_row_products",
    "add_rows",
    "add_to_exponent",
    "aligned_empty",
    "aligned_zeros",
    "at",
    "broadcast",
    "divide",
    "fma",
    "inverse",
    "inverse_root",
    "lanes",
    "load",
    "load_block",
    "multiply",
    "prefetch",
    "put",
    "store",
    "store_block",
    "stream",
    "subtract",
    "sums",
    "transpose",
    "transposed",
    "where_greater",
    "zeros",
]
