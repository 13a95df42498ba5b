"""Check that a model is the fit of given matrices, as its comparison with them requires."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...model.blocks import parameters_from_blocks
from ...model.gaussian import BlockGaussian
from ...model.sampling_law import standard_errors
from ...model.sufficient_statistics import SufficientStatistics

Array = NDArray[np.float64]

#: Standard errors by which a parameter may differ from the fit: far more than rounding, far less than any effect.
TOLERANCE = 1e-3


def shrinkage_of_fit(model: BlockGaussian, statistics: SufficientStatistics) -> float:
    """The shrinkage with which a model was fitted to matrices: 0 for maximum likelihood.

    Args:
        model: on the space of the statistics.
        statistics: of the matrices.

    Returns:
        The intensity s of `BlockGaussian.fit`, in [0, 1].

    Raises:
        ValueError: if the model is no fit of the matrices, up to rounding.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> round(shrinkage_of_fit(PIGMM.fit(matrices, shrinkage=0.25), SufficientStatistics.of(matrices)), 9)
    0.25
    """
    unit = standard_errors(model, statistics.count)
    fitted = parameters_from_blocks(statistics.mean, statistics.moments)
    difference = (model.parameters - fitted) / unit
    if np.abs(difference).max() <= TOLERANCE:
        return 0.0
    if statistics.count > 1 and any(block.any() for block in statistics.moments):
        shrunk = BlockGaussian.fit(statistics, shrinkage=1.0).parameters
        way = (shrunk - fitted) / unit
        shrinkage = float(np.clip(difference @ way / max(float(way @ way), 1e-300), 0, 1))
        if np.abs(difference - shrinkage * way).max() <= TOLERANCE:
            return shrinkage
    worst = int(np.abs(difference).argmax())
    raise ValueError(
        f"model must be the fit of these matrices, got {model.names[worst]} = {model.parameters[worst]:.6g} where it "
        f"is {fitted[worst]:.6g}; pass fitted=False for a model that was not fitted to them"
    )


def gradient_by_fit(model: BlockGaussian, gradient: Array, shrinkage: float) -> Array:
    """Derivatives by the parameters of the maximum-likelihood fit, from those by the parameters of a shrunk one.

    Shrinkage takes covariances G to (1 - s) G + s v 1, with v = sum_r d_r tr G_r / sum_r d_r copies_r.

    Args:
        model: the shrunk one.
        gradient: (graphs, parameters).
        shrinkage: s.

    Returns:
        (graphs, parameters).

    >>> from pigmm.fitting import PIGMM
    >>> gradient_by_fit(PIGMM.iid(4, 1.0), np.eye(13)[[0, 3]], shrinkage=1.0)[:, :4].tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    if shrinkage == 0:
        return gradient
    means = len(model.means)
    units = [np.eye(len(block)) for block in model.covariances]
    identity = parameters_from_blocks(np.zeros(means), units)
    weights = [d * unit for d, unit in zip(model.dimensions, units, strict=True)]
    variance = parameters_from_blocks(np.zeros(means), weights) / model.total_dimension
    result: Array = (1 - shrinkage) * gradient + shrinkage * np.outer(gradient @ identity, variance)
    result[:, :means] = gradient[:, :means]
    return result
