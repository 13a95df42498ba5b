"""Evaluate invariants of matrices in memory: the plan of the graphs, executed by the kernel that suits the size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...simd import aligned_empty
from ...simd.cores import cores
from ..checks import as_array, check_finite
from ..graphs.families import GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from ..graphs.multigraph import Multigraph
from .kernels.arrays import checked_batch, run_on_arrays
from .kernels.lanes.program import assemble_lanes, run_lanes
from .kernels.plan import Plan, plan
from .kernels.strips.program import assemble_strips, run_strips, run_strips_in_parts

# Up to this size eight matrices side by side are faster, above it one matrix in strips of eight rows.
_LARGEST_IN_LANES = 24
# Fixed numbers, so that results do not depend on the threads: matrices and entries of a task.
TASK = 1024
_TASK_ENTRIES = 1 << 18
# Entries of the matrices that numpy works on together.
_ARRAY_ENTRIES = 1 << 15

# of some of the matrices, and which they are; returns a sum that is finite only if all entries are
Run = Callable[[NDArray[np.float64], slice], float]


def evaluate_arrays(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    family: GraphFamily | None = None,
    out: NDArray[np.float64] | None = None,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Values of the invariants of given graphs on matrices in memory; `evaluate`, for numpy arrays only.

    Args:
        matrices: (..., N, N), (..., M, N) or (..., k, N, N), any real dtype; computed in float64.
        graphs: all of one kind of matrices.
        family: the kind of matrices, if the graphs alone do not tell.
        out: (..., len(graphs)) float64, to write the result into.
        threads: at most so many (default: the number of cores); 1 where the caller has threads of its own.

    Returns:
        (..., len(graphs)) float64, in the order given.

    Raises:
        ValueError: as `evaluate`.

    >>> evaluate_arrays(np.ones((2, 4, 4)), [Multigraph([(0, 0)])]).tolist()
    [[4.0], [4.0]]
    """
    matrices = as_array("matrices", matrices)
    graphs = checked_graphs(graphs, family)
    family = checked_family(graphs, family)
    # of one matrix the kernels see all entries; of several the graphs may leave some out
    batch, leading = checked_batch(matrices, family, finite=len(family.arc_types) > 1)
    sizes = batch.shape[-2:][: len(family.node_kinds)]
    results = _results((*leading, len(graphs)), out, batch)
    if not _evaluate(batch, graphs, sizes, results.reshape(len(batch), len(graphs)), threads or cores()):
        with np.errstate(over="ignore"):
            check_finite(np.asarray(matrices, dtype=np.float64))
    if out is None or results is out:
        return results
    out[...] = results
    return out


def _results(
    shape: tuple[int, ...], out: NDArray[np.float64] | None, batch: NDArray[np.floating]
) -> NDArray[np.float64]:
    """`out` if it can be written to directly, else fresh memory."""
    if out is not None:
        if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.float64:
            got = f"{out.dtype} of shape {out.shape}" if isinstance(out, np.ndarray) else repr(out)
            raise ValueError(f"out must be float64 of shape {shape}, got {got}")
        if not out.flags.writeable:
            raise ValueError("out must be writeable, got an array that may only be read")
        if out.flags.carray and not np.may_share_memory(out, batch):
            return out
    return aligned_empty(int(np.prod(shape, dtype=int))).reshape(shape)


def _evaluate(
    batch: NDArray[np.floating],
    graphs: tuple[Multigraph, ...],
    sizes: tuple[int, ...],
    results: NDArray[np.float64],
    threads: int,
) -> bool:
    """Evaluate matrices (n, colours, rows, columns) into results (n, len(graphs)); False if they are not finite."""
    easy, hard = divided(graphs)
    if not hard:
        return _run_compiled(plan(graphs), sizes, batch, results, threads)
    if easy:
        part = np.empty((len(batch), len(easy)))
        if not _run_compiled(plan(tuple(graphs[k] for k in easy)), sizes, batch, part, threads):
            return False
        results[:, easy] = part
    elif not _is_finite(batch):
        return False
    count = max(1, _ARRAY_ENTRIES // batch[:1].size) if len(batch) else 1
    with np.errstate(over="ignore", invalid="ignore"):  # as in the compiled kernels
        for k in hard:
            for start in range(0, len(batch), count):
                # in one order of memory, for on that depends in which order numpy and BLAS add
                chunk = np.ascontiguousarray(batch[start : start + count], dtype=np.float64)
                results[start : start + count, k] = run_on_arrays(plan((graphs[k],)), chunk)[:, 0]
    return True


def _is_finite(batch: NDArray[np.floating]) -> bool:
    with np.errstate(over="ignore"):  # a longer type may hold what float64 does not
        return bool(np.isfinite(batch.astype(np.float64, copy=False)).all())


@lru_cache(maxsize=64)
def divided(graphs: tuple[Multigraph, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which graphs the kernels can evaluate, and those of treewidth above 2, which the others should not wait for."""
    if not plan(graphs).needs_general_contractions:
        return tuple(range(len(graphs))), ()
    # only graphs of four nodes and more than five arcs between them can be such
    hard = [k for k, graph in enumerate(graphs) if graph.degree > 5 and plan((graph,)).needs_general_contractions]
    return tuple(sorted(set(range(len(graphs))) - set(hard))), tuple(hard)


def _run_compiled(
    steps: Plan, sizes: tuple[int, ...], batch: NDArray[np.floating], results: NDArray[np.float64], threads: int
) -> bool:
    if fits_lanes(batch):
        lanes = assemble_lanes(steps, sizes)
        return in_tasks(lambda m, some: run_lanes(lanes, m, results[some]), batch, TASK, threads)
    strips = assemble_strips(steps, sizes)
    if strips.parts > 1 and len(batch) < threads:
        with ThreadPoolExecutor(threads) as pool:
            return in_tasks(lambda m, some: run_strips_in_parts(strips, m, results[some], pool), batch, 1, threads=1)
    return in_tasks(lambda m, some: run_strips(strips, m, results[some]), batch, strips_task(batch), threads)


def fits_lanes(batch: NDArray[np.floating]) -> bool:
    """Whether matrices are small enough to stand side by side."""
    return bool(max(batch.shape[-2:]) <= _LARGEST_IN_LANES)


def strips_task(batch: NDArray[np.floating]) -> int:
    """How many larger matrices are a task."""
    return max(1, _TASK_ENTRIES // int(np.prod(batch.shape[1:])))


def in_tasks(run: Run, batch: NDArray[np.floating], count: int, threads: int) -> bool:
    """Run `count` matrices at a time; False, and not all are run, if an entry is not finite."""

    def perform(start: int) -> bool:
        with np.errstate(over="ignore"):  # a longer type may hold what float64 does not
            chunk = np.ascontiguousarray(batch[start : start + count], dtype=np.float64)
        total = run(chunk, slice(start, start + count))
        # a sum is finite only if all entries are; it may overflow, so the entries have the last word
        return bool(np.isfinite(total) or np.isfinite(chunk).all())

    starts = range(0, len(batch), count)
    if threads == 1 or len(starts) <= 1:
        return all(map(perform, starts))
    with ThreadPoolExecutor(threads) as pool:
        return all(pool.map(perform, starts))
