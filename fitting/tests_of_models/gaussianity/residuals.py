"""Residuals of invariants about the predictions of a model: their means and spreads over matrices, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....invariants.centred_sums import CentredSums

Array = NDArray[np.float64]

# A residual spread below this fraction of the invariant's own is rounding error: the fit forces it to zero.
_FORCED = 1e-9
ROUNDING = 1e-14  # of the values themselves, which a large mean swamps
# Multiplications in a product of matrices up to which OpenBLAS uses one thread.
_SINGLE_THREAD = 1 << 18


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
        """Divide measured - predicted by its standard error.

        Args:
            predicted: (graphs,) expectation values.

        Returns:
            (graphs,) z; NaN where the fit forces agreement.

        >>> one = np.ones(1)
        >>> ResidualMoments(100, one, one, one).studentised(0 * one)
        array([10.])
        """
        size = np.hypot(self.measured, self.standard_deviation)
        rounding = _FORCED * self.standard_deviation + ROUNDING * size
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

    Returns:
        Means and spreads of the invariants and of their residuals.

    >>> values, influence = np.array([[1.0], [3.0]]), np.array([[-1.0], [1.0]])
    >>> moments = residual_moments([(values, influence)], np.ones((1, 1)))
    >>> moments.measured, moments.residual_deviation
    (array([2.]), array([0.]))
    """
    total = CentredSums.empty(len(gradient)), CentredSums.empty(len(gradient))  # of O and of psi
    for values, influence in chunks:
        residuals = _product(influence, gradient.T)
        np.subtract(values, residuals, out=residuals)
        total = total[0] + _sums(values), total[1] + _sums(residuals)
    deviations = [np.sqrt(sums.squares / (sums.count - 1)) for sums in total]
    return ResidualMoments(total[0].count, total[0].mean, *deviations)


def _sums(values: Array) -> CentredSums:
    """The sums of values, in place, since fresh memory would cost more than the sums."""
    mean: Array = values.mean(axis=0)
    values -= mean
    return CentredSums(len(values), mean, np.einsum("ng,ng->g", values, values))


def _product(left: Array, right: Array) -> Array:
    """left @ right, in slices for which OpenBLAS starts no threads: they would fight with the bootstrap's."""
    result = np.empty((len(left), right.shape[1]))
    rows = max(1, _SINGLE_THREAD // right.size)
    for start in range(0, len(left), rows):
        np.matmul(left[start : start + rows], right, out=result[start : start + rows])
    return result
