"""What a Gaussian model needs to know of each matrix: its trivial components and its second moments.

The logarithm of any invariant Gaussian density is linear in these few numbers, 13 of a square matrix whatever its size.
So mixtures are fitted to a table with one row a matrix, and the matrices are read once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.blocks import parameters_from_blocks
from ..model.gaussian import BlockGaussian
from ..model.sufficient_statistics import matrix_chunks

Array = NDArray[np.float64]


def moments_of_each(components: tuple[Array, ...] | list[Array]) -> Array:
    """Trivial components, and for each irrep the products of its copies summed over labels.

    Args:
        components: for each irrep (n, copies, labels), as `space.project` gives them.

    Returns:
        (n, parameters), in the order of `space.decomposition.parameters`.

    >>> from pigmm.fitting import SquareSpace
    >>> moments_of_each(SquareSpace(4).project(np.ones((1, 4, 4)))).round(12)[0, :3]
    array([ 4.,  0., 16.])
    """
    squares = [part @ part.swapaxes(-1, -2) for part in components]
    return parameters_from_blocks(components[0][..., 0], squares)


def whitened_moments(pooled: BlockGaussian, matrices: NDArray[np.floating]) -> Array:
    """`moments_of_each` of the matrices that a model's `whiten` makes, a chunk at a time.

    Args:
        pooled: the model fitted to all of the matrices.
        matrices: (n, *space.shape), checked.

    Returns:
        (n, parameters).
    """
    chunks = matrix_chunks(matrices)
    return np.concatenate([moments_of_each(pooled.space.project(pooled.whiten(chunk))) for chunk in chunks])
