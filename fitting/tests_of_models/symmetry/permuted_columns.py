"""Second moments of square matrices whose columns are permuted at random, with less work than a fit of each draw.

Of the fit only that changes which sees the pairing of rows with columns: the diagonal of X = F M F, and tr X^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ....invariants.representation.spaces import SquareSpace, irrep_dimensions
from ....simd.compiled import compiled

Array = NDArray[np.float64]
Parts = tuple[Array, Array, Array, Array]

# Entries of matrices that are permuted at a time: enough that the work by chunk does not count.
_CHUNK_ENTRIES = 1 << 20
# Rows and columns of a tile, which is read along both: it stays in the nearest cache.
_TILE = 16


def permutations(count: int, size: int, replicates: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Draw independent uniform permutations.

    Args:
        count: of the matrices.
        size: of each.
        replicates: how many permutations of each matrix.
        rng: source of random numbers.

    Yields:
        (at most replicates, count, size), `replicates` in all.
    """
    step = max(1, _CHUNK_ENTRIES // (count * size**2))
    for start in range(0, replicates, step):
        ordered = np.broadcast_to(np.arange(size), (min(step, replicates - start), count, size))
        yield rng.permuted(ordered, axis=-1)


def column_parts(matrices: Array) -> Parts:
    """Take matrices to the pieces that a permutation of their columns moves or leaves.

    Args:
        matrices: (n, N, N).

    Returns:
        V_0's first copy (n,), V_H's first two (n, N), and F M F (n, N, N).
    """
    size = matrices.shape[-1]
    v0, vh, _, _ = SquareSpace(size).project(matrices)
    column_means, row_means = matrices.mean(axis=-2), matrices.mean(axis=-1)
    centred = matrices - row_means[:, :, None] - column_means[:, None, :] + row_means.mean(axis=-1)[:, None, None]
    return v0[:, 0, 0], vh[:, 0], vh[:, 1], centred


def permuted_moments(parts: Parts, sigma: NDArray[np.intp]) -> tuple[Array, ...]:
    """The moments of each irrep, of matrices whose columns are permuted.

    The norms of V_2 and V_3 are (|X|^2 +- tr X^2) / 2, X = F M F, less what V_0 and V_H have of it.

    Args:
        parts: of n matrices, by `column_parts`.
        sigma: (replicates, n, N) permutations.

    Returns:
        For each irrep (replicates, copies, copies).
    """
    total, columns, rows, centred = parts
    n, size = columns.shape
    diagonal, of_product = _paired(centred, sigma)
    trace = diagonal.sum(axis=-1)
    trivial = np.stack([np.broadcast_to(total, trace.shape), trace / sqrt(size - 1)], axis=1)
    trivial -= trivial.mean(axis=-1, keepdims=True)
    inside = sqrt(size / (size - 2)) * (diagonal - trace[..., None] / size)
    moved = np.take_along_axis(columns[None], sigma, axis=-1)
    hook = np.stack([moved, np.broadcast_to(rows, moved.shape), inside], axis=1).reshape(len(sigma), 3, n * size)
    of_squares = np.square(centred).sum()
    of_copies = np.square(trace).sum(axis=1) / (size - 1) + np.square(inside).sum(axis=(1, 2))
    scatter = (
        trivial @ trivial.swapaxes(1, 2),
        hook @ hook.swapaxes(1, 2),
        ((of_squares + of_product) / 2 - of_copies)[:, None, None],
        ((of_squares - of_product) / 2)[:, None, None],
    )
    dimensions = irrep_dimensions(SquareSpace(size))
    return tuple(np.asarray(s / (n * d)) for s, d in zip(scatter, dimensions, strict=True))


@compiled
def _paired(centred, sigma):  # type: ignore[no-untyped-def]
    """Diagonals (replicates, n, N) of permuted matrices, and sums over n of their tr X^2 (replicates,)."""
    replicates, n, size = sigma.shape
    diagonals, products = np.empty((replicates, n, size)), np.zeros(replicates)
    x = np.empty((size, size))
    for b in range(replicates):
        for k in range(n):
            for i in range(size):
                for j in range(size):
                    x[i, j] = centred[k, i, sigma[b, k, j]]
                diagonals[b, k, i] = x[i, i]
                products[b] += x[i, i] ** 2
            below = 0.0
            for first in range(0, size, _TILE):
                for second in range(0, first + 1, _TILE):
                    for i in range(first, min(first + _TILE, size)):
                        for j in range(second, min(second + _TILE, i)):
                            below += x[i, j] * x[j, i]
            products[b] += 2 * below
    return diagonals, products
