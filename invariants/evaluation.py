"""Evaluate invariants on batches of matrices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import run_on_arrays
from .expectations import family_of
from .families import SQUARE
from .interpreter import LANES, assemble, run
from .multigraph import Multigraph
from .plan import plan

# Up to this size the registers of the interpreter stay in cache and its vector loops beat calls of BLAS.
_LARGEST_INTERPRETED = 48
# A fixed chunk, so that results do not depend on the number of threads.
_CHUNK = 64 * LANES


def evaluate(matrices: ArrayLike, graphs: Sequence[Multigraph]) -> NDArray[np.float64]:
    """Values of the invariants of given graphs on a batch of matrices.

    Args:
        matrices: (..., N, N), or (..., M, N) if the graphs are bipartite; any real dtype, computed in float64.
        graphs: all of one kind of matrices, square or rectangular.

    Returns:
        (..., len(graphs)) float64, in the order given.

    Raises:
        ValueError: if the matrices are not square (for graphs of square matrices) or hold NaN or infinite entries,
            or the graphs are of several kinds.

    >>> evaluate(np.ones((2, 4, 4)), [Multigraph([(0, 0)]), Multigraph([(0, 1), (1, 0)])])
    array([[ 4., 16.],
           [ 4., 16.]])
    """
    graphs = tuple(graphs)
    families = {family_of(graph) for graph in graphs}
    if len(families) != 1:
        raise ValueError(f"graphs must be one or more, all of one kind of matrices, got {len(families)} kinds")
    batch = checked_matrices(matrices, square=families == {SQUARE})
    leading, shape = batch.shape[:-2], batch.shape[-2:]
    batch = batch.reshape(-1, *shape)
    steps = plan(graphs)
    results = np.empty((len(batch), len(graphs)))
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(batch), _CHUNK)]
    if max(shape) > _LARGEST_INTERPRETED:
        for number in range(len(batch)):
            results[number] = run_on_arrays(steps, batch[number].astype(np.float64))
        return results.reshape(*leading, len(graphs))
    program = assemble(steps, (shape[0],) if families == {SQUARE} else shape)

    def run_chunk(chunk: slice) -> None:
        run(program, np.ascontiguousarray(batch[chunk], dtype=np.float64), results[chunk])

    if len(chunks) == 1:
        run_chunk(chunks[0])
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run_chunk, chunks))
    return results.reshape(*leading, len(graphs))


def checked_matrices(matrices: ArrayLike, *, square: bool, least_size: int = 1) -> NDArray[np.floating]:
    """Matrices as a real array (..., rows, columns); ValueError that says what is wrong with them otherwise.

    >>> checked_matrices(np.ones((3, 10, 9)), square=True)
    Traceback (most recent call last):
        ...
    ValueError: matrices must be square in the last two axes, got shape (3, 10, 9)
    """
    batch = np.asarray(matrices)
    if batch.dtype.kind not in "fiub":
        raise ValueError(f"matrices must be real numbers, got dtype {batch.dtype}")
    if batch.ndim < 2 or min(batch.shape[-2:]) == 0:
        raise ValueError(f"matrices must have a last two axes of rows and columns, got shape {batch.shape}")
    if square and batch.shape[-1] != batch.shape[-2]:
        raise ValueError(f"matrices must be square in the last two axes, got shape {batch.shape}")
    if min(batch.shape[-2:]) < least_size:
        raise ValueError(f"matrices must be of size at least {least_size}, got shape {batch.shape}")
    bad = ~np.isfinite(batch)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"matrices must be finite, got {int(bad.sum())} NaN or infinite entries, the first at index {first}"
        )
    return batch
