"""The parameter vector and its blocks: means, then the upper triangle of each irrep's covariance of copies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...invariants.representation.spaces import MatrixSpace

Array = NDArray[np.float64]


def blocks_from_parameters(space: MatrixSpace, parameters: Array) -> tuple[Array, tuple[Array, ...]]:
    """Split a parameter vector into its blocks.

    Args:
        space: the matrices.
        parameters: (..., parameters), in the order of `space.decomposition.parameters`.

    Returns:
        Means (..., copies of the trivial irrep), and for each irrep symmetric (..., copies, copies) covariances.

    Source:
        arXiv:1809.07559, section 2, for square matrices.

    >>> from pigmm.invariants.representation.spaces import SquareSpace
    >>> means, covariances = blocks_from_parameters(SquareSpace(4), np.arange(13.0))
    >>> covariances[0].tolist()
    [[2.0, 3.0], [3.0, 4.0]]
    """
    irreps = space.decomposition.irreps
    start = sum(len(irrep.copies) for irrep in irreps if irrep.is_trivial)
    means = parameters[..., :start]
    covariances = []
    for irrep in irreps:
        copies = len(irrep.copies)
        rows, columns = _upper_triangle(copies)
        block = np.empty((*parameters.shape[:-1], copies, copies))
        block[..., rows, columns] = block[..., columns, rows] = parameters[..., start : start + len(rows)]
        start += len(rows)
        covariances.append(block)
    return means, tuple(covariances)


def parameters_from_blocks(means: Array, covariances: Sequence[Array]) -> Array:
    """The inverse of `blocks_from_parameters`, for any leading axes.

    Args:
        means: (..., copies of the trivial irrep).
        covariances: for each irrep (..., copies, copies); the upper triangle counts.

    Returns:
        (..., parameters).

    >>> parameters_from_blocks(np.array([1.0]), [np.eye(2)]).tolist()
    [1.0, 1.0, 0.0, 1.0]
    """
    triangles = [block[..., *_upper_triangle(block.shape[-1])] for block in covariances]
    return np.concatenate([means, *triangles], axis=-1)


def trivial_parameters(space: MatrixSpace) -> tuple[slice, slice]:
    """Find the places of the parameters of the trivial irrep: its means, and its covariance.

    Args:
        space: the matrices.

    Returns:
        Two slices of the parameter vector.

    >>> from pigmm.invariants.representation.spaces import SquareSpace
    >>> trivial_parameters(SquareSpace(4))
    (slice(0, 2, None), slice(2, 5, None))
    """
    copies = sum(len(irrep.copies) for irrep in space.decomposition.irreps if irrep.is_trivial)
    return slice(0, copies), slice(copies, copies + copies * (copies + 1) // 2)


@lru_cache
def _upper_triangle(copies: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of an upper triangle; remembered, since making them costs more than all else here."""
    rows, columns = np.triu_indices(copies)
    return rows, columns


def check_positive_definite(covariance: Array, name: str) -> None:
    """Check that a covariance of copies is positive definite; copies of very different scale are judged alike.

    Args:
        covariance: (copies, copies), symmetric.
        name: of the irrep, for the message.

    Raises:
        ValueError: if it is not.

    >>> check_positive_definite(np.array([[1.0, 2.0], [2.0, 1.0]]), "0")
    Traceback (most recent call last):
        ...
    ValueError: the covariance of V_0 must be positive definite, got [[1.0, 2.0], [2.0, 1.0]]
    """
    if least_correlation(covariance) <= 1e-14:
        raise ValueError(f"the covariance of V_{name} must be positive definite, got {covariance.tolist()}")


def least_correlation(covariance: Array) -> float:
    """The smallest eigenvalue of the correlations, so that variables of very different scale are judged alike.

    Args:
        covariance: (variables, variables), symmetric.

    Returns:
        The eigenvalue, near zero if a variable nearly follows from the others; -inf if a variance is not positive.

    >>> least_correlation(np.diag([1e-9, 1e9]))
    1.0
    """
    variances = np.diag(covariance)
    if not (variances > 0).all():
        return -np.inf
    scale = np.sqrt(variances)
    return float(np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0])
