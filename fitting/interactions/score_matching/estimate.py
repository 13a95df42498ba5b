"""The score-matching estimate theta = -K^{-1} b and its sandwich covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from .statistics import ScoreStatistics, score_values

Array = NDArray[np.float64]

# The least eigenvalue of K, each graph of gradient one, below which graphs follow from each other; and how many
# rounding errors of the entries it must be.
_LEAST_EIGENVALUE, _ROUNDINGS = 1e-10, 10


@dataclass(frozen=True, eq=False)
class ScoreEstimate:
    """Coefficients of all graphs in log p, and their covariance.

    Args:
        theta: (graphs,).
        covariance: (graphs, graphs), of the estimates.
    """

    theta: Array
    covariance: Array

    def rescaled(self, factors: Array) -> ScoreEstimate:
        """The estimate with each coefficient multiplied by a number.

        Args:
            factors: (graphs,).

        Returns:
            The estimate.
        """
        return ScoreEstimate(self.theta * factors, self.covariance * np.multiply.outer(factors, factors))


def score_estimate(statistics: ScoreStatistics, ridge: float = 0.0) -> ScoreEstimate:
    """Minimise the objective theta K theta / 2 + theta b, for the matrices divided by their power of two.

    With the scores s_i = K_i theta + b_i of the matrices, the covariance of the estimate is K^{-1} S K^{-1} / n, S the
    second moment of the scores: it holds for any law of the matrices.

    Args:
        statistics: of the matrices.
        ridge: lambda of the penalty (lambda / 2) sum_g K_gg theta_g^2 over the couplings, which is free of scale.

    Returns:
        The estimate. `rescale` brings it to the units of the matrices.

    Raises:
        ValueError: if the graphs are so nearly dependent on these matrices that rounding decides; says which.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695; Comput. Stat. Data Anal. 51 (2007) 2499, for exponential
        families.

    >>> matrices = np.random.default_rng(0).normal(size=(2000, 4, 4))
    >>> estimate = score_estimate(ScoreStatistics.of(matrices, ["sum M_ij^4"]))
    >>> bool(abs(estimate.theta[-1]) < 3 * estimate.covariance[-1, -1] ** 0.5)
    True
    """
    k, b = statistics.terms.equations(statistics.sums.mean)
    first = len(k) - len(statistics.couplings)
    norms = np.sqrt(np.diag(k))
    if not (norms > 0).all():
        raise ValueError(
            f"matrices must have gradients of every graph, got none of {statistics.graphs[int(norms.argmin())].label!r}"
        )
    unit = k / np.multiply.outer(norms, norms)
    _check_regular(statistics, unit)
    unit[np.arange(first, len(k)), np.arange(first, len(k))] += ridge
    factor = cho_factor(unit)
    theta: Array = -cho_solve(factor, b / norms) / norms
    scores = statistics.terms.scores(theta)[:, 1:]
    spread = scores @ statistics.sums.squares @ scores.T / statistics.count / np.multiply.outer(norms, norms)
    covariance = cho_solve(factor, cho_solve(factor, spread).T) / np.multiply.outer(norms, norms) / statistics.count
    return ScoreEstimate(theta, (covariance + covariance.T) / 2)


def rescale(estimate: ScoreEstimate, statistics: ScoreStatistics) -> ScoreEstimate:
    """Bring an estimate to the units of the matrices: theta_g of a graph of degree k is divided by scale^k.

    Args:
        estimate: for the matrices divided by their power of two.
        statistics: which it is from.

    Returns:
        The estimate.

    Raises:
        ValueError: if coefficients exceed the range of float64.

    >>> statistics = ScoreStatistics.of(8 * np.random.default_rng(0).normal(size=(2000, 4, 4)), ["sum M_ij^4"])
    >>> estimate = score_estimate(statistics)
    >>> float(rescale(estimate, statistics).theta[-1] / estimate.theta[-1]) * 8**4
    1.0
    """
    degrees = np.array([graph.degree for graph in statistics.graphs], dtype=int)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        found = estimate.rescaled(np.ldexp(1.0, -statistics.exponent * degrees))
    if not np.isfinite(found.covariance).all() or not (np.diag(found.covariance) > 0).all():
        raise ValueError(
            f"matrices must be of a scale at which couplings are in the range of float64, got 2^{statistics.exponent}"
        )
    return found


def score_influence(statistics: ScoreStatistics, estimate: ScoreEstimate, matrices: Array) -> Array:
    """Compute the influence -K^{-1} (K_i theta + b_i) of each matrix on the coefficients, in units of the matrices.

    Its mean over the matrices of a fit is zero, and its covariance divided by n is that of the estimates.

    Args:
        statistics: of the fit, without ridge.
        estimate: from them, as `score_estimate` returns it.
        matrices: (n, *shape).

    Returns:
        (n, graphs).

    Source:
        As `score_estimate`.

    >>> matrices = np.random.default_rng(0).normal(size=(500, 4, 4))
    >>> statistics = ScoreStatistics.of(matrices, ["sum M_ij^4"])
    >>> influence = score_influence(statistics, score_estimate(statistics), matrices)
    >>> bool(np.abs(influence.mean(axis=0)).max() < 1e-9)
    True
    """
    k, _ = statistics.terms.equations(statistics.sums.mean)
    scores = statistics.terms.scores(estimate.theta)
    values = score_values(matrices, statistics.space, statistics.terms, statistics.exponent)
    norms = np.sqrt(np.diag(k))
    unit = k / np.multiply.outer(norms, norms)
    influence = -cho_solve(cho_factor(unit), ((scores[:, :1] + scores[:, 1:] @ values.T) / norms[:, None])).T / norms
    degrees = np.array([graph.degree for graph in statistics.graphs], dtype=int)
    result: Array = influence * np.ldexp(1.0, -statistics.exponent * degrees)
    return result


def _check_regular(statistics: ScoreStatistics, unit: Array) -> None:
    values, vectors = np.linalg.eigh(unit)
    if values[0] <= max(_LEAST_EIGENVALUE, _ROUNDINGS * statistics.gaussian.rounding):
        weights = np.abs(vectors[:, 0])
        named = [repr(statistics.graphs[g].label) for g in np.argsort(-weights) if weights[g] > 0.1 * weights.max()]
        raise ValueError(
            f"graphs must be independent on these matrices, got {', '.join(named[:6])} that follow from each other "
            f"(least eigenvalue of K {values[0]:.1e})"
        )
