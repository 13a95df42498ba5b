"""Evaluate invariants of more matrices than fit into memory: arrays on disk, lazy arrays, streams of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import checked_integer
from ..graphs.families import GraphFamily, checked_family
from ..graphs.given import GivenGraph, checked_graphs
from ..graphs.multigraph import Multigraph
from .moments import InvariantMoments
from .on_arrays import evaluate_arrays
from .sources import Place, checked_shape, errors_placed, is_labelled, is_task_graph, matrix_axes, slabs

Graphs = tuple[Multigraph, ...]


def evaluate_chunks(
    source: Any,
    graphs: Iterable[GivenGraph],
    *,
    chunk: int | None = None,
    family: GraphFamily | None = None,
    advance: Callable[[int], None] = lambda matrices: None,
) -> Iterator[NDArray[np.float64]]:
    """Evaluate invariants, slab by slab, of matrices that need not fit into memory.

    Slabs of an array follow its stored chunks, in C order of the slabs; with one leading axis the results one after
    the other are those of `evaluate` on the whole. Batches of an iterable are taken as they come.

    Args:
        source: an array (..., N, N) of zarr, dask, xarray or numpy (a memory map, say), or an iterable of batches
            (..., N, N); several matrices and rectangular ones as for `evaluate`.
        graphs: all of one kind of matrices.
        chunk: the largest number of matrices at a time (default: as many as are 32 MiB in float64, or their values).
            A stored chunk is read whole, and once.
        family: the kind of matrices, if the graphs alone do not tell.
        advance: called after each slab with the number of its matrices.

    Returns:
        An iterator of arrays (..., len(graphs)) float64, the leading shape that of the slab.

    Raises:
        ValueError: as `evaluate`, with the index of the matrix in the whole source; or there are no matrices, or
            matrices of several shapes.

    >>> batches = (np.full((2, 4, 4), k) for k in range(3))
    >>> [values[:, 0].tolist() for values in evaluate_chunks(batches, [Multigraph([(0, 0)])])]
    [[0.0, 0.0], [4.0, 4.0], [8.0, 8.0]]
    """
    chosen = checked_graphs(graphs, family)
    known = checked_family(chosen, family)
    if chunk is not None:
        chunk = checked_integer("chunk", chunk, least=1)
    return (values for _, values in _evaluated(source, chosen, known, chunk, advance))


def evaluate_chunked(source: Any, graphs: Iterable[GivenGraph], family: GraphFamily | None = None) -> Any:
    """Evaluate invariants of a chunked array, in the manner of the array; `evaluate` calls it for such arrays.

    Args:
        source: (..., N, N), for which `is_chunked` is true.
        graphs: all of one kind of matrices.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        For an xarray.DataArray a DataArray with its leading dimensions and coordinates and a new last dimension
        `graph`, labelled by the graphs; lazy if it holds a dask array. For a dask array a lazy one, chunked in the same
        way along the leading axes, with all graphs in one chunk. For a zarr array an array in memory, read and
        evaluated slab by slab.

    Raises:
        ValueError: as `evaluate`, with the index of the matrix in the whole source; of lazy arrays, what is wrong with
            the numbers is told when they are computed.

    >>> import xarray
    >>> weights = xarray.DataArray(np.ones((2, 4, 4)), dims=("network", "row", "column"))
    >>> evaluate_chunked(weights, [Multigraph([(0, 0)])]).sel(graph="00").to_dict()["data"]
    [4.0, 4.0]
    """
    chosen = checked_graphs(graphs, family)
    known = checked_family(chosen, family)
    leading = checked_shape(source, known)
    if is_labelled(source):
        return _labelled(source, chosen, known)
    if is_task_graph(source):
        return _lazy(source, chosen, known)
    return _filled(source, leading, chosen, known)


def invariant_moments(
    source: Any,
    graphs: Iterable[GivenGraph],
    *,
    chunk: int | None = None,
    family: GraphFamily | None = None,
    cross: bool = True,
    advance: Callable[[int], None] = lambda matrices: None,
) -> InvariantMoments:
    """Accumulate means and (co)variances of invariants over matrices that need not fit into memory.

    Args:
        source: as for `evaluate_chunks`.
        graphs: all of one kind of matrices.
        chunk: the largest number of matrices at a time.
        family: the kind of matrices, if the graphs alone do not tell.
        cross: whether to accumulate cross moments; without them there are means and variances only.
        advance: called after each slab with the number of its matrices.

    Returns:
        The moments of all matrices.

    Raises:
        ValueError: as for `evaluate_chunks`.

    >>> moments = invariant_moments((np.full((2, 4, 4), k) for k in range(3)), [Multigraph([(0, 0)])])
    >>> moments.count, moments.mean, moments.standard_deviation
    (6, array([4.]), array([3.57770876]))
    """
    moments = InvariantMoments(graphs, family=family, cross=cross)
    if chunk is not None:
        chunk = checked_integer("chunk", chunk, least=1)
    for slab in slabs(source, moments.family, graphs=len(moments.graphs), chunk=chunk):
        with errors_placed(slab.matrices, slab.place, matrix_axes(moments.family)):
            before = moments.count
            moments.update(slab.matrices)
        advance(moments.count - before)
    return moments


def _evaluated(
    source: Any, graphs: Graphs, family: GraphFamily, chunk: int | None, advance: Callable[[int], None]
) -> Iterator[tuple[Place, NDArray[np.float64]]]:
    for slab in slabs(source, family, graphs=len(graphs), chunk=chunk):
        with errors_placed(slab.matrices, slab.place, matrix_axes(family)):
            values = np.asarray(evaluate_arrays(slab.matrices, graphs, family=family))
        advance(values.size // len(graphs))
        yield slab.place, values


def _filled(source: Any, leading: tuple[int, ...], graphs: Graphs, family: GraphFamily) -> NDArray[np.float64]:
    results = np.empty((*leading, len(graphs)))
    if results.size:
        for place, values in _evaluated(source, graphs, family, None, lambda matrices: None):
            results[place] = values
    return results


def _lazy(source: Any, graphs: Graphs, family: GraphFamily) -> Any:
    """A dask array of the values of one."""
    axes = matrix_axes(family)
    whole = source.rechunk(dict.fromkeys(range(source.ndim - axes, source.ndim), -1))
    count = source.ndim - axes
    return whole.map_blocks(
        _block,
        graphs,
        family,
        drop_axis=list(range(count, source.ndim)),
        new_axis=[count],
        chunks=(*whole.chunks[:count], (len(graphs),)),
        meta=np.empty((0,) * (count + 1)),
    )


def _block(
    matrices: NDArray[Any], graphs: Graphs, family: GraphFamily, block_info: dict[int, dict[str, Any]]
) -> NDArray[np.float64]:
    """One block of a dask array; `block_info` is filled in by dask."""
    axes = matrix_axes(family)
    place = tuple(slice(*ends) for ends in block_info[0]["array-location"][: matrices.ndim - axes])
    with errors_placed(matrices, place, axes):
        return np.asarray(evaluate_arrays(matrices, graphs, family=family))


def _labelled(source: Any, graphs: Graphs, family: GraphFamily) -> Any:
    """A DataArray of the values of one."""
    import xarray as xr

    dimensions, inner = source.dims[: -matrix_axes(family)], source.dims[-matrix_axes(family) :]
    if "graph" in dimensions:
        raise ValueError(f"source must not have a dimension named graph, got {source.dims}")
    if "graph" in source.coords and not set(source.coords["graph"].dims) & set(inner):
        raise ValueError(f"source must not have a coordinate named graph, got {tuple(source.coords)}")
    leading = source.shape[: len(dimensions)]
    values = _filled(source, leading, graphs, family) if source.chunks is None else _lazy(source.data, graphs, family)
    kept = source.coords.to_dataset().drop_dims(inner, errors="ignore").coords
    labelled = xr.DataArray(values, kept, (*dimensions, "graph"), source.name)
    return labelled.assign_coords(graph=[graph.label for graph in graphs])
