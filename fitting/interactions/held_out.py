"""What couplings gain on matrices that they were not fitted to: cross-validation of the score-matching objective."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer
from ...invariants.graphs.given import GivenGraph
from ...invariants.representation.spaces import MatrixSpace, space_of
from ..model.gaussian import BlockGaussian
from ..model.sufficient_statistics import checked_batch
from .score_matching.estimate import score_estimate
from .score_matching.statistics import ScoreStatistics, checked_couplings, exponent_of, score_values

Array = NDArray[np.float64]


def held_out_gain(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    space: MatrixSpace | None = None,
    *,
    ridge: float = 0.0,
    folds: int = 5,
    seed: int = 0,
) -> pd.Series[float]:
    """Compare couplings with none on held-out matrices, by the objective |grad log p|^2 / 2 + Laplacian log p.

    The objective of a matrix is a proper score that needs no normalisation: its expectation is least for the true
    density. Each part of the matrices is predicted by fits to the others. Values are multiplied by the variance of an
    entry in the Gaussian fit, which makes them free of scale.

    Args:
        matrices: (n, *space.shape), n at least 3 in all folds but one.
        graphs: the couplings.
        space: the permutations assumed (default: `space_of` the shape).
        ridge: as in `InteractingModel.fit`.
        folds: number of parts, at least 2.
        seed: of the parts.

    Returns:
        objective and gaussian_objective (means over matrices), gain (their difference, positive where couplings
        predict better), standard_error (of the gain over matrices, with the fits as they are) and z.

    Raises:
        ValueError: as `InteractingModel.fit`; if there are too few matrices for the folds.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695, for the objective.

    >>> matrices = np.random.default_rng(0).triangular(-1, 0, 1, size=(500, 4, 4))
    >>> bool(held_out_gain(matrices, ["sum M_ij^4"]).z > 5)
    True
    """
    batch = checked_batch(matrices, space).astype(np.float64)
    space = space_of(batch.shape[1:]) if space is None else space
    chosen = checked_couplings(graphs, space)
    folds = checked_integer("folds", folds, least=2)
    if folds > len(batch):
        raise ValueError(f"folds must be at most the number of matrices, got {folds} for {len(batch)}")
    exponent = exponent_of(batch)
    order = np.random.default_rng(seed).permutation(len(batch))
    parts = np.array_split(order, folds)
    scores = np.empty((2, len(batch)))
    for row, couplings in enumerate([chosen, ()]):
        own = [ScoreStatistics.of(batch[part], couplings, space, exponent) for part in parts]
        for k, part in enumerate(parts):
            rest = ScoreStatistics.merged(own[:k] + own[k + 1 :])
            terms = rest.terms
            objective = terms.objective(score_estimate(rest, ridge).theta)
            scores[row, part] = objective[0] + score_values(batch[part], space, terms, exponent) @ objective[1:]
    variance = variance_of_entry(BlockGaussian.fit(batch, space))
    scores *= variance / np.ldexp(1.0, 2 * exponent)
    gain = scores[1] - scores[0]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return pd.Series(
        {
            "objective": scores[0].mean(),
            "gaussian_objective": scores[1].mean(),
            "gain": gain.mean(),
            "standard_error": error,
            "z": gain.mean() / error,
        }
    )


def variance_of_entry(model: BlockGaussian) -> float:
    """The variance of a component of unit norm, averaged over all: of independent entries that of an entry.

    Args:
        model: of all components.

    Returns:
        The variance.

    >>> from pigmm.fitting import PIGMM
    >>> round(variance_of_entry(PIGMM.iid(4, variance=2.0)), 12)
    2.0
    """
    total = sum(d * float(np.trace(block)) for d, block in zip(model.dimensions, model.covariances, strict=True))
    return total / model.total_dimension
