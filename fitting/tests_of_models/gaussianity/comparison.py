"""Compare the higher invariants that a fitted Gaussian model predicts with those of the matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from ....invariants.checks import checked_integer
from ....invariants.evaluation.evaluate import evaluate
from ....invariants.graphs.given import GivenGraph, checked_graphs
from ....invariants.graphs.multigraph import Multigraph
from ...model.gaussian import BlockGaussian
from ...model.sufficient_statistics import SufficientStatistics, checked_batch
from ..multiple_testing import q_values
from .given_trivial import comparison_table, simulated
from .graph_columns import graph_columns
from .refit import gradient_by_fit, shrinkage_of_fit
from .residuals import ROUNDING, ResidualMoments, residual_moments

Array = NDArray[np.float64]

# A mean of an invariant is known to about 1e-14 of itself: below this fraction rounding moves z by more than 0.1.
_LEAST_ERROR = 1e-13
# Relative spread below which a residual that is rounding error may be one of a mean that swamps it: its cube is
# what is left of a residual of degree 3 or more.
_SWAMPED = 1e-4
# Values of invariants held at a time.
_CHUNK_VALUES = 1 << 23


@np.errstate(over="ignore", invalid="ignore")  # of invariants that are too large
def compare(
    model: BlockGaussian,
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    fitted: bool = True,
    replicates: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Predicted and measured means of invariants, with a standard error that allows for the fit of the model.

    A model fitted to the same matrices follows them, so mean(O_G) - <O_G> varies less than mean(O_G). To leading order
    its standard error is sd(psi_G) / sqrt(n), with psi_G = O_G - (d<O_G>/d theta) . (influence of the matrix on theta).

    The p-values are asymptotic, cheap enough for every layer and epoch. Quartic invariants have skewed, heavy-tailed
    means: on Gaussian matrices of size 10 and 24 a test at 5% rejects in 5.1 to 5.2% of ensembles on average over the
    348 invariants, but for the worst of them in about 9% on 200 matrices, in 7 to 8% on 1000. (docs/calibration.md; a
    correction for the skewness that is estimated from the same matrices makes it worse.) `bootstrap_comparison` has
    calibrated ones.

    Given the trivial components, standard deviation and error are those of simulated ensembles with the same trivial
    components and the same fit, of the Gaussian law, so that one matrix is enough. The prediction of a fit is biased in
    the order of its own errors; the bias is simulated as well, is a column of its own, and is taken off in z.

    Args:
        model: the fit of these matrices, which is checked. One with shrinkage has the right standard errors, but its
            z has the bias of the shrinkage too.
        matrices: (n, rows, columns), n at least 2; at least 1 for a model given the trivial components.
        graphs: the invariants, in the order of the rows.
        fitted: False if the model was not fitted to these matrices but given beforehand: the prediction is then exact,
            and the standard error that of the measured mean.
        replicates: simulated ensembles, at least 2; used for a model given the trivial components only.
        seed: of this simulation.

    Returns:
        A row a graph, with the columns graph (its label), formula, degree, nodes, predicted, measured (means),
        standard_deviation (of one matrix), standard_error (of measured - predicted), deviation
        (|predicted - measured| / standard_deviation, the paper's, arXiv:2510.05218 section 4), z
        ((measured - predicted) / standard_error), p_value (two-sided, of z by Student's t with n - 1 degrees of
        freedom) and q_value (false discovery rate over these graphs, by Benjamini and Hochberg). z, p_value and q_value
        are NaN where the fit forces agreement, and where invariants are too large for float64; these graphs are no
        tests.

    Raises:
        ValueError: if the matrices are not those of the model's space, or fewer than 2; if the model is not their fit,
            unless `fitted` is False; if their mean is so much larger than their spread that rounding hides the
            standard errors.

    Source:
        arXiv:2510.05218 for `deviation`; the influence of the fit: derivations 4 and 7.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    >>> table = compare(PIGMM.fit(matrices), matrices, [Multigraph([(0, 0), (0, 0), (0, 0)])])
    >>> table[["graph", "degree", "nodes"]].values.tolist()
    [['00 00 00', 3, 1]]
    """
    graphs = checked_graphs(graphs, model.space.decomposition.family)
    batch = checked_batch(matrices, model.space)
    if model.given is not None:
        replicates = checked_integer("replicates", replicates, least=2)
        found = simulated(model, batch, graphs, fitted=fitted, replicates=replicates, seed=seed)
        return comparison_table(model if fitted else model.given_those_of(batch), graphs, found)
    if len(batch) < 2:
        raise ValueError(f"matrices must be at least 2 for a standard deviation, got {len(batch)}")
    gradient = model.expectation_gradient(graphs)
    if fitted:
        statistics = SufficientStatistics.of(batch, model.space)
        gradient = gradient_by_fit(model, gradient, shrinkage_of_fit(model, statistics))
    else:
        gradient = np.zeros_like(gradient)

    def chunks() -> Iterator[tuple[Array, Array]]:
        step = max(1, _CHUNK_VALUES // (len(graphs) + prod(model.space.shape)))
        for start in range(0, len(batch), step):
            chunk = batch[start : start + step].astype(np.float64)
            values = evaluate(chunk, graphs, family=model.space.decomposition.family)
            yield values, model.influence_of_components(model.space.project(chunk))

    predicted = model.expectation(graphs)
    residuals = residual_moments(chunks(), gradient)
    difference, deviation = residuals.measured - predicted, residuals.standard_deviation
    z = residuals.studentised(predicted)
    _check_digits(model, graphs, residuals, np.isnan(z))
    p = 2 * t.sf(np.abs(z), residuals.count - 1)
    return pd.DataFrame(
        {
            **graph_columns(graphs),
            "predicted": predicted,
            "measured": residuals.measured,
            "standard_deviation": deviation,
            "standard_error": residuals.residual_deviation / np.sqrt(residuals.count),
            "deviation": np.divide(np.abs(difference), deviation, out=np.full_like(p, np.nan), where=deviation > 0),
            "z": z,
            "p_value": p,
            "q_value": q_values(p),
        }
    )


def _check_digits(
    model: BlockGaussian, graphs: tuple[Multigraph, ...], residuals: ResidualMoments, forced: NDArray[np.bool_]
) -> None:
    """Raise ValueError if the mean of the matrices is so large that standard errors are rounding errors.

    Residuals that seem forced may have been lost as well: those of degree 3 or more, of invariants that vary, but
    hardly, beside a mean that exceeds the spread.
    """
    size = np.hypot(residuals.measured, residuals.standard_deviation)
    lost = ~forced & (residuals.residual_deviation <= _LEAST_ERROR * np.sqrt(residuals.count) * size)
    variance = sum(d * float(np.trace(block)) for d, block in zip(model.dimensions, model.covariances, strict=True))
    if float(np.square(model.means).sum()) > variance:
        spread = residuals.standard_deviation
        varies = (spread > ROUNDING * size) & (spread < _SWAMPED * size)
        lost |= forced & varies & np.array([graph.degree > 2 for graph in graphs], dtype=bool)
    if lost.any():
        first = graphs[int(lost.argmax())].label
        raise ValueError(
            f"matrices must have a mean that does not swamp their spread, got standard errors that rounding hides "
            f"for {int(lost.sum())} of {len(graphs)} invariants, the first {first!r}; compare matrices less the mean "
            f"of their fit with a fit of their own, as gaussianity_test does"
        )
