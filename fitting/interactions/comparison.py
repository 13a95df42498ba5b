"""Compare what an interacting model predicts of invariants with what is measured, those that it never saw included."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ...invariants.checks import checked_integer
from ...invariants.evaluation.evaluate import evaluate
from ...invariants.graphs.given import GivenGraph, checked_graphs
from ..model.sufficient_statistics import checked_batch
from ..tests_of_models.gaussianity.graph_columns import graph_columns
from ..tests_of_models.multiple_testing import q_values
from .model import InteractingModel
from .sampling.mixing import effective_sizes
from .score_matching.estimate import rescale, score_estimate, score_influence
from .score_matching.statistics import ScoreStatistics

Array = NDArray[np.float64]

# Standard errors by which a coefficient may differ from the fit: far more than rounding, far less than any effect.
_TOLERANCE = 1e-3


def compare_interacting(
    model: InteractingModel,
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    fitted: bool = True,
    count: int = 10_000,
    seed: int | np.random.Generator | None = 0,
) -> pd.DataFrame:
    """Sampled and measured means of invariants, with a standard error that allows for the fit of the model.

    With theta_a the coefficients of the model, d<O_G>/d theta_a = Cov(O_G, O_a), from the same draws as <O_G>. To
    leading order mean(O_G) - <O_G> over fitted matrices varies as the mean of O_G - sum_a Cov(O_G, O_a) (influence of
    the matrix on theta_a); over other matrices the errors of both sides add. The error of the draws adds to each.

    Args:
        model: with a normalisation; without ridge the fit of these matrices, which is checked.
        matrices: (n, *shape), n at least 2.
        graphs: the invariants, of any degree.
        fitted: False if the model was not fitted to these matrices but to others.
        count: of draws, at least 100.
        seed: of these.

    Returns:
        A row a graph: graph, name, formula, degree, nodes, predicted, measured, standard_deviation (of one matrix),
        standard_error (of measured - predicted), z, p_value (two-sided, normal) and q_value (Benjamini and Hochberg).

    Raises:
        ValueError: if the model has no normalisation, or is not the fit of the matrices unless `fitted` is False; if
            the matrices are not those of its space, or fewer than 2.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695, for the estimate; its influence is that of an M-estimator.

    >>> from pigmm.fitting import PIGMM
    >>> true = InteractingModel.of_couplings(PIGMM.iid(4, variance=1.0), {"sum M_ij^4": -0.15})
    >>> matrices = true.sample(500, seed=0)
    >>> model = InteractingModel.fit(matrices, ["sum M_ij^4"])
    >>> table = compare_interacting(model, matrices, ["01 01 01 01 01 01"], count=1000)  # sum M_ij^6
    >>> bool(abs(table.z.item()) < 4)
    True
    """
    family = model.space.decomposition.family
    chosen = checked_graphs(graphs, family)
    checked_integer("count", count, least=100)
    batch = checked_batch(matrices, model.space).astype(np.float64)
    if len(batch) < 2:
        raise ValueError(f"matrices must be at least 2 for a standard deviation, got {len(batch)}")
    influence = _influence(model, batch) if fitted else None
    chains = model.sample_chains(count, seed)
    drawn: Array = evaluate(chains.draws, chosen, family=family)
    flat = drawn.reshape(-1, len(chosen))
    own = chains.values.reshape(-1, len(model.natural))
    predicted = flat.mean(axis=0)
    slopes = (flat - predicted).T @ (own - own.mean(axis=0)) / len(flat)
    values: Array = evaluate(batch, chosen, family=family)
    measured, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
    if influence is None:
        of_fit = np.einsum("ga,ab,gb->g", slopes, model.covariance, slopes)
        variance = deviation**2 / len(batch) + of_fit
    else:
        variance = (values - influence @ slopes.T).var(axis=0, ddof=1) / len(batch)
    error = np.sqrt(variance + flat.var(axis=0) / effective_sizes(drawn))
    z = (measured - predicted) / error
    p = 2 * norm.sf(np.abs(z))
    return pd.DataFrame(
        {
            **graph_columns(chosen),
            "predicted": predicted,
            "measured": measured,
            "standard_deviation": deviation,
            "standard_error": error,
            "z": z,
            "p_value": p,
            "q_value": q_values(p),
        }
    )


def _influence(model: InteractingModel, batch: Array) -> Array:
    """The influence of each matrix on the coefficients, times n, of a model that is checked to be their fit."""
    statistics = ScoreStatistics.of(batch, model.graphs, model.space)
    estimate = score_estimate(statistics)
    difference = rescale(estimate, statistics).theta - model.natural
    if (np.abs(difference) > _TOLERANCE * np.sqrt(np.diag(model.covariance))).any():
        raise ValueError(
            "model must be the fit of these matrices, without ridge, got one of other couplings; pass fitted=False for "
            "a model that was fitted to other matrices"
        )
    return score_influence(statistics, estimate, batch)
