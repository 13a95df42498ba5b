"""Distances between Gaussian models in closed form: sums over irreps, each with its dimension as weight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..model.gaussian import BlockGaussian

Array = NDArray[np.float64]


def wasserstein_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """The 2-Wasserstein distance W_2 (the square root; in units of a matrix entry).

    arXiv:2510.05218 plots its square; see `wasserstein_distance_squared`.

    Raises:
        ValueError: if the models are on different spaces.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> wasserstein_distance(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=4.0))
    4.0
    """
    return float(np.sqrt(wasserstein_distance_squared(p, q)))


def wasserstein_distance_squared(p: BlockGaussian, q: BlockGaussian) -> float:
    """W_2 squared: the squared distance of the means plus the Bures distances of the blocks.

    Between covariances A = K K^T and B = L L^T the Bures distance is the least |K - L U| over orthogonal U
    (Bhatia, Jain and Lim, arXiv:1712.01504, theorem 1); unlike the textbook's
    tr(A + B - 2 (A^1/2 B A^1/2)^1/2) it loses no digits when A is near B.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> wasserstein_distance_squared(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=1.0, mean=0.5))
    4.0
    """
    _check_same_space(p, q)
    total = float(np.square(p.means - q.means).sum())
    for dimension, a, b in zip(p.dimensions, p.covariances, q.covariances, strict=True):
        k, l = np.linalg.cholesky(a), np.linalg.cholesky(b)
        left, _, right = np.linalg.svd(l.T @ k)
        total += dimension * float(np.square(k - l @ (left @ right)).sum())
    return total


def kl_divergence(p: BlockGaussian, q: BlockGaussian) -> float:
    """The Kullback-Leibler divergence KL(p || q), in nats.

    Raises:
        ValueError: if the models are on different spaces.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> round(kl_divergence(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=2.0)), 4)  # 16 (log 2 - 1/2) / 2
    1.5452
    """
    _check_same_space(p, q)
    total = 0.5 * _squared_shift(p, q, q.covariances[0])
    for dimension, x in _relative_differences(p, q):
        # of x = 0 nothing is left: exact also for models next to each other
        total += 0.5 * dimension * float((x - np.log1p(x)).sum())
    return total


def jeffreys_divergence(p: BlockGaussian, q: BlockGaussian) -> float:
    """KL(p || q) + KL(q || p), in nats; symmetric.

    With x the eigenvalues of B^-1 (A - B) for the covariances A of p and B of q, the logarithms cancel:
    the sum of x^2 / (1 + x), by two, and |mean_p - mean_q|^2 in the metric (A^-1 + B^-1) / 2.

    Raises:
        ValueError: if the models are on different spaces.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> round(jeffreys_divergence(PIGMM.iid(4, variance=1.0), PIGMM.iid(4, variance=2.0)), 12)  # 16 (1/2 + 2 - 2) / 2
    4.0
    """
    _check_same_space(p, q)
    total = 0.5 * (_squared_shift(p, q, p.covariances[0]) + _squared_shift(p, q, q.covariances[0]))
    for dimension, x in _relative_differences(p, q):
        total += 0.5 * dimension * float((x**2 / (1 + x)).sum())
    return total


def bhattacharyya_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """-log of the integral of sqrt(p q), in nats; symmetric.

    |mean_p - mean_q|^2 / 8 in the metric of the average covariance (A + B) / 2, and
    log [det((A + B) / 2) / sqrt(det A det B)] / 2, which is the sum of log(1 + x^2 / (4 (1 + x))) / 4 over the
    eigenvalues x of B^-1 (A - B).

    Raises:
        ValueError: if the models are on different spaces.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> round(bhattacharyya_distance(PIGMM.iid(4, 1.0), PIGMM.iid(4, 4.0)), 4)  # 16 log(5 / 4) / 2
    1.7851
    """
    _check_same_space(p, q)
    total = 0.125 * _squared_shift(p, q, (p.covariances[0] + q.covariances[0]) / 2)
    for dimension, x in _relative_differences(p, q):
        total += 0.25 * dimension * float(np.log1p(x**2 / (4 * (1 + x))).sum())
    return total


def hellinger_distance(p: BlockGaussian, q: BlockGaussian) -> float:
    """The root of half the integral of (sqrt p - sqrt q)^2, between 0 and 1: sqrt(1 - exp(-Bhattacharyya distance)).

    Raises:
        ValueError: if the models are on different spaces.

    >>> from pigmm.fitting.model.gaussian import PIGMM
    >>> round(hellinger_distance(PIGMM.iid(4, 1.0), PIGMM.iid(4, 4.0)), 4)
    0.9123
    """
    return float(np.sqrt(-np.expm1(-bhattacharyya_distance(p, q))))


def _squared_shift(p: BlockGaussian, q: BlockGaussian, covariance: Array) -> float:
    """Squared distance of the means in the metric of the inverse of a covariance of the trivial irrep."""
    shift = p.means - q.means
    return float(shift @ np.linalg.solve(covariance, shift))


def _relative_differences(p: BlockGaussian, q: BlockGaussian) -> Iterator[tuple[int, Array]]:
    """For each irrep its dimension and the eigenvalues of B^-1/2 (A - B) B^-1/2, A of p and B of q."""
    for dimension, a, b in zip(p.dimensions, p.covariances, q.covariances, strict=True):
        root = np.linalg.cholesky(b)
        yield dimension, np.linalg.eigvalsh(np.linalg.solve(root, np.linalg.solve(root, a - b).T))


def _check_same_space(p: BlockGaussian, q: BlockGaussian) -> None:
    if p.space != q.space:
        raise ValueError(f"models must be on the same space, got {p.space} and {q.space}")
