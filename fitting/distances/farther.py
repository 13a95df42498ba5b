"""Test which of two ensembles is farther from a reference."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...invariants.checks import checked_integer
from ..model.gaussian import BlockGaussian
from .closed_form import wasserstein_distance
from .null_bands import Distance, checked_level, drawn_fits
from .paths import first_crossing, on_path

Array = NDArray[np.float64]

# Accuracies of the populations' places on their paths, whose distances must be equal, and of the common distance, on
# which the law of the difference hardly depends.
_PLACE, _SHARE = 1e-9, 1e-3


def farther_test(
    p: BlockGaussian,
    q: BlockGaussian,
    reference: BlockGaussian,
    p_count: int,
    q_count: int,
    reference_count: int | None = None,
    *,
    distance: Distance = wasserstein_distance,
    replicates: int = 499,
    seed: int = 0,
    level: float = 0.9,
) -> pd.Series:
    """Test whether the populations of two fits are equally far from a reference.

    The statistic is distance(p, reference) - distance(q, reference). Fits are farther from the reference than their
    populations are, and the more so the fewer matrices they have, so the difference alone decides nothing. Under
    the hypothesis both populations are at one distance, on the paths from the reference to p and q (`on_path`): the
    distance for which the sum of the distances of refits has the measured one as its median. Refits are drawn by the
    exact law of the estimates for Gaussian matrices.

    The level is not exact, since the paths are estimated; a test measures it where 30 matrices are set against 120.

    Args:
        p: the fit of an ensemble.
        q: the fit of an independent ensemble, on the same space.
        reference: on the same space; independent of both if fitted; given the trivial components if p and q are
            (`given_those_of`).
        p_count: how many matrices p was fitted to, at least one more than the copies of the trivial irrep; 1 is enough
            if the trivial components are given.
        q_count: the same of q.
        reference_count: the same of the reference; None if it was given beforehand.
        distance: any function of two models that grows along the path from the second to the first.
        replicates: simulated refits, at least 1.
        seed: of the simulation.
        level: probability of the band.

    Returns:
        p_distance, q_distance, difference, null_mean, null_lower, null_upper (the central band of the difference),
        p_value (two-sided: twice the smaller of (1 + replicates not below) / (1 + replicates) and the same of those
        not above).

    Raises:
        ValueError: if the models are on different spaces, some but not all are given the trivial components, p or q is
            the reference, or an argument is not as above.

    Source:
        Parametric bootstrap: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), chapter
        4.

    >>> from pigmm.fitting import PIGMM
    >>> law = PIGMM.iid(4, variance=1.0)
    >>> near, far = (PIGMM.fit(PIGMM.iid(4, variance).sample(100, seed=0)) for variance in (1.5, 3.0))
    >>> row = farther_test(far, near, law, 100, 100, replicates=99)
    >>> bool(row.difference > 0), float(row.p_value)
    (True, 0.02)
    """
    checked_integer("replicates", replicates, least=1)
    checked_level(level)
    for name, model in (("p", p), ("q", q)):
        if model == reference:
            raise ValueError(f"{name} must be another model than the reference, got an equal one")
    own = np.array([distance(p, reference), distance(q, reference)])

    def at(model: BlockGaussian, far: float) -> BlockGaussian:
        """The population at a distance from the reference, on its path to a model."""
        place = first_crossing(lambda x: distance(on_path(reference, model, x), reference), far, _PLACE)
        return on_path(reference, model, place)

    @cache
    def drawn(far: float) -> Array:
        """(replicates, 2): distances of refits from refits of the reference."""
        rng = np.random.default_rng(seed)
        fits = zip(
            drawn_fits(at(p, far), p_count, replicates, rng),
            drawn_fits(at(q, far), q_count, replicates, rng),
            drawn_fits(reference, reference_count, replicates, rng),
            strict=True,
        )
        return np.array([[distance(a, c), distance(b, c)] for a, b, c in fits])

    share = first_crossing(lambda x: float(np.median(drawn(x * own.mean()).sum(axis=1))), own.sum(), _SHARE)
    simulated = np.subtract(*drawn(share * own.mean()).T)
    found = own[0] - own[1]
    tails = [(1 + (sign * simulated >= sign * found).sum()) / (1 + replicates) for sign in (1, -1)]
    lower, upper = np.quantile(simulated, [(1 - level) / 2, (1 + level) / 2])
    return pd.Series(
        {
            "p_distance": own[0],
            "q_distance": own[1],
            "difference": found,
            "null_mean": simulated.mean(),
            "null_lower": lower,
            "null_upper": upper,
            "p_value": min(1.0, 2 * min(tails)),
        }
    )
