"""Evaluate invariants on batches of matrices."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..simd import WIDTH
from .arrays import run_on_arrays
from .checks import check_symmetric, checked_matrices
from .families import GraphFamily, checked_family, checked_graphs
from .interpreter import assemble, run
from .multigraph import Multigraph
from .plan import plan

# Up to this size the registers of the interpreter stay in cache and its vector loops beat calls of BLAS.
_LARGEST_INTERPRETED = 64
# A fixed chunk, so that results do not depend on the number of threads.
_CHUNK = 128 * WIDTH
# Entries of the matrices that numpy works on together.
_ARRAY_ENTRIES = 1 << 15


def evaluate(
    matrices: ArrayLike, graphs: Iterable[Multigraph], *, family: GraphFamily | None = None
) -> NDArray[np.float64]:
    """Values of the invariants of given graphs on a batch of matrices.

    Args:
        matrices: (..., N, N); (..., M, N) for bipartite graphs; (..., k, N, N) for graphs of k > 1 matrices;
            any real dtype, computed in float64.
        graphs: all of one kind of matrices.
        family: the kind of matrices, if the graphs alone do not tell (how many there are, zero diagonal).

    Returns:
        (..., len(graphs)) float64, in the order given. Values beyond the range of float64 become infinite or NaN.

    Raises:
        ValueError: if the matrices are not of the shape that the graphs need (square, for graphs of square matrices),
            not symmetric for undirected graphs, or hold NaN or infinite entries; or the graphs are of several kinds.

    >>> evaluate(np.ones((2, 4, 4)), [Multigraph([(0, 0)]), Multigraph([(0, 1), (1, 0)])])
    array([[ 4., 16.],
           [ 4., 16.]])
    """
    graphs = checked_graphs(graphs)
    family = checked_family(graphs, family)
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
    results = np.empty((len(batch), len(graphs)))
    _evaluate(batch, graphs, shape[: len(family.node_kinds)], results)
    return results.reshape(*leading, len(graphs))


def _evaluate(
    batch: NDArray[np.floating], graphs: tuple[Multigraph, ...], sizes: tuple[int, ...], results: NDArray[np.float64]
) -> None:
    """Evaluate matrices (n, colours, rows, columns) into results (n, len(graphs))."""
    steps = plan(graphs)
    if steps.needs_general_contractions and len(graphs) > 1:
        # few graphs do, and the others should not wait for them
        hard = [k for k, graph in enumerate(graphs) if plan((graph,)).needs_general_contractions]
        easy = sorted(set(range(len(graphs))) - set(hard))
        for chosen in filter(None, [easy, *([k] for k in hard)]):
            part = np.empty((len(batch), len(chosen)))
            _evaluate(batch, tuple(graphs[k] for k in chosen), sizes, part)
            results[:, chosen] = part
        return
    if steps.needs_general_contractions or max(batch.shape[-2:]) > _LARGEST_INTERPRETED:
        step = max(1, _ARRAY_ENTRIES // batch[:1].size) if len(batch) else 1
        with np.errstate(over="ignore", invalid="ignore"):  # as in the interpreter
            for start in range(0, len(batch), step):
                results[start : start + step] = run_on_arrays(steps, batch[start : start + step].astype(np.float64))
        return
    program = assemble(steps, sizes)

    def run_chunk(start: int) -> None:
        chunk = slice(start, start + _CHUNK)
        run(program, np.ascontiguousarray(batch[chunk], dtype=np.float64), results[chunk])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run_chunk, range(0, len(batch), _CHUNK)))
