"""The parameter vector and its blocks: means, then the upper triangle of each irrep's covariance of copies."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..invariants.spaces import MatrixSpace, irrep_dimensions

Array = NDArray[np.float64]

# Matrices at a time while second moments are summed, so that memory stays bounded whatever their number.
_CHUNK_ENTRIES = 1 << 22


def blocks_from_parameters(space: MatrixSpace, parameters: Array) -> tuple[Array, tuple[Array, ...]]:
    """Split a parameter vector into (means, one symmetric (copies, copies) covariance for each irrep).

    >>> from ..invariants.spaces import SquareSpace
    >>> means, covariances = blocks_from_parameters(SquareSpace(4), np.arange(13.0))
    >>> covariances[0].tolist()
    [[2.0, 3.0], [3.0, 4.0]]
    """
    irreps = space.decomposition.irreps
    start = sum(len(irrep.copies) for irrep in irreps if irrep.is_trivial)
    means = parameters[:start]
    covariances = []
    for irrep in irreps:
        copies = len(irrep.copies)
        upper = np.triu_indices(copies)
        block = np.empty((copies, copies))
        block[upper] = block.T[upper] = parameters[start : start + len(upper[0])]
        start += len(upper[0])
        covariances.append(block)
    return means, tuple(covariances)


def parameters_from_blocks(means: Array, covariances: Sequence[Array]) -> Array:
    """The inverse of `blocks_from_parameters`, for any leading axes.

    >>> parameters_from_blocks(np.array([1.0]), [np.eye(2)]).tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    triangles = [block[..., *np.triu_indices(block.shape[-1])] for block in covariances]
    return np.concatenate([means, *triangles], axis=-1)


def mean_and_second_moments(
    space: MatrixSpace, matrices: NDArray[np.floating], unit: float = 1.0
) -> tuple[Array, tuple[Array, ...]]:
    """Maximum-likelihood estimates: mean of the trivial components, and each irrep's second moments of its copies.

    Components of irreps that are not trivial have zero mean by symmetry, so theirs are plain second moments; the
    trivial block is centred.

    Args:
        space: the matrices.
        matrices: (n, *space.shape).
        unit: in which the matrices, hence the results, are measured.

    >>> from ..invariants.spaces import RectangularSpace
    >>> mean, moments = mean_and_second_moments(RectangularSpace(2, 2), np.ones((3, 2, 2)))
    >>> mean, moments[0]
    (array([2.]), array([[0.]]))
    """
    step = max(1, _CHUNK_ENTRIES // (prod(matrices.shape[1:])))
    trivial: list[Array] = []
    sums: list[Array] = [np.zeros((len(i.copies), len(i.copies))) for i in space.decomposition.irreps]
    for start in range(0, len(matrices), step):
        parts = space.project(matrices[start : start + step].astype(np.float64) / unit)
        trivial.append(parts[0][..., 0])
        for block, part in zip(sums, parts, strict=True):
            block += np.einsum("nxa,nya->xy", part, part)
    components = np.concatenate(trivial)
    mean = components.mean(axis=0)
    centred = components - mean
    sums[0] = centred.T @ centred  # not from the sum of squares, which would lose digits to a large mean
    moments = (s / (len(matrices) * d) for s, d in zip(sums, irrep_dimensions(space), strict=True))
    return mean, tuple(moments)


def check_positive_definite(covariance: Array, name: str) -> None:
    """Raise ValueError, naming the block, if a covariance of copies is not positive definite.

    >>> check_positive_definite(np.array([[1.0, 2.0], [2.0, 1.0]]), "0")
    Traceback (most recent call last):
        ...
    ValueError: the covariance of V_0 must be positive definite, got [[1.0, 2.0], [2.0, 1.0]]
    """
    diagonal = np.diag(covariance)
    if (diagonal > 0).all():
        # correlations, so that copies of very different scale are judged alike
        scale = np.sqrt(diagonal)
        if np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0] > 1e-14:
            return
    raise ValueError(f"the covariance of V_{name} must be positive definite, got {covariance.tolist()}")
