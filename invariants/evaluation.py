"""Evaluate invariants on batches of matrices."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..simd import WIDTH
from .arrays import run_on_arrays
from .families import common_family
from .interpreter import assemble, run
from .multigraph import Multigraph
from .plan import plan

# Up to this size the registers of the interpreter stay in cache and its vector loops beat calls of BLAS.
_LARGEST_INTERPRETED = 48
# A fixed chunk, so that results do not depend on the number of threads.
_CHUNK = 128 * WIDTH


def evaluate(matrices: ArrayLike, graphs: Sequence[Multigraph]) -> NDArray[np.float64]:
    """Values of the invariants of given graphs on a batch of matrices.

    Args:
        matrices: (..., N, N); (..., M, N) for bipartite graphs; (..., k, N, N) for graphs of k > 1 matrices;
            any real dtype, computed in float64.
        graphs: all of one kind of matrices.

    Returns:
        (..., len(graphs)) float64, in the order given.

    Raises:
        ValueError: if the matrices are not of the shape that the graphs need (square, for graphs of square matrices),
            not symmetric for undirected graphs, or hold NaN or infinite entries; or the graphs are of several kinds.

    >>> evaluate(np.ones((2, 4, 4)), [Multigraph([(0, 0)]), Multigraph([(0, 1), (1, 0)])])
    array([[ 4., 16.],
           [ 4., 16.]])
    """
    graphs = tuple(graphs)
    family = common_family(graphs)
    batch = checked_matrices(matrices, square=len(family.node_kinds) == 1)
    if not family.directed:
        check_symmetric(batch)
    colours = len(family.arc_types)
    if colours == 1:
        batch = batch[..., None, :, :]
    elif batch.ndim < 3 or batch.shape[-3] != colours:
        raise ValueError(f"matrices must be of shape (..., {colours}, N, N), got {batch.shape}")
    leading, shape = batch.shape[:-3], batch.shape[-2:]
    batch = batch.reshape(-1, *batch.shape[-3:])
    steps = plan(graphs)
    results = np.empty((len(batch), len(graphs)))
    if max(shape) > _LARGEST_INTERPRETED or steps.needs_general_contractions:
        for number, matrix in enumerate(batch):
            results[number] = run_on_arrays(steps, matrix.astype(np.float64))
    else:
        program = assemble(steps, shape[: len(family.node_kinds)])

        def run_chunk(start: int) -> None:
            chunk = slice(start, start + _CHUNK)
            run(program, np.ascontiguousarray(batch[chunk], dtype=np.float64), results[chunk])

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run_chunk, range(0, len(batch), _CHUNK)))
    return results.reshape(*leading, len(graphs))


def check_symmetric(matrices: NDArray[np.floating]) -> None:
    """Raise ValueError unless matrices (..., N, N) are symmetric, but for rounding errors.

    >>> check_symmetric(np.array([[1.0, 2.0], [2.0, 3.0]]))
    """
    largest = np.abs(matrices).max(initial=0)
    difference = np.abs(matrices - matrices.swapaxes(-1, -2)).max(initial=0)
    if difference > largest * 100 * np.finfo(np.result_type(matrices, np.float32)).eps:
        raise ValueError(f"matrices must be symmetric, got entries {difference:.3g} off their mirrors")


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
