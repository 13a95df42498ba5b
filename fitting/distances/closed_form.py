"""Distances between Gaussian models in closed form: sums over irreps, each with its dimension as weight.

Two laws given the trivial components are compared as laws of the other components, given the same trivial ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import hyp2f1

from ..model.gaussian import BlockGaussian

Array = NDArray[np.float64]


def wasserstein_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """The 2-Wasserstein distance W_2 (the square root; in units of a matrix entry).

    arXiv:2510.05218 plots its square; see `wasserstein_distance_squared`.

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        W_2.

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        D. C. Dowson and B. V. Landau, J. Multivariate Anal. 12 (1982) 450; used for these models in arXiv:2510.05218.

    >>> from pigmm.fitting import PIGMM
    >>> wasserstein_distance(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=4.0))
    4.0
    """
    return float(np.sqrt(wasserstein_distance_squared(p, q)))


def wasserstein_distance_squared(p: BlockGaussian, q: BlockGaussian) -> float:
    """W_2 squared: the squared distance of the means plus the Bures distances of the blocks.

    Between covariances A = K K^T and B = L L^T the Bures distance is the least |K - L U| over orthogonal U
    (Bhatia, Jain and Lim, arXiv:1712.01504, theorem 1); unlike the textbook's
    tr(A + B - 2 (A^1/2 B A^1/2)^1/2) it loses no digits when A is near B.

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        W_2 squared, in units of the square of an entry.

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        D. C. Dowson and B. V. Landau, J. Multivariate Anal. 12 (1982) 450; used for these models in arXiv:2510.05218.

    >>> from pigmm.fitting import PIGMM
    >>> wasserstein_distance_squared(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=1.0, mean=0.5))
    4.0
    """
    _check_same_space(p, q)
    total = 0.0 if p.given is not None else float(np.square(p.means - q.means).sum())
    for (dimension, a), (_, b) in zip(p.varying, q.varying, strict=True):
        k, l = np.linalg.cholesky(a), np.linalg.cholesky(b)
        left, _, right = np.linalg.svd(l.T @ k)
        total += dimension * float(np.square(k - l @ (left @ right)).sum())
    return total


def kl_divergence(p: BlockGaussian, q: BlockGaussian) -> float:
    """The Kullback-Leibler divergence KL(p || q), in nats.

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        KL(p || q), not negative.

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        S. Kullback and R. A. Leibler, Ann. Math. Statist. 22 (1951) 79.

    >>> from pigmm.fitting import PIGMM
    >>> round(kl_divergence(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=2.0)), 4)  # 16 (log 2 - 1/2) / 2
    1.5452
    """
    _check_same_space(p, q)
    total = 0.5 * _squared_shift(p, q, q.covariances[0])
    for dimension, pair in _pairs(p, q):
        if (x := pair.small_differences) is not None:
            # x - log(1 + x) without its cancellation
            total += 0.5 * dimension * float((x**2 / 2 * hyp2f1(1, 2, 3, -x)).sum())
        else:
            logarithms = pair.log_determinant_of_first - pair.log_determinant_of_second
            total += 0.5 * dimension * (pair.first_in_second - pair.copies - logarithms)
    return total


def jeffreys_divergence(p: BlockGaussian, q: BlockGaussian) -> float:
    """KL(p || q) + KL(q || p), in nats; symmetric.

    With x the eigenvalues of B^-1 (A - B) for the covariances A of p and B of q, the logarithms cancel:
    the sum of x^2 / (1 + x), by two, and |mean_p - mean_q|^2 in the metric (A^-1 + B^-1) / 2.

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        The divergence, not negative.

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        H. Jeffreys, Proc. R. Soc. Lond. A 186 (1946) 453.

    >>> from pigmm.fitting import PIGMM
    >>> round(jeffreys_divergence(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=2.0)), 12)  # 16 (1/2 + 2 - 2) / 2
    4.0
    """
    _check_same_space(p, q)
    total = 0.5 * (_squared_shift(p, q, p.covariances[0]) + _squared_shift(p, q, q.covariances[0]))
    for dimension, pair in _pairs(p, q):
        if (x := pair.small_differences) is not None:
            total += 0.5 * dimension * float((x**2 / (1 + x)).sum())
        else:
            total += 0.5 * dimension * (pair.first_in_second + pair.second_in_first - 2 * pair.copies)
    return total


def bhattacharyya_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """-log of the integral of sqrt(p q), in nats; symmetric.

    |mean_p - mean_q|^2 / 8 in the metric of the average covariance (A + B) / 2, and
    log [det((A + B) / 2) / sqrt(det A det B)] / 2, which is the sum of log(1 + x^2 / (4 (1 + x))) / 4 over the
    eigenvalues x of B^-1 (A - B).

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        The distance, not negative.

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        A. Bhattacharyya, Bull. Calcutta Math. Soc. 35 (1943) 99.

    >>> from pigmm.fitting import PIGMM
    >>> round(bhattacharyya_distance(PIGMM.iid(4, 1.0), PIGMM.iid(4, 4.0)), 4)  # 16 log(5 / 4) / 2
    1.7851
    """
    _check_same_space(p, q)
    total = 0.125 * _squared_shift(p, q, (p.covariances[0] + q.covariances[0]) / 2)
    for dimension, pair in _pairs(p, q):
        if (x := pair.small_differences) is not None:
            total += 0.25 * dimension * float(np.log1p(x**2 / (4 * (1 + x))).sum())
        else:
            ends = pair.log_determinant_of_first + pair.log_determinant_of_second
            total += 0.5 * dimension * (pair.log_determinant_of_average - ends / 2)
    return total


def hellinger_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """The root of half the integral of (sqrt p - sqrt q)^2, between 0 and 1: sqrt(1 - exp(-Bhattacharyya distance)).

    Args:
        p: a model.
        q: a model on the same space.

    Returns:
        The distance, in [0, 1].

    Raises:
        ValueError: if the models are on different spaces.

    Source:
        A. Bhattacharyya, Bull. Calcutta Math. Soc. 35 (1943) 99.

    >>> from pigmm.fitting import PIGMM
    >>> round(hellinger_distance(PIGMM.iid(4, 1.0), PIGMM.iid(4, 4.0)), 4)
    0.9123
    """
    return float(np.sqrt(-np.expm1(-bhattacharyya_distance(p, q))))


def _squared_shift(p: BlockGaussian, q: BlockGaussian, covariance: Array) -> float:
    """Squared distance of the means in the metric of the inverse of a covariance of the trivial irrep.

    Zero if the trivial components are given: the laws are compared given the same ones.
    """
    if p.given is not None:
        return 0.0
    root = _root(covariance)
    return float(np.square(_solve(root, p.means - q.means)).sum())


@dataclass(frozen=True)
class _Pair:
    """The covariances A = K K^T and B = L L^T of one irrep in two models.

    Divergences are sums over the eigenvalues 1 + x of B^-1 A. Where all x are small, x itself keeps the digits. Where
    one is not, the eigenvalues may differ by many orders, and the small ones would be lost beside the large ones;
    traces and determinants, from triangular roots, are then accurate and cancel no more than a digit.
    """

    first: Array
    second: Array

    @property
    def copies(self) -> int:
        return len(self.first)

    @property
    def small_differences(self) -> Array | None:
        """The eigenvalues x of B^-1 (A - B); None if one is above 1/2 in size."""
        root = _root(self.second)
        relative = _solve(root, _solve(root, self.first - self.second).T)
        x = np.asarray(np.linalg.eigvalsh(relative), dtype=np.float64)
        return x if np.abs(x).max() < 0.5 else None

    @property
    def first_in_second(self) -> float:
        """tr B^-1 A."""
        return _trace_ratio(self.first, self.second)

    @property
    def second_in_first(self) -> float:
        """tr A^-1 B."""
        return _trace_ratio(self.second, self.first)

    @property
    def log_determinant_of_first(self) -> float:
        return _log_determinant(self.first)

    @property
    def log_determinant_of_second(self) -> float:
        return _log_determinant(self.second)

    @property
    def log_determinant_of_average(self) -> float:
        """log det (A + B) / 2."""
        return _log_determinant((self.first + self.second) / 2)


def _pairs(p: BlockGaussian, q: BlockGaussian) -> Iterator[tuple[int, _Pair]]:
    """For each irrep that varies its dimension and the covariances of p and q."""
    for (dimension, a), (_, b) in zip(p.varying, q.varying, strict=True):
        yield dimension, _Pair(a, b)


def _trace_ratio(a: Array, b: Array) -> float:
    """tr b^-1 a, as the squared norm of L^-1 K: a sum of positive terms."""
    return float(np.square(_solve(_root(b), _root(a))).sum())


def _log_determinant(a: Array) -> float:
    return 2 * float(np.log(np.diag(_root(a))).sum())


def _root(a: Array) -> Array:
    """The lower triangular Cholesky root."""
    return np.asarray(np.linalg.cholesky(a), dtype=np.float64)


def _solve(root: Array, right: Array) -> Array:
    """root^-1 right, root lower triangular: substitution keeps digits where a general solver would pivot.

    In numpy, since the blocks have a few rows: LAPACK's routine takes locks and threads for them, up to milliseconds.
    """
    solution = np.empty_like(right)
    for row, diagonal in enumerate(np.diag(root)):
        solution[row] = (right[row] - root[row, :row] @ solution[:row]) / diagonal
    return solution


def _check_same_space(p: BlockGaussian, q: BlockGaussian) -> None:
    if p.space != q.space:
        raise ValueError(f"models must be on the same space, got {p.space} and {q.space}")
    if (p.given is None) != (q.given is None):
        raise ValueError("models must be both of all components or both given the trivial ones, got one of each")
