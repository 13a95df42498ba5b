"""Gradient and Laplacian of a Gaussian log-density, of which Hyvärinen's score is made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.gaussian import BlockGaussian

Array = NDArray[np.float64]


def gaussian_gradient(model: BlockGaussian, matrices: NDArray[np.floating]) -> tuple[Array, float]:
    """Gradient of the log-density at matrices, and its Laplacian, which is the same everywhere.

    Args:
        model: of all components.
        matrices: (n, *space.shape).

    Returns:
        (n, *space.shape), and the Laplacian.

    >>> from pigmm.fitting import PIGMM
    >>> gradient, laplacian = gaussian_gradient(PIGMM.iid(4, variance=2.0), np.ones((1, 4, 4)))
    >>> gradient[0, 0].round(12).tolist(), round(laplacian, 12)
    ([-0.5, -0.5, -0.5, -0.5], -8.0)
    """
    components = list(model.space.project(matrices.astype(np.float64)))
    components[0] = components[0] - model.means[:, None]
    inverses = [np.linalg.inv(covariance) for covariance in model.covariances]
    gradient = model.space.assemble([-(inverse @ part) for inverse, part in zip(inverses, components, strict=True)])
    traces = (dimension * np.trace(inverse) for dimension, inverse in zip(model.dimensions, inverses, strict=True))
    return gradient, -float(sum(traces))


def hyvarinen_score(model: BlockGaussian, matrices: Array) -> Array:
    """Half the squared gradient of a Gaussian log-density, and its Laplacian.

    Args:
        model: of all components.
        matrices: (n, *space.shape), float64.

    Returns:
        (n,).

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695.

    >>> from pigmm.fitting import PIGMM
    >>> hyvarinen_score(PIGMM.iid(4, variance=2.0), np.ones((1, 4, 4))).round(12)
    array([-6.])
    """
    gradient, laplacian = gaussian_gradient(model, matrices)
    axes = tuple(range(1, gradient.ndim))
    result: Array = 0.5 * np.square(gradient).sum(axis=axes) + laplacian
    return result
