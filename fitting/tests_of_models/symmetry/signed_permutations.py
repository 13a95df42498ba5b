"""Models that signs leave alone as well: units may be permuted and each may be multiplied by -1 (B_N, hyperoctahedral).

Under M -> D M D with a diagonal D of signs, an entry off the diagonal is multiplied by a sign, and one on the diagonal
is not. So of the mean a multiple of the identity is left, and of the covariance four variances: of the trace, of the
rest of the diagonal, and of the symmetric and the antisymmetric part off it. If rows and columns have signs of their
own, all entries are independent of one variance and mean zero.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from ....invariants.representation.spaces import MatrixSpace, MultiMatrixSpace, irrep_dimensions

Array = NDArray[np.float64]
Blocks = tuple[Array, ...]


def signed_means(space: MatrixSpace) -> Array:
    """The free means of matrices under diagonal signed permutations: a multiple of the identity in each matrix.

    Args:
        space: square matrices, symmetric ones, or several.

    Returns:
        (free means, copies of the trivial irrep), orthonormal rows; none for symmetric matrices of zero diagonal.

    Source:
        Derivation 6 has the components of a multiple of the identity.

    >>> from pigmm.fitting import SquareSpace
    >>> signed_means(SquareSpace(4)).round(4)  # 1 / sqrt(N) and sqrt((N - 1) / N)
    array([[0.5  , 0.866]])
    """
    identity = np.eye(space.shape[-1]) / np.sqrt(space.shape[-1])
    units = _of_each(space, identity)
    return np.array([space.project(unit)[0][:, 0] for unit in units if _is_inside(space, unit)]).reshape(
        -1, len(space.decomposition.irreps[0].copies)
    )


def signed_covariances(space: MatrixSpace) -> tuple[Blocks, ...]:
    """A basis of the covariances of matrices under diagonal signed permutations.

    Args:
        space: square matrices, symmetric ones, or several.

    Returns:
        Blocks for each: of the trace, of the rest of the diagonal, of the symmetric part off the diagonal and of the
        antisymmetric part, for each matrix and each pair of them, as far as the matrices have such parts.

    Source:
        A. Young, Proc. London Math. Soc. 31 (1930) 273 for the irreps of B_N; the argument is at the head of this file.

    >>> from pigmm.fitting import MultiMatrixSpace, SquareSpace, SymmetricSpace
    >>> [len(signed_covariances(s)) for s in (SquareSpace(4), SymmetricSpace(4), MultiMatrixSpace(2, 4))]
    [4, 3, 12]
    """
    size = space.shape[-1]
    corner, pair = np.zeros((2, size, size))
    corner[0, 0], pair[0, 1] = 1, 1
    pairs = size * (size - 1) // 2
    found = []
    for first, second in combinations_with_replacement(range(len(_of_each(space, corner))), 2):
        trace = _of_orbit(space, np.eye(size) / np.sqrt(size), 1, first, second)
        diagonal = _of_orbit(space, corner, size, first, second)
        rest = tuple(block - own for block, own in zip(diagonal, trace, strict=True))
        symmetric = _of_orbit(space, (pair + pair.T) / np.sqrt(2), pairs, first, second)
        antisymmetric = _of_orbit(space, (pair - pair.T) / np.sqrt(2), pairs, first, second)
        found += [trace, rest, symmetric, antisymmetric]
    return tuple(blocks for blocks in found if any(block.any() for block in blocks))


def _of_orbit(space: MatrixSpace, matrix: Array, count: int, first: int, second: int) -> Blocks:
    """Blocks of the sum, over the orbit of a matrix, of its products with itself in two places of several matrices.

    All members of an orbit add the same to the traces over labels that the blocks are.
    """
    left, right = (_of_each(space, matrix)[place] for place in (first, second))
    if not (_is_inside(space, left) and _is_inside(space, right)):
        return tuple(np.zeros((len(irrep.copies),) * 2) for irrep in space.decomposition.irreps)
    blocks = []
    parts = zip(space.project(left), space.project(right), irrep_dimensions(space), strict=True)
    for one, other, dimension in parts:
        block = count * one @ other.T / dimension
        block = (block + block.T) / (2 if first == second else 1)
        blocks.append(np.where(np.abs(block) > 1e-12, block, 0.0))
    return tuple(blocks)


def _of_each(space: MatrixSpace, matrix: Array) -> list[Array]:
    """The element of the space that has this matrix in one place, for each place: one, or several matrices."""
    if not isinstance(space, MultiMatrixSpace):
        return [matrix]
    return [np.where(np.arange(space.count)[:, None, None] == place, matrix, 0.0) for place in range(space.count)]


def _is_inside(space: MatrixSpace, element: Array) -> bool:
    try:
        space.check(element[None])
    except ValueError:
        return False
    return True
