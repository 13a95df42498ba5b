"""The permutation-invariant Gaussian model of Fisher matrices: a bridge from wide networks to matrix models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ....fitting import (
    BlockGaussian,
    SymmetricSpace,
    bootstrap_comparison,
    confidence_intervals,
    permutation_invariance_test,
)
from ....invariants import SYMMETRIC, evaluate, multigraphs
from ....spectra import relu_fisher_matrix
from ..settings import MODEL_SIZES, Settings
from .draws import Array, Stream, generator, hidden_weights
from .exact_moments import exact_invariants, exact_parameters
from .means import mean_and_error, p_of_mean

# of the permutation test; its cost grows with the number of matrices, of which a part is enough
_PERMUTED, _PERMUTATIONS = 300, 99


def fisher_ensemble(settings: Settings, size: int) -> Array:
    """Draw Fisher matrices of small networks.

    Args:
        settings: of the study; `fisher_matrices` says how many.
        size: m, the number of hidden units.

    Returns:
        (matrices, m, m), symmetric.
    """
    rng = generator(settings.seed, Stream.FISHER_MATRICES, size)
    return np.array(
        [relu_fisher_matrix(hidden_weights(settings.dimension, size, rng)) for _ in range(settings.fisher_matrices)]
    )


def model_tables(settings: Settings, advance: Callable[[], None]) -> dict[str, pd.DataFrame]:
    """Fit the symmetric model to ensembles of Fisher matrices, one for each of `MODEL_SIZES`, and test it.

    Args:
        settings: of the study.
        advance: called after each size.

    Returns:
        Each with a column `size`. moments: the linear and quadratic invariants: formula, exact, measured,
        standard_error, p_value by Student's t. parameters: parameter, estimate, lower, upper (95%, by the sandwich)
        and exact. comparison: cubic and quartic invariants as in `bootstrap_comparison`. gaussianity: matrices,
        replicates, smallest_p_value, global_p_value, median_deviation (of the cubic and quartic invariants, in standard
        deviations of one matrix), and invariance_p_value and permutations of the test that mean and covariance are
        permutation invariant.
    """
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in ("moments", "parameters", "comparison", "gaussianity")}
    for size in MODEL_SIZES:
        matrices = fisher_ensemble(settings, size)
        for name, table in _tables_of(matrices, settings).items():
            table.insert(0, "size", size)
            found[name].append(table)
        advance()
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def _tables_of(matrices: Array, settings: Settings) -> dict[str, pd.DataFrame]:
    size = matrices.shape[1]
    model = BlockGaussian.fit(matrices, SymmetricSpace(size))
    graphs = multigraphs(3, SYMMETRIC) + multigraphs(4, SYMMETRIC)
    tested = bootstrap_comparison(model, matrices, graphs, replicates=settings.replicates)
    permuted = permutation_invariance_test(
        matrices[:_PERMUTED], replicates=_PERMUTATIONS, space=SymmetricSpace(size)
    ).p_value
    overall = {
        "matrices": len(matrices),
        "replicates": tested.replicates,
        "smallest_p_value": tested.smallest_p_value,
        "global_p_value": tested.global_p_value,
        "median_deviation": tested.table.deviation.median(),
        # of mean and covariance, by Bonferroni
        "invariance_p_value": min(1.0, 2 * min(permuted["mean", "all"], permuted["covariance", "all"])),
        "permutations": _PERMUTATIONS,
    }
    return {
        "moments": _moments(matrices, settings.dimension),
        "parameters": _parameters(model, matrices, settings.dimension),
        "comparison": tested.table.reset_index(drop=True),
        "gaussianity": pd.DataFrame([overall]),
    }


def _moments(matrices: Array, dimension: int) -> pd.DataFrame:
    rows = []
    exact = exact_invariants(dimension, matrices.shape[1])
    measured = evaluate(matrices, list(exact), family=SYMMETRIC)
    for place, (graph, value) in enumerate(exact.items()):
        mean, error = mean_and_error(measured[:, place])
        rows.append(
            {
                "formula": graph.formula,
                "exact": value,
                "measured": mean,
                "standard_error": error,
                "p_value": p_of_mean(measured[:, place], value),
            }
        )
    return pd.DataFrame(rows)


def _parameters(model: BlockGaussian, matrices: Array, dimension: int) -> pd.DataFrame:
    bounds = confidence_intervals(model, matrices, method="sandwich")
    return pd.DataFrame(
        {
            "parameter": model.names,
            "estimate": model.parameters,
            "lower": bounds.lower.to_numpy(),
            "upper": bounds.upper.to_numpy(),
            "exact": exact_parameters(dimension, matrices.shape[1]),
        }
    )
