"""Means over networks with their errors, and tests of expected means."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t


def mean_and_error(values: ArrayLike) -> tuple[float, float]:
    """Return a mean and its standard error.

    Args:
        values: (networks,), at least 2.

    Returns:
        Both.

    >>> mean_and_error([1.0, 3.0])
    (2.0, 1.0)
    """
    x = np.asarray(values, dtype=float)
    return float(x.mean()), float(x.std(ddof=1) / np.sqrt(len(x)))


def p_of_mean(values: ArrayLike, expected: float) -> float:
    """Return the two-sided p-value of a mean, by Student's t.

    Args:
        values: (networks,), at least 2.
        expected: the mean under the hypothesis.

    Returns:
        The p-value.

    >>> round(p_of_mean([1.0, 2.0, 3.0], 2.0), 3), round(p_of_mean([1.0, 1.1, 0.9], 2.0), 4)
    (1.0, 0.0033)
    """
    mean, error = mean_and_error(values)
    if error == 0:
        return 1.0 if mean == expected else 0.0
    return float(2 * t.sf(abs(mean - expected) / error, np.size(values) - 1))
