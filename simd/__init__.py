"""Explicit vectors for Numba: eight float64 in one register, whatever a compiler makes of loops.

>>> import numpy as np
>>> len(aligned_empty(24))
24
"""

from .float64x8 import (
    WIDTH,
    add,
    add_multiples,
    add_products,
    add_products_at,
    add_rows,
    aligned_empty,
    broadcast,
    fma,
    load,
    load_anywhere,
    multiply,
    prefetch,
    store,
    store_block,
    stream,
    sums,
    transpose,
    zero,
    zeros,
)

__all__ = [
    "WIDTH",
    "add",
    "add_multiples",
    "add_products",
    "add_products_at",
    "add_rows",
    "aligned_empty",
    "broadcast",
    "fma",
    "load",
    "load_anywhere",
    "multiply",
    "prefetch",
    "store",
    "store_block",
    "stream",
    "sums",
    "transpose",
    "zero",
    "zeros",
]
