"""The trivial components of matrices, which a law given them takes as observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...invariants.representation.spaces import MatrixSpace, space_of

Array = NDArray[np.float64]

# Entries converted to float64 at a time.
_CHUNK_ENTRIES = 1 << 16


def trivial_components(space: MatrixSpace, matrices: ArrayLike) -> Array:
    """The components that permutations leave alone, such as (mu_1, mu_2) of a square matrix.

    Args:
        space: the matrices.
        matrices: (n, *space.shape).

    Returns:
        (n, copies of the trivial irrep), the first of `space.project`, at the cost of their inner products alone.

    Source:
        arXiv:1809.07559, section 2, for square matrices.

    >>> trivial_components(space_of((4, 4)), np.ones((1, 4, 4))).round(12)
    array([[4., 0.]])
    """
    batch = np.asarray(matrices)
    units = _units(space)
    step = max(1, _CHUNK_ENTRIES // units.shape[1])
    chunks = (batch[start : start + step].astype(np.float64) for start in range(0, len(batch), step))
    own = [chunk.reshape(len(chunk), -1) @ units.T for chunk in chunks]
    return np.concatenate([np.empty((0, len(units))), *own])


def trivial_matrices(space: MatrixSpace, components: Array) -> Array:
    """The matrices (n, *space.shape) that have trivial components only: of square ones b J + c 1.

    Args:
        space: the matrices.
        components: (n, copies of the trivial irrep).

    Returns:
        (n, *space.shape).

    >>> trivial_matrices(space_of((4, 4)), np.array([[4.0, 0.0]]))[0, 0].round(12)
    array([1., 1., 1., 1.])
    """
    return (components @ _units(space)).reshape(-1, *space.shape)


def _units(space: MatrixSpace) -> Array:
    """(copies, entries): the orthonormal matrices whose only component is one of the trivial irrep."""
    components = [np.zeros_like(part) for part in space.project(np.zeros(space.shape))]
    units = []
    for copy in range(len(components[0])):
        components[0][:, 0] = np.arange(len(components[0])) == copy
        units.append(space.assemble(components).ravel())
    return np.array(units)


def watched(chunks: Iterable[ArrayLike], space: MatrixSpace | None, seen: list[Array]) -> Iterator[ArrayLike]:
    """Pass chunks of matrices on, and append their trivial components to `seen` when the next chunk is asked for.

    Args:
        chunks: (n_k, *space.shape) each; whoever takes them refuses others before asking for the next.
        space: the matrices (default: `space_of` the shape).
        seen: a list that grows.

    Yields:
        The chunks.

    >>> seen = []
    >>> [len(chunk) for chunk in watched([np.ones((3, 4, 4))], None, seen)], seen[0].shape
    ([3], (3, 2))
    """
    for chunk in chunks:
        yield chunk
        if len(np.shape(chunk)) > 2 and np.shape(chunk)[0]:
            seen.append(trivial_components(space or space_of(np.shape(chunk)[1:]), chunk))
