"""Explicit vectors for Numba: eight float64 in one register, whatever a compiler makes of loops.

>>> import numpy as np
>>> len(aligned_empty(24))
24
"""

from .vectors import (
    WIDTH,
    add,
    aligned_empty,
    broadcast,
    fma,
    load,
    load_anywhere,
    multiply,
    store,
    stream,
    sums,
    transpose,
    zero,
)

__all__ = [
    "WIDTH",
    "add",
    "aligned_empty",
    "broadcast",
    "fma",
    "load",
    "load_anywhere",
    "multiply",
    "store",
    "stream",
    "sums",
    "transpose",
    "zero",
]
