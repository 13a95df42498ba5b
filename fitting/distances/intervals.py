"""Confidence intervals of distances between populations, from the distances between fits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...invariants.checks import checked_integer
from ..model.gaussian import BlockGaussian
from .closed_form import wasserstein_distance
from .null_bands import Distance, check_different_matrices, checked_level, drawn_fits
from .paths import first_crossing, on_path

Array = NDArray[np.float64]


def distance_interval(
    p: BlockGaussian,
    q: BlockGaussian,
    p_count: int,
    q_count: int | None,
    *,
    distance: Distance = wasserstein_distance,
    replicates: int = 499,
    seed: int = 0,
    level: float = 0.95,
) -> pd.Series:
    """A confidence interval of the distance between the populations of two fits.

    The distance between fits is too large on average: noise adds to it. So the interval is that of the populations
    for which the measured distance is not extreme: pairs on the path through p and q (`on_path`), moved together or
    apart about their average, whose refits are at least as far apart as p and q with probability above
    (1 - level) / 2, and at most as far with probability above (1 - level) / 2. The lower end is 0 where `distance_test`
    does not reject at (1 - level) / 2. Refits are drawn by the exact law of the estimates for Gaussian matrices.

    The coverage is not exact, since the path and the laws on it are estimated; tests measure it near zero and far.

    Args:
        p: the fit of an ensemble.
        q: the fit of an independent ensemble, on the same space, or a model given beforehand.
        p_count: how many matrices p was fitted to, at least one more than the copies of the trivial irrep.
        q_count: the same of q; None if q was given beforehand.
        distance: any function of two models that grows along the path.
        replicates: refits of each pair that is tried, at least 1; 1000 and more for levels near 1.
        seed: of the simulation.
        level: probability with which the interval holds the distance.

    Returns:
        distance (of the fits), lower, upper.

    Raises:
        ValueError: if the models are on different spaces, equal or fits of the same matrices, or an argument is not as
            above.

    Source:
        Inversion of tests: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), chapter 5.

    >>> from pigmm.fitting import PIGMM
    >>> law = PIGMM.iid(4, variance=1.0)
    >>> fit, far = PIGMM.fit(law.sample(100, seed=0)), PIGMM.iid(4, variance=4.0)
    >>> row = distance_interval(fit, far, 100, None, replicates=99)
    >>> bool(row.lower < 4 < row.upper)
    True
    """
    checked_integer("replicates", replicates, least=1)
    checked_level(level)
    found = distance(p, q)
    if p == q:
        raise ValueError("p and q must be fits of different matrices, got equal models")
    check_different_matrices(p, q, p_count)
    # the average, on the path from p to q
    middle = 1.0 if q_count is None else q_count / (p_count + q_count)

    def population(apart: float) -> tuple[BlockGaussian, BlockGaussian]:
        return on_path(p, q, middle - apart * middle), on_path(p, q, middle + apart * (1 - middle))

    @cache
    def simulated(apart: float) -> Array:
        # the same random numbers for every population, so that quantiles are smooth along the path
        rng = np.random.default_rng(seed)
        first, second = population(apart)
        pairs = zip(
            drawn_fits(first, p_count, replicates, rng), drawn_fits(second, q_count, replicates, rng), strict=True
        )
        return np.array([distance(a, b) for a, b in pairs])

    # a hundredth of the noise; the floor is for a single draw
    tolerance = max(0.01 * float(simulated(1.0).std()) / found, 1e-9)

    def end(probability: float) -> float:
        place = first_crossing(lambda apart: float(np.quantile(simulated(apart), probability)), found, tolerance)
        return distance(*population(place)) if place else 0.0

    tail = (1 - level) / 2
    return pd.Series({"distance": found, "lower": end(1 - tail), "upper": end(tail)})
