"""Explicit vectors for Numba: eight float64 in one register, for kernels whose loops must not depend on a compiler's luck.

>>> import numpy as np
>>> len(aligned_empty(24))
24
"""

from .vectors import WIDTH, add, aligned_empty, fma, load, multiply, store, zero

__all__ = ["WIDTH", "add", "aligned_empty", "fma", "load", "multiply", "store", "zero"]
