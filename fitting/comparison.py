"""Compare what a fitted Gaussian model predicts of the higher invariants with what the matrices show."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..invariants.evaluation import evaluate
from ..invariants.families import checked_graphs
from ..invariants.multigraph import Multigraph
from .gaussian import BlockGaussian

# A residual spread below this fraction of the invariant's own is rounding error: the fit forces it to zero.
_FORCED = 1e-9
_ROUNDING = 1e-14  # of the values themselves, which a large mean swamps


def compare(
    model: BlockGaussian, matrices: ArrayLike, graphs: Iterable[Multigraph], *, fitted: bool = True
) -> pd.DataFrame:
    """Predicted and measured means of invariants, with a standard error that allows for the fit of the model.

    A model fitted to the same matrices follows them, so mean(O_G) - <O_G> varies less than mean(O_G). To leading order
    (good from about a hundred matrices on) its standard error is sd(psi_G) / sqrt(n), with
    psi_G = O_G - (d<O_G>/d theta) . (influence of the matrix on theta).

    Args:
        model: as fitted to the matrices.
        matrices: (n, rows, columns), n at least 2.
        graphs: the invariants, in the order of the rows.
        fitted: False if the model was given beforehand, not fitted to these matrices: the prediction is then exact.

    Returns:
        A row a graph, with the columns graph (its label), formula, degree, nodes, predicted, measured (means),
        standard_deviation (of one matrix), standard_error (of measured - predicted), deviation
        (|predicted - measured| / standard_deviation, the paper's, arXiv:2510.05218 section 4) and z
        ((measured - predicted) / standard_error; NaN where the fit forces agreement).

    Raises:
        ValueError: if the matrices are not those of the model's space, or fewer than 2.

    >>> from .gaussian import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    >>> table = compare(PIGMM.fit(matrices), matrices, [Multigraph([(0, 0), (0, 0), (0, 0)])])
    >>> table[["graph", "degree", "nodes"]].values.tolist()
    [['00 00 00', 3, 1]]
    """
    graphs = checked_graphs(graphs)
    influence = model.influence(matrices)
    count = len(influence)
    if count < 2:
        raise ValueError(f"matrices must be at least 2 for a standard deviation, got {count}")
    values = evaluate(matrices, graphs, family=model.space.decomposition.family)
    predicted, measured = model.expectation(graphs), values.mean(axis=0)
    deviation = values.std(axis=0, ddof=1)
    residuals = values - measured
    if fitted:
        residuals = residuals - influence @ model.expectation_gradient(graphs).T
    spread = residuals.std(axis=0, ddof=1)
    error = spread / np.sqrt(count)
    rounding = _FORCED * deviation + _ROUNDING * np.abs(values).max(axis=0)
    difference = measured - predicted
    return pd.DataFrame(
        {
            **graph_columns(graphs),
            "predicted": predicted,
            "measured": measured,
            "standard_deviation": deviation,
            "standard_error": error,
            "deviation": np.divide(np.abs(difference), deviation, out=np.full_like(error, np.nan), where=deviation > 0),
            "z": np.divide(difference, error, out=np.full_like(error, np.nan), where=spread > rounding),
        }
    )


def graph_columns(graphs: Iterable[Multigraph]) -> dict[str, list[str | int]]:
    """The columns by which tables name graphs: graph (its label), formula, degree, nodes.

    >>> graph_columns([Multigraph([(0, 1)])])
    {'graph': ['01'], 'formula': ['sum_ij M_ij'], 'degree': [1], 'nodes': [2]}
    """
    rows = tuple(graphs)
    return {
        "graph": [graph.label for graph in rows],
        "formula": [graph.formula for graph in rows],
        "degree": [graph.degree for graph in rows],
        "nodes": [graph.number_of_nodes for graph in rows],
    }
