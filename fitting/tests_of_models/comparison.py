"""Compare what a fitted Gaussian model predicts of the higher invariants with what the matrices show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from ...invariants.evaluation.evaluate import evaluate
from ...invariants.graphs.given import GivenGraph, checked_graphs
from ...invariants.graphs.multigraph import Multigraph
from ..model.gaussian import BlockGaussian
from ..model.sufficient_statistics import SufficientStatistics, checked_batch
from .multiple_testing import q_values
from .refit import gradient_by_fit, shrinkage_of_fit

Array = NDArray[np.float64]

# A residual spread below this fraction of the invariant's own is rounding error: the fit forces it to zero.
_FORCED = 1e-9
_ROUNDING = 1e-14  # of the values themselves, which a large mean swamps
# A mean of an invariant is known to about 1e-14 of itself: below this fraction rounding moves z by more than 0.1.
_LEAST_ERROR = 1e-13
# Relative spread below which a residual that is rounding error may be one of a mean that swamps it: its cube is
# what is left of a residual of degree 3 or more.
_SWAMPED = 1e-4
# Values of invariants held at a time.
_CHUNK_VALUES = 1 << 23
# Multiplications in a product of matrices up to which OpenBLAS uses one thread.
_SINGLE_THREAD = 1 << 18


def compare(
    model: BlockGaussian, matrices: ArrayLike, graphs: Iterable[GivenGraph], *, fitted: bool = True
) -> pd.DataFrame:
    """Predicted and measured means of invariants, with a standard error that allows for the fit of the model.

    A model fitted to the same matrices follows them, so mean(O_G) - <O_G> varies less than mean(O_G). To leading order
    its standard error is sd(psi_G) / sqrt(n), with psi_G = O_G - (d<O_G>/d theta) . (influence of the matrix on theta).

    The p-values are asymptotic, cheap enough for every layer and epoch. Quartic invariants have skewed, heavy-tailed
    means: on Gaussian matrices of size 10 and 24 a test at 5% rejects in 5.1 to 5.2% of ensembles on average over the
    348 invariants, but for the worst of them in about 9% on 200 matrices, in 7 to 8% on 1000. (docs/calibration.md; a
    correction for the skewness that is estimated from the same matrices makes it worse.) `bootstrap_comparison` has
    calibrated ones.

    Args:
        model: the fit of these matrices, which is checked. One with shrinkage has the right standard errors, but its
            z has the bias of the shrinkage too.
        matrices: (n, rows, columns), n at least 2.
        graphs: the invariants, in the order of the rows.
        fitted: False if the model was not fitted to these matrices but given beforehand: the prediction is then exact,
            and the standard error that of the measured mean.

    Returns:
        A row a graph, with the columns graph (its label), formula, degree, nodes, predicted, measured (means),
        standard_deviation (of one matrix), standard_error (of measured - predicted), deviation
        (|predicted - measured| / standard_deviation, the paper's, arXiv:2510.05218 section 4), z
        ((measured - predicted) / standard_error), p_value (two-sided, of z by Student's t with n - 1 degrees of
        freedom) and q_value (false discovery rate over these graphs, by Benjamini and Hochberg). z, p_value and q_value
        are NaN where the fit forces agreement; these graphs are no tests.

    Raises:
        ValueError: if the matrices are not those of the model's space, or fewer than 2; if the model is not their fit,
            unless `fitted` is False; if their mean is so much larger than their spread that rounding hides the
            standard errors.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    >>> table = compare(PIGMM.fit(matrices), matrices, [Multigraph([(0, 0), (0, 0), (0, 0)])])
    >>> table[["graph", "degree", "nodes"]].values.tolist()
    [['00 00 00', 3, 1]]
    """
    graphs = checked_graphs(graphs, model.space.decomposition.family)
    batch = checked_batch(matrices, model.space)
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


@dataclass(frozen=True, eq=False)
class ResidualMoments:
    """Means and spreads, over matrices, of invariants O_G and of their residuals psi_G.

    Args:
        count: matrices, at least 2.
        measured: (graphs,) means of O_G.
        standard_deviation: (graphs,) of O_G.
        residual_deviation: (graphs,) standard deviation of psi_G.
    """

    count: int
    measured: Array
    standard_deviation: Array
    residual_deviation: Array

    def studentised(self, predicted: Array) -> Array:
        """(graphs,): measured - predicted in standard errors; NaN where the fit forces agreement.

        >>> one = np.ones(1)
        >>> ResidualMoments(100, one, one, one).studentised(0 * one)
        array([10.])
        """
        size = np.hypot(self.measured, self.standard_deviation)
        rounding = _FORCED * self.standard_deviation + _ROUNDING * size
        error = self.residual_deviation / np.sqrt(self.count)
        result: Array = np.full(error.shape, np.nan)
        np.divide(self.measured - predicted, error, out=result, where=self.residual_deviation > rounding)
        return result


def residual_moments(chunks: Iterable[tuple[Array, Array]], gradient: Array) -> ResidualMoments:
    """The moments of psi = values - influence . gradient^T, accumulated over chunks of matrices.

    Args:
        chunks: pairs of values (k, graphs) of the invariants, which are overwritten, and influences (k, parameters)
            of k matrices.
        gradient: (graphs, parameters) of the expectation values.

    >>> values, influence = np.array([[1.0], [3.0]]), np.array([[-1.0], [1.0]])
    >>> moments = residual_moments([(values, influence)], np.ones((1, 1)))
    >>> moments.measured, moments.residual_deviation
    (array([2.]), array([0.]))
    """
    count = 0
    mean = np.zeros((2, len(gradient)))
    squares = np.zeros_like(mean)  # about the mean, of O and of psi; merged by the pairwise formula
    for values, influence in chunks:
        own = np.empty((2, 2, len(gradient)))
        residuals = _product(influence, gradient.T)
        np.subtract(values, residuals, out=residuals)
        own[0] = _mean_and_squares(values)
        own[1] = _mean_and_squares(residuals)
        total = count + len(values)
        shift = own[:, 0] - mean
        squares += own[:, 1] + shift**2 * (count * len(values) / total)
        mean += shift * (len(values) / total)
        count = total
    deviations = np.sqrt(squares / (count - 1))
    return ResidualMoments(count, mean[0], deviations[0], deviations[1])


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
        varies = (spread > _ROUNDING * size) & (spread < _SWAMPED * size)
        lost |= forced & varies & np.array([graph.degree > 2 for graph in graphs], dtype=bool)
    if lost.any():
        first = graphs[int(lost.argmax())].label
        raise ValueError(
            f"matrices must have a mean that does not swamp their spread, got standard errors that rounding hides "
            f"for {int(lost.sum())} of {len(graphs)} invariants, the first {first!r}; compare matrices less the mean "
            f"of their fit with a fit of their own, as gaussianity_test does"
        )


def _mean_and_squares(values: Array) -> tuple[Array, Array]:
    """Mean of each column, and sum of squares about it; in place, since fresh memory would cost more than the sums."""
    mean: Array = values.mean(axis=0)
    values -= mean
    return mean, np.einsum("ng,ng->g", values, values)


def _product(left: Array, right: Array) -> Array:
    """left @ right, in slices for which OpenBLAS starts no threads: they would fight with the bootstrap's."""
    result = np.empty((len(left), right.shape[1]))
    rows = max(1, _SINGLE_THREAD // right.size)
    for start in range(0, len(left), rows):
        np.matmul(left[start : start + rows], right, out=result[start : start + rows])
    return result


def graph_columns(graphs: Iterable[Multigraph]) -> dict[str, list[str | int | None]]:
    """The columns by which tables name graphs: graph (its label), name (if it has one), formula, degree, nodes.

    >>> graph_columns([Multigraph([(0, 1)])])
    {'graph': ['01'], 'name': ['sum M'], 'formula': ['sum_ij M_ij'], 'degree': [1], 'nodes': [2]}
    """
    rows = tuple(graphs)
    return {
        "graph": [graph.label for graph in rows],
        "name": [graph.name for graph in rows],
        "formula": [graph.formula for graph in rows],
        "degree": [graph.degree for graph in rows],
        "nodes": [graph.number_of_nodes for graph in rows],
    }
