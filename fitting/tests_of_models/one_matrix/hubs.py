"""Exact tests of hub rows and hub columns: variances of means against those of shifted blocks.

The columns of a matrix are put into at most 16 blocks at random. Under the hypothesis that rows do not differ, the rows
of each block may be shifted cyclically by themselves without a change of the law, whatever the law of the entries and
however unequal the columns are. With the row sums r_b of the blocks, shifted by s_b, the squares of all row sums add to
    sum_b |r_b|^2 + 2 sum_{b < b'} x_bb'(s_b - s_b'),
where x_bb' is the cyclic cross-correlation of r_b and r_b'. So each draw is a sum of at most 120 numbers.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BLOCKS = 16


def hub_row_draws(matrix: Array, replicates: int, rng: np.random.Generator) -> Array:
    """Sums of squares of the row sums of a matrix, measured and with blocks of columns shifted.

    Args:
        matrix: (M, N) with mean zero.
        replicates: number of random shifts.
        rng: chooses the blocks, an order of rows, and the shifts.

    Returns:
        (1 + replicates,), the measured one first.

    >>> matrix = np.random.default_rng(0).normal(size=(8, 30)) + np.arange(8)[:, None] - 3.5
    >>> sums = hub_row_draws(matrix, 19, np.random.default_rng(1))
    >>> bool(sums[0] > sums[1:].max()), bool(np.isclose(sums[0], np.square(matrix.sum(axis=1)).sum()))
    (True, True)
    """
    rows, columns = matrix.shape
    count = min(_BLOCKS, columns)
    # (M, N) @ (N, blocks): one pass over the matrix
    member = np.zeros((columns, count))
    member[rng.permutation(columns), np.arange(columns) % count] = 1.0
    sums = (matrix @ member).T[:, rng.permutation(rows)]
    transformed = scipy.fft.rfft(sums, axis=1)
    shifts = np.vstack([np.zeros((1, count), dtype=np.intp), rng.integers(rows, size=(replicates, count))])
    found = np.full(1 + replicates, np.einsum("bi,bi->", sums, sums))
    for k in range(1, count):
        # a block against all before it; only these correlations are in memory
        correlations = scipy.fft.irfft(transformed[k] * np.conj(transformed[:k]), rows, axis=1)
        places = (shifts[:, :k] - shifts[:, k : k + 1]) % rows
        found += 2 * correlations[np.arange(k), places].sum(axis=1)
    return found
