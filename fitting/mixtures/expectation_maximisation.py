"""Mixtures by expectation maximisation, on the moments of each matrix.

Coordinates are those in which all matrices together are white noise. There a covariance of nearly 1 is what a component
is expected to have, and each is shrunk to that as if it had been seen in one number for each copy: the likelihood of an
unshrunk mixture has no maximum, since a component may close in upon a few matrices. A mixture of one component is the
pooled model itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
from numpy.typing import NDArray

from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions
from ..model.blocks import blocks_from_parameters, parameters_from_blocks

Array = NDArray[np.float64]

# Steps of every start, before the best ones go on; and of those at most.
_FIRST_STEPS, _MOST_STEPS = 30, 2000
_STARTS_THAT_GO_ON = 2
# Nats by which ten steps must raise the likelihood for more to be made.
_TOLERANCE = 1e-2
_STEPS_AT_A_TIME = 10


@dataclass(frozen=True, eq=False)
class WhiteMixture:
    """A mixture in the coordinates in which the pooled model is white noise.

    Args:
        space: of the matrices.
        weights: (components,), positive, of sum 1.
        means: (components, copies of the trivial irrep).
        covariances: for each irrep (components, copies, copies).
    """

    space: MatrixSpace
    weights: Array
    means: Array
    covariances: tuple[Array, ...]

    def joint_log_densities(self, moments: Array) -> Array:
        """Logarithm of weight times density of each component at each matrix (n, components)."""
        inverses = [np.linalg.inv(block) for block in self.covariances]
        linear = (inverses[0] @ self.means[:, :, None])[..., 0]
        # the diagonal of an inverse counts once in x^T P x, an element above it twice
        halved = [np.where(np.eye(block.shape[-1], dtype=bool), -0.5, -1.0) * block for block in inverses]
        coefficients = parameters_from_blocks(linear, halved)
        constants = -0.5 * (linear * self.means).sum(axis=1)
        for dimension, block in zip(irrep_dimensions(self.space), self.covariances, strict=True):
            logarithm = np.linalg.slogdet(block)[1]
            constants = constants - 0.5 * dimension * (logarithm + block.shape[-1] * log(2 * pi))
        result: Array = moments @ coefficients.T + constants + np.log(self.weights)
        return result

    def log_likelihood(self, moments: Array) -> float:
        """Logarithm of the likelihood of the matrices (n, parameters), in these coordinates."""
        return self.expected(moments)[1]

    def expected(self, moments: Array) -> tuple[Array, float]:
        """Probability of each component given each matrix (n, components), and the log-likelihood."""
        joint = self.joint_log_densities(moments)
        largest = joint.max(axis=1, keepdims=True)
        shares = np.exp(joint - largest)
        sums = shares.sum(axis=1, keepdims=True)
        return shares / sums, float((largest + np.log(sums)).sum())


def fit_mixture(space: MatrixSpace, moments: Array, components: int, starts: int, seed: int) -> WhiteMixture:
    """The mixture of the largest likelihood that is found from several starts.

    A start takes the matrices nearest to some that are drawn far from each other (k-means++). All make a few steps; the
    best ones go on until the likelihood rises no more.

    Args:
        space: of the matrices.
        moments: (n, parameters) of the white matrices.
        components: how many, at least 1.
        starts: at least 1.
        seed: of the starts.

    Returns:
        The mixture, the components in falling order of their weights.

    Source:
        A. P. Dempster, N. M. Laird, D. B. Rubin, J. R. Statist. Soc. B 39 (1977) 1; C. Fraley, A. E. Raftery, J.
        Classif. 24 (2007) 155 for the shrinkage; C. Biernacki, G. Celeux, G. Govaert, Comput. Stat. Data Anal. 41
        (2003) 561 for short starts.
    """
    if components == 1:
        return ordered(maximised(space, moments, np.ones((len(moments), 1))))
    deviations = moments.std(axis=0)
    points = (moments - moments.mean(axis=0)) / np.where(deviations > 0, deviations, 1.0)
    begun = []
    for start in range(starts):
        mixture = maximised(space, moments, _distant_groups(points, components, np.random.default_rng((seed, start))))
        begun.append(_improved(space, moments, mixture, _FIRST_STEPS))
    best = sorted(begun, key=lambda each: -each[1])[:_STARTS_THAT_GO_ON]
    return ordered(max((_converged(space, moments, *each) for each in best), key=lambda each: each[1])[0])


def maximised(space: MatrixSpace, moments: Array, responsibilities: Array) -> WhiteMixture:
    """The mixture that is likeliest if each matrix belongs to the components in these parts.

    Args:
        space: of the matrices.
        moments: (n, parameters).
        responsibilities: (n, components), rows of sum 1.

    Returns:
        The mixture; covariances are shrunk as the head of this file says.
    """
    counts = np.maximum(responsibilities.sum(axis=0), np.finfo(np.float64).tiny)
    sums, scatter = blocks_from_parameters(space, responsibilities.T @ moments)
    means = sums / counts[:, None]
    centred = (scatter[0] - sums[:, :, None] * means[:, None, :], *scatter[1:])
    covariances = []
    for block, dimension in zip(centred, irrep_dimensions(space), strict=True):
        copies = block.shape[-1]
        covariances.append((block + copies * np.eye(copies)) / (counts * dimension + copies)[:, None, None])
    return WhiteMixture(space, counts / counts.sum(), means, tuple(covariances))


def ordered(mixture: WhiteMixture) -> WhiteMixture:
    """The same mixture, its components in falling order of their weights."""
    order = np.argsort(-mixture.weights, kind="stable")
    blocks = tuple(block[order] for block in mixture.covariances)
    return WhiteMixture(mixture.space, mixture.weights[order], mixture.means[order], blocks)


def _improved(space: MatrixSpace, moments: Array, mixture: WhiteMixture, steps: int) -> tuple[WhiteMixture, float]:
    """The mixture after so many steps, and its log-likelihood."""
    for _ in range(steps):
        mixture = maximised(space, moments, mixture.expected(moments)[0])
    return mixture, mixture.log_likelihood(moments)


def _converged(
    space: MatrixSpace, moments: Array, mixture: WhiteMixture, likelihood: float
) -> tuple[WhiteMixture, float]:
    for _ in range(0, _MOST_STEPS, _STEPS_AT_A_TIME):
        before = likelihood
        mixture, likelihood = _improved(space, moments, mixture, _STEPS_AT_A_TIME)
        if likelihood - before < _TOLERANCE:
            break
    return mixture, likelihood


def _distant_groups(points: Array, components: int, rng: np.random.Generator) -> Array:
    """Responsibilities (n, components) of 0 and 1: the nearest of some points drawn by k-means++."""
    chosen = [int(rng.integers(len(points)))]
    distances = np.square(points - points[chosen[0]]).sum(axis=1)[:, None]
    for _ in range(components - 1):
        least = distances.min(axis=1)
        total = float(least.sum())
        probabilities = least / total if total > 0 else None
        chosen.append(int(rng.choice(len(points), p=probabilities)))
        distances = np.hstack([distances, np.square(points - points[chosen[-1]]).sum(axis=1)[:, None]])
    nearest: Array = np.eye(components)[distances.argmin(axis=1)]
    return nearest
