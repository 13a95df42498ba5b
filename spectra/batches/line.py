"""A straight line through means of unequal and estimated errors, with intervals and a goodness of fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import f, t

from ..checks import Array


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and its 95% interval, by Student's t with so many degrees of freedom.

    >>> round(Estimate(1.0, 0.5, 0.0, 2.0, 60.0).p_value(2.0), 2)
    0.05
    """

    value: float
    standard_error: float
    low: float
    high: float
    degrees_of_freedom: float

    def p_value(self, other: float) -> float:
        """Return the two-sided p-value that the number is another one.

        Args:
            other: what it is compared with.

        Returns:
            The p-value.
        """
        return float(2 * t.sf(abs(self.value - other) / self.standard_error, self.degrees_of_freedom))


@dataclass(frozen=True)
class Line:
    """A weighted fit of a straight line.

    Args:
        intercept, slope: with intervals by Student's t.
        p_value: of the departures from the line; NaN of two points.
    """

    intercept: Estimate
    slope: Estimate
    p_value: float


def fit_line(x: Array, means: Array, errors: Array, draws: Array) -> Line:
    """Fit a line to means, each weighted by its inverse squared error.

    Args:
        x: (points,), at least two different ones.
        means: (points,).
        errors: (points,), standard errors of the means, positive, estimated from the draws.
        draws: (points,), how many draws each mean is of, at least 4.

    Returns:
        The line. Intervals and p-value allow for the errors being estimates.

    Source:
        p-value: S. Johansen, Biometrika 67 (1980) 85; errors and degrees of freedom: M. G. Kenward and J. H. Roger,
        Biometrics 53 (1997) 983.

    >>> line = fit_line(np.arange(4.0), np.array([1.0, 3.1, 4.9, 7.0]), np.full(4, 0.1), np.full(4, 10))
    >>> round(line.slope.value, 3), bool(line.p_value > 0.1)
    (1.98, True)
    """
    weights, spare = errors**-2.0, draws - 1
    design = np.stack([np.ones_like(x), x], axis=1)
    covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
    influence = covariance @ design.T  # of each point on each coefficient, but for its weight
    coefficients = influence @ (weights * means)
    residuals = float((weights * (means - design @ coefficients) ** 2).sum())
    leverages = weights * np.einsum("pi,ip->p", design, influence)
    spread = np.diag(covariance)
    # estimated weights make the coefficients less sure than the covariance says
    errors_of = np.sqrt(spread + 4 * (influence**2 @ (weights * (1 - leverages) / spare)))
    degrees = spread**2 / ((influence**2 * weights) ** 2 @ (1 / spare))
    widths = t.isf(0.025, degrees) * errors_of
    intercept, slope = (
        Estimate(float(value), float(error), float(value - width), float(value + width), float(freedom))
        for value, error, width, freedom in zip(coefficients, errors_of, widths, degrees, strict=True)
    )
    return Line(intercept, slope, _goodness(residuals, leverages, draws))


def _goodness(residuals: float, leverages: Array, draws: Array) -> float:
    spare = len(draws) - 2
    if not spare:
        return float("nan")
    unsure = float(((1 - leverages) ** 2 / (draws - 1)).sum())
    scale = spare + 2 * unsure - 6 * unsure / (spare + 2)
    return float(f.sf(residuals / scale, spare, spare * (spare + 2) / (3 * unsure)))
