"""Matrices that are read piece by piece: arrays on disk or lazy ones, along their stored chunks, and batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import as_array, finite_in_float64
from ..graphs.families import GraphFamily

# Bytes of a slab as float64, or of the values of its invariants if they are more.
_SLAB_BYTES = 1 << 25

Place = tuple[slice, ...] | int
Sizes = tuple[tuple[int, ...], ...]  # along each axis the sizes of the pieces, in order


@dataclass(frozen=True)
class Slab:
    """Some matrices of a source, in memory.

    Args:
        matrices: (..., N, N).
        place: where they are along the leading axes of an array; of a batch, the number of matrices before it.

    >>> Slab(np.zeros((2, 4, 4)), place=(slice(6, 8),)).place[0].start
    6
    """

    matrices: NDArray[Any]
    place: Place


def is_chunked(source: Any) -> bool:
    """Tell whether a source is an array that is not simply in memory: of zarr, dask or xarray.

    These are told by their attributes, so that none of the packages is imported.

    Args:
        source: anything that holds matrices.

    Returns:
        Whether it is such an array.

    >>> import zarr
    >>> is_chunked(zarr.zeros((8, 4, 4), chunks=(2, 4, 4))), is_chunked(np.zeros((8, 4, 4)))
    (True, False)
    """
    if isinstance(source, np.ndarray | list | tuple):
        return False
    return all(hasattr(source, name) for name in ("shape", "dtype", "chunks", "__getitem__"))


def is_labelled(source: Any) -> bool:
    """Tell whether a chunked source is an xarray.DataArray.

    Args:
        source: for which `is_chunked` is true.

    Returns:
        Whether it is one.

    >>> import xarray
    >>> is_labelled(xarray.DataArray(np.eye(4)))
    True
    """
    return hasattr(source, "isel")


def is_task_graph(source: Any) -> bool:
    """Tell whether a chunked source is a dask array.

    Args:
        source: for which `is_chunked` is true.

    Returns:
        Whether it is one.

    >>> import zarr
    >>> is_task_graph(zarr.zeros((8, 4, 4), chunks=(2, 4, 4)))
    False
    """
    return hasattr(source, "map_blocks") and not is_labelled(source)


def matrix_axes(family: GraphFamily) -> int:
    """Return how many axes at the end of an array are those of a matrix, or of several matrices together.

    Args:
        family: the kind of matrices.

    Returns:
        2 or 3.

    >>> from pigmm.invariants.graphs.families import SQUARE, TWO_SQUARE
    >>> matrix_axes(SQUARE), matrix_axes(TWO_SQUARE)
    (2, 3)
    """
    return 2 if len(family.arc_types) == 1 else 3


def checked_shape(source: Any, family: GraphFamily) -> tuple[int, ...]:
    """Return the leading shape of an array of matrices, before any of them is read.

    Args:
        source: an array (..., N, N) of any package.
        family: the kind of matrices.

    Returns:
        The shape without the axes of a matrix.

    Raises:
        ValueError: the array is not real, of unknown shape, or not of matrices of this kind.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> checked_shape(np.zeros((8, 4, 3)), SQUARE)
    Traceback (most recent call last):
        ...
    ValueError: source must be square in the last two axes, got shape (8, 4, 3)
    """
    shape, axes, count = tuple(source.shape), matrix_axes(family), len(family.arc_types)
    if np.dtype(source.dtype).kind not in "fiub":
        raise ValueError(f"source must be of real numbers, got dtype {source.dtype}")
    if any(size != size for size in shape):  # NaN, after dask has selected by values
        raise ValueError(f"source must be of known shape (dask's compute_chunk_sizes finds it), got {shape}")
    if len(shape) < axes or min(shape[-2:]) == 0:
        raise ValueError(f"source must have a last two axes of rows and columns, got shape {shape}")
    if len(family.node_kinds) == 1 and shape[-1] != shape[-2]:
        raise ValueError(f"source must be square in the last two axes, got shape {shape}")
    if axes == 3 and shape[-3] != count:
        raise ValueError(f"source must be of shape (..., {count}, N, N), got {shape}")
    return shape[:-axes]


def slabs(source: Any, family: GraphFamily, *, graphs: int, chunk: int | None = None) -> Iterator[Slab]:
    """Read matrices slab by slab: an array along its leading axes in C order of the slabs, or batches as they come.

    Stored chunks are read whole, each once: several together while they are small, and one that is large is given out
    in parts. So no more is in memory than a slab, or the largest stored chunk.

    Args:
        source: an array (zarr, dask, xarray, numpy also on disk), or an iterable of batches (..., N, N).
        family: the kind of matrices.
        graphs: how many invariants are evaluated of each matrix.
        chunk: the largest number of matrices in a slab (default: as many as are 32 MiB in float64, or their values).

    Yields:
        Matrices as an array (..., N, N) in memory, and their place in the source.

    Raises:
        ValueError: there are no matrices, or they are of the wrong shape, or of several shapes.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> [slab.place for slab in slabs(np.zeros((5, 4, 4)), SQUARE, graphs=1, chunk=3)]
    [(slice(0, 3, None),), (slice(3, 5, None),)]
    """
    if not (isinstance(source, np.ndarray) or is_chunked(source)):
        yield from _batches(source, family, chunk)
        return
    leading = checked_shape(source, family)
    if 0 in leading:
        raise ValueError(f"source must have at least one matrix, got shape {tuple(source.shape)}")
    entries = prod(source.shape[-matrix_axes(family) :])
    most = chunk or max(1, _SLAB_BYTES // (8 * max(entries, graphs)))
    stored = _stored_chunks(source)
    sizes = _parts(leading, most) if stored is None else _joined(stored[: len(leading)], most)
    for place in _places(sizes):
        read = np.asarray(source[place])
        for part in _places(_parts(read.shape[: len(leading)], most)):
            inside = zip(place, part, strict=True)
            yield Slab(read[part], tuple(slice(p.start + q.start, p.start + q.stop) for p, q in inside))


def _batches(source: Iterable[Any], family: GraphFamily, chunk: int | None) -> Iterator[Slab]:
    """Batches of an iterable, none of more than `chunk` matrices."""
    if not isinstance(source, Iterable):
        raise ValueError(f"source must be an array or an iterable of batches of matrices, got {type(source).__name__}")
    axes, shape, done = matrix_axes(family), None, 0
    for number, given in enumerate(source):
        batch = as_array(f"batch {number} of the source", given)
        leading = checked_shape(batch, family)
        if shape not in (None, batch.shape[-axes:]):
            raise ValueError(
                f"source must have matrices of one shape, got {shape} and then {batch.shape[-axes:]} in batch {number}"
            )
        shape = batch.shape[-axes:]
        count = prod(leading)
        if chunk is None or count <= chunk:
            yield Slab(batch, done)
        else:
            flat = batch.reshape(-1, *shape)
            for start in range(0, count, chunk):
                yield Slab(flat[start : start + chunk], done + start)
        done += count
    if not done:
        raise ValueError("source must have at least one matrix, got none in all batches")


def _stored_chunks(source: Any) -> Sizes | None:
    """Sizes of the chunks in which an array is stored or made, along each axis; None if there are none."""
    chunks = getattr(source, "chunks", None)
    if chunks is None and is_labelled(source):  # a store that xarray opened without dask
        preferred = source.encoding.get("preferred_chunks", {})
        chunks = tuple(preferred.get(name, size) for name, size in source.sizes.items()) if preferred else None
    if chunks is None:
        return None
    return tuple(
        piece if isinstance(piece, tuple) else _pieces(size, piece)  # dask lists them, others tell the first
        for size, piece in zip(source.shape, chunks, strict=True)
    )


def _pieces(size: int, most: int) -> tuple[int, ...]:
    """A size in pieces of `most` and the rest."""
    return (most,) * (size // most) + ((size % most,) if size % most else ())


def _parts(shape: tuple[int, ...], most: int) -> Sizes:
    """Cut a block of matrices, along the first axes first, into parts of no more than `most` matrices."""
    found, inside = [], prod(shape)
    for size in shape:
        inside //= size
        found.append(_pieces(size, max(1, most // inside)))
    return tuple(found)


def _joined(sizes: Sizes, most: int) -> Sizes:
    """Join pieces that follow each other, along the last axes first, while none holds more than `most` matrices."""
    found = list(sizes)
    for axis in reversed(range(len(found))):
        room = most // prod(max(others) for k, others in enumerate(found) if k != axis)
        joined = [found[axis][0]]
        for piece in found[axis][1:]:
            if joined[-1] + piece <= room:
                joined[-1] += piece
            else:
                joined.append(piece)
        found[axis] = tuple(joined)
        if len(joined) > 1:
            break
    return tuple(found)


def _places(sizes: Sizes) -> Iterator[tuple[slice, ...]]:
    """The slabs of a grid, in C order."""
    ends = [np.cumsum(pieces).tolist() for pieces in sizes]
    for index in np.ndindex(*map(len, sizes)):
        yield tuple(slice(ends[a][i] - sizes[a][i], ends[a][i]) for a, i in enumerate(index))


@contextmanager
def errors_placed(matrices: NDArray[Any], place: Place, axes: int) -> Iterator[None]:
    """Say of an error in matrices (..., N, N) of a source which of the source's matrices it is about.

    Args:
        matrices: those that are evaluated inside.
        place: as of a Slab.
        axes: how many axes at the end are those of a matrix.

    >>> with errors_placed(np.full((1, 2, 2), np.nan), (slice(7, 8),), 2):
    ...     raise ValueError("matrices must be finite")
    Traceback (most recent call last):
        ...
    ValueError: matrices must be finite, got NaN or infinite entries, the first in the matrix at index 7 of the source
    """
    try:
        yield
    except ValueError as error:
        leading = matrices.shape[:-axes]
        bad = np.argwhere(~finite_in_float64(matrices))[:1, : len(leading)]
        index = tuple(bad[0].tolist()) if len(bad) else (0,) * len(leading)
        if isinstance(place, int):
            where: Any = place + sum(i * prod(leading[k + 1 :]) for k, i in enumerate(index))
        else:
            begun = tuple(i + piece.start for i, piece in zip(index, place, strict=True))
            where = begun[0] if len(begun) == 1 else begun
        if len(bad):
            message = f"matrices must be finite, got NaN or infinite entries, the first in the matrix at index {where}"
        else:
            message = f"{error}, in matrices from index {where} on"
        raise ValueError(f"{message} of the source") from None
