"""Exact tests that units may be multiplied by signs, as they may in networks of tanh or without activation."""

from __future__ import annotations

from math import prod

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ....invariants.checks import checked_integer
from ....invariants.representation.spaces import MatrixSpace, RectangularSpace, SquareSpace
from ...model.gaussian import BlockGaussian
from ...model.sufficient_statistics import checked_batch
from .nested_models import estimates_of_groups
from .restrictions import log_determinant, restrictions
from .symmetry import Scaled, randomisation_p_value

Array = NDArray[np.float64]

# Entries of matrices with random signs at a time.
_CHUNK_ENTRIES = 1 << 20


def sign_test(
    matrices: ArrayLike,
    *,
    space: MatrixSpace | None = None,
    independent: bool = False,
    replicates: int = 999,
    seed: int = 0,
) -> pd.Series:
    """Exact test that each unit may be multiplied by -1, whatever the law of the matrices.

    Under the hypothesis an ensemble whose matrices are each replaced by D M D, with a random diagonal D of signs, is as
    likely as the one measured; with independent signs by D M D'. The statistic is the likelihood ratio of "B_N", or of
    "B_M x B_N", within the full model, as `nested_models` has it; signs leave the smaller model's estimate alone. With
    B replicates p = (1 + number of replicates not below the measured one) / (B + 1), which is at most a with
    probability at most a. Signs are tested alone: `randomisation_test` tests permutations.

    Args:
        matrices: (n, *space.shape), n as many as a fit needs.
        space: the permutations assumed, as in `BlockGaussian.fit`.
        independent: True for signs of rows and of columns that are drawn independently; rectangular matrices have no
            others, and symmetric ones and several under one permutation have none of these.
        replicates: B, at least 1.
        seed: of the signs.

    Returns:
        likelihood_ratio (twice the logarithm), degrees_of_freedom, replicates, p_value.

    Raises:
        ValueError: if the full model cannot be fitted, or the space has no such signs.

    Source:
        J. Besag and P. Clifford, Biometrika 76 (1989) 633.

    >>> heavy = np.random.default_rng(0).standard_t(4, size=(100, 5, 5))
    >>> bool(sign_test(heavy, replicates=99).p_value > 0.05)
    True
    >>> bool(sign_test(heavy + 0.3, replicates=99).p_value > 0.05)
    False
    """
    checked_integer("replicates", replicates, least=1)
    batch = Scaled.of(checked_batch(matrices, space))[:]
    space = BlockGaussian.space_for(batch.shape[1:]) if space is None else space
    independent = independent or isinstance(space, RectangularSpace)
    if independent and not isinstance(space, SquareSpace | RectangularSpace):
        raise ValueError(f"independent must be False for {space}, whose rows and columns are the same units")
    model = BlockGaussian.fit(batch, space)
    name = "B_M x B_N" if independent else "B_N"
    submodel = next(restriction for restriction in restrictions(space) if restriction.name == name)
    below = log_determinant(model.dimensions, submodel.estimate(model.means, model.covariances)[1])
    rng = np.random.default_rng(seed)
    logs = [log_determinant(model.dimensions, [block[None] for block in model.covariances])]
    step = max(1, _CHUNK_ENTRIES // (len(batch) * prod(space.shape)))
    for start in range(0, replicates, step):
        groups = min(step, replicates - start)
        signed = _with_signs(batch, groups, independent, rng).reshape(-1, *space.shape)
        logs.append(log_determinant(model.dimensions, estimates_of_groups(space, space.project(signed), groups)[1]))
    ratios = len(batch) * (below - np.concatenate(logs))
    degrees = len(model.parameters) - submodel.number_of_parameters
    return pd.Series(
        {
            "likelihood_ratio": float(ratios[0]),
            "degrees_of_freedom": degrees,
            "replicates": replicates,
            "p_value": randomisation_p_value(ratios),
        },
        dtype=object,
    )


def _with_signs(batch: Array, groups: int, independent: bool, rng: np.random.Generator) -> Array:
    """The matrices (groups, n, ...) with random signs of rows and columns, of each matrix in each group its own."""
    rows, columns = batch.shape[-2:]
    between = (1,) * (batch.ndim - 3)  # several matrices have the signs of their common units
    left = rng.choice((-1.0, 1.0), size=(groups, len(batch), *between, rows))
    right = rng.choice((-1.0, 1.0), size=(groups, len(batch), *between, columns)) if independent else left
    signed: Array = left[..., :, None] * batch * right[..., None, :]
    return signed
