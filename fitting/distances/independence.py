"""The distance of a fit from independent entries, and the distances that chance makes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...invariants.checks import checked_integer
from ...invariants.representation.spaces import MatrixSpace
from ..model.gaussian import BlockGaussian
from ..tests_of_models.symmetry.restrictions import Restriction, restricted, restrictions
from .closed_form import wasserstein_distance
from .null_bands import Distance, checked_level, drawn_fits, with_null_band


def distance_to_independent(
    model: BlockGaussian,
    count: int,
    *,
    distance: Distance = wasserstein_distance,
    replicates: int = 999,
    seed: int = 0,
    level: float = 0.9,
) -> pd.Series:
    """The distance of a fit from the nearest model of independent entries of one law, with its null band and test.

    Nearest means the maximum-likelihood one: of one mean and one variance (of symmetric matrices: a shifted GOE). Both
    models are fits of the same matrices. Under the hypothesis, independent Gaussian entries, both are fitted again to
    each simulated ensemble; refits are drawn by the exact law of the estimates.

    Args:
        model: as fitted to `count` matrices by maximum likelihood.
        count: at least one more than the copies of the trivial irrep.
        distance: any function of two models.
        replicates: simulated fits, at least 1.
        seed: of the simulation.
        level: probability of the band.

    Returns:
        distance, null_mean, null_lower, null_upper (the central band), p_value ((1 + replicates not below) /
        (1 + replicates)).

    Raises:
        ValueError: if an argument is not as above.

    Source:
        Parametric bootstrap: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application (1997), chapter
        4.

    >>> from pigmm.fitting import PIGMM
    >>> model = PIGMM.fit(PIGMM.iid(4, variance=1.0).sample(50, seed=0))
    >>> bool(distance_to_independent(model, 50).p_value > 0.01)
    True
    """
    checked_integer("replicates", replicates, least=1)
    checked_level(level)
    restriction = independent(model.space)

    def departure(fit: BlockGaussian) -> float:
        return distance(fit, restricted(fit, restriction))

    fits = drawn_fits(restricted(model, restriction), count, replicates, seed)
    return with_null_band(departure(model), np.array([departure(fit) for fit in fits]), level)


def independent(space: MatrixSpace) -> Restriction:
    """The model of independent entries with one mean and one variance (of symmetric matrices: the GOE, shifted).

    Args:
        space: the matrices.

    Returns:
        The model of this name in `restrictions`.

    Source:
        Derivation 7: independent entries.

    >>> from pigmm.invariants.representation.spaces import SquareSpace
    >>> independent(SquareSpace(4)).name
    'iid'
    """
    return next(submodel for submodel in restrictions(space) if submodel.name in ("iid", "GOE"))
