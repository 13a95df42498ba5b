"""Expectation values to first order in the couplings, about the Gaussian that has the same means and covariances.

A coupling theta_g shifts every invariant by Cov(O_G, O_g) theta_g, and with them the means and covariances of the
matrices. The Gaussian is fitted to these, so what is left is the covariance of residuals psi_G = O_G - D_G T: T are the
linear and quadratic invariants, D_G = Cov(O_G, T) Cov(T, T)^{-1} = d<O_G>/d<T>.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ...invariants.evaluation.evaluate import evaluate
from ...invariants.expectation.compiled import expectation_map
from ...invariants.expectation.maps import statistics_graphs
from ...invariants.graphs.bases import multiply
from ...invariants.graphs.multigraph import Multigraph
from ..model.gaussian import BlockGaussian

Array = NDArray[np.float64]


def residual_covariances(
    gaussian: BlockGaussian, graphs: Sequence[Multigraph], couplings: Sequence[Multigraph]
) -> Array:
    """Exact covariances Cov(psi_G, psi_g) of the residuals of invariants after the fit of a Gaussian model.

    Each pair is an expectation value of degree deg G + deg g by Wick's theorem, which takes some 0.2 s for two quartic
    graphs the first time. They are symbolic in the parameters, and remembered.

    Args:
        gaussian: of all components.
        graphs: G.
        couplings: g.

    Returns:
        (len(graphs), len(couplings)).

    Source:
        Derivations 4 and 7.

    >>> from pigmm.fitting import PIGMM
    >>> cubes = Multigraph([(0, 1)] * 3)  # of one normal number x, x^3 - 3 x has the variance 6
    >>> residual_covariances(PIGMM.iid(4, variance=1.0), [cubes], [cubes]).round(9)
    array([[96.]])
    """
    family, sizes = gaussian.space.decomposition.family, gaussian.space.sizes
    statistics = statistics_graphs(family)

    def covariances(first: Sequence[Multigraph], second: Sequence[Multigraph]) -> Array:
        pairs = [multiply(a, b) for a, b in product(first, second)]
        together = expectation_map(pairs, sizes, family)(gaussian.parameters).reshape(len(first), len(second))
        found: Array = together - np.multiply.outer(gaussian.expectation(first), gaussian.expectation(second))
        return found

    by_parameters = gaussian.expectation_gradient(statistics)
    slopes = [np.linalg.solve(by_parameters.T, gaussian.expectation_gradient(g).T).T for g in (graphs, couplings)]
    of_statistics = covariances(statistics, statistics)
    return covariances(graphs, couplings) - slopes[0] @ of_statistics @ slopes[1].T


def simulated_shift(
    gaussian: BlockGaussian,
    graphs: Sequence[Multigraph],
    couplings: Sequence[Multigraph],
    theta: Array,
    count: int,
    seed: int | np.random.Generator | None,
) -> tuple[Array, Array]:
    """sum_g Cov(psi_G, psi_g) theta_g from draws of the Gaussian, with standard errors.

    Args:
        gaussian: of all components.
        graphs: G.
        couplings: g.
        theta: (len(couplings),).
        count: of draws, more than there are linear and quadratic graphs.
        seed: an integer or a numpy Generator.

    Returns:
        (len(graphs),) shifts and their errors.

    >>> from pigmm.fitting import PIGMM
    >>> cubes = Multigraph([(0, 1)] * 3)
    >>> simulated_shift(PIGMM.iid(4, variance=1.0), [cubes], [cubes], np.array([0.5]), 100_000, seed=0)[0].round(0)
    array([48.])
    """
    family = gaussian.space.decomposition.family
    statistics = statistics_graphs(family)
    matrices = gaussian.sample(count, seed)
    values = evaluate(matrices, [*statistics, *graphs, *couplings], family=family)
    values -= values.mean(axis=0)
    known, wanted = values[:, : len(statistics)], values[:, len(statistics) :]
    residuals = wanted - known @ np.linalg.lstsq(known, wanted, rcond=None)[0]
    products = residuals[:, : len(graphs)] * (residuals[:, len(graphs) :] @ theta)[:, None]
    return products.sum(axis=0) / (count - len(statistics) - 1), products.std(axis=0) / np.sqrt(count)
