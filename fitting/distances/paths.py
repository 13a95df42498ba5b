"""Populations between and beyond two models, and laws of distances between their fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..model.blocks import parameters_from_blocks
from ..model.gaussian import BlockGaussian

Array = NDArray[np.float64]

# How far beyond the models a path is followed, in units of their distance.
_FARTHEST = 64.0


def on_path(p: BlockGaussian, q: BlockGaussian, place: float) -> BlockGaussian:
    """The model at a place of the path from p (0) to q (1): a straight line of means, a geodesic of covariances.

    Between covariances A = K K^T and B, with K^-1 B K^-T = U diag(w) U^T, it is K U diag(w^place) U^T K^T. This is
    positive definite at any place, also beyond the ends.

    Args:
        p: the model at place 0.
        q: the model at place 1, on the same space.
        place: any number.

    Returns:
        A model of the class of p.

    Source:
        R. Bhatia, Positive Definite Matrices (2007), chapter 6.

    >>> from pigmm.fitting import PIGMM
    >>> middle = on_path(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=4.0), 0.5)
    >>> round(middle["G3"], 9)
    2.0
    """
    blocks = list(p.covariances[: -len(p.varying)])  # zero, where trivial components are given
    for (_, a), (_, b) in zip(p.varying, q.varying, strict=True):
        root = np.linalg.cholesky(a)
        half = np.linalg.solve(root, b)
        values, vectors = np.linalg.eigh(np.linalg.solve(root, half.T))
        factor = root @ vectors * values ** (place / 2)
        blocks.append(factor @ factor.T)
    means = p.means + place * (q.means - p.means)
    return p.from_space(p.space, parameters_from_blocks(means, blocks), p.given)


def first_crossing(function: Callable[[float], float], value: float, tolerance: float) -> float:
    """The least x >= 0 at which a rising function reaches a value.

    Args:
        function: of x >= 0, with noise no larger than matters to the caller.
        value: to be reached.
        tolerance: of x, both absolute and relative.

    Returns:
        x; 0 if function(0) is not below the value.

    Raises:
        ValueError: if the value is not reached up to x = 64.

    >>> round(first_crossing(lambda x: x**2, 4.0, 1e-9), 6), first_crossing(lambda x: x + 1, 1.0, 1e-9)
    (2.0, 0.0)
    """
    if function(0.0) >= value:
        return 0.0
    high = 1.0
    while function(high) < value:
        high *= 2
        if high > _FARTHEST:
            raise ValueError(f"distance must grow along the path from one model to the other, got none above {value}")
    low = 0.0 if high == 1 else high / 2
    return float(brentq(lambda x: function(x) - value, low, high, xtol=tolerance, rtol=tolerance))
