"""The exact law of the fitted parameters under the Gaussian model: normal means, Wishart covariances, all independent.

With n matrices, mu^ ~ N(mu, G_0 / n) and n d G^ ~ Wishart(G, m) for each irrep, where d is its dimension, and
m = n - 1 for the trivial irrep, whose mean is fitted, m = n d for the others. (arXiv:1809.07559 has the model.)
Of a model given the trivial components the trivial irrep has no law; the others have the same one, from n = 1 on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...invariants.checks import checked_integer
from .blocks import parameters_from_blocks
from .gaussian import BlockGaussian

Array = NDArray[np.float64]


def degrees_of_freedom(model: BlockGaussian, count: int) -> tuple[int, ...]:
    """Degrees of freedom of the Wishart law of each irrep's covariance, fitted to `count` matrices.

    Args:
        model: the population.
        count: matrices.

    Returns:
        One for each irrep; 0 for the trivial irrep if its components are given.

    Source:
        J. Wishart, Biometrika 20A (1928) 32; derivation 7.

    >>> from pigmm.fitting import PIGMM
    >>> degrees_of_freedom(PIGMM.iid(10, variance=1.0), 100)
    (99, 900, 3500, 3600)
    """
    irreps = model.space.decomposition.irreps
    of_trivial = count - 1 if model.given is None else 0
    return tuple(of_trivial if i.is_trivial else count * d for i, d in zip(irreps, model.dimensions, strict=True))


def least_count(model: BlockGaussian) -> int:
    """The least number of matrices to which such a model can be fitted by maximum likelihood.

    Args:
        model: of all components, or given the trivial ones.

    Returns:
        The number, at least 1.

    >>> from pigmm.fitting import PIGMM
    >>> model = PIGMM.iid(10, variance=1.0)
    >>> least_count(model), least_count(model.given_those_of(np.ones((1, 10, 10))))
    (3, 1)
    """
    needed = [-(-len(covariance) // dimension) for dimension, covariance in model.varying]
    return max(needed) if model.given is not None else max(1 + len(model.means), *needed)


def standard_errors(model: BlockGaussian, count: int) -> Array:
    """Exact standard deviations of the parameters fitted to `count` matrices of a model.

    sd(mu^_x) = sqrt(G_xx / n), sd(G^_xy) = sqrt(m (G_xx G_yy + G_xy^2)) / (n d); see `degrees_of_freedom` for m.

    Args:
        model: the population.
        count: matrices, at least 1.

    Returns:
        (parameters,); zero for the trivial irrep if its components are given.

    Raises:
        ValueError: if the count is no such integer.

    Source:
        Derivation 7.

    >>> from pigmm.fitting import PIGMM
    >>> standard_errors(PIGMM.iid(4, variance=1.0), 100)[[0, 5]].round(4)  # 1 / sqrt(100), sqrt(2 / 300)
    array([0.1   , 0.0816])
    """
    checked_integer("count", count, least=1)
    blocks = []
    for m, d, g in zip(degrees_of_freedom(model, count), model.dimensions, model.covariances, strict=True):
        deviations = np.sqrt(np.diag(g))
        # G_xx G_yy by its root: squares of covariances may be out of range
        blocks.append(np.hypot(np.outer(deviations, deviations), g) * (np.sqrt(m) / (count * d)))
    return parameters_from_blocks(np.sqrt(np.diag(model.covariances[0]) / count), blocks)


def sample_estimates(
    model: BlockGaussian, count: int, replicates: int, seed: int | np.random.Generator | None = None
) -> Array:
    """Draw parameters as fits to `count` matrices of the model would give, without the matrices.

    Args:
        model: the population.
        count: matrices of each fit; one more than the copies of the trivial irrep at least, or as many as the fit
            needs if the trivial components are given.
        replicates: how many fits.
        seed: an integer or a numpy Generator.

    Returns:
        (replicates, parameters), NaN where the model's are not known.

    Raises:
        ValueError: if the count is too small.

    Source:
        J. Wishart, Biometrika 20A (1928) 32; M. S. Bartlett, Proc. R. Soc. Edinb. 53 (1933) 260.

    >>> from pigmm.fitting import PIGMM
    >>> sample_estimates(PIGMM.iid(4, variance=1.0), 100, 2, seed=0).shape
    (2, 13)
    """
    checked_integer("count", count, least=least_count(model))
    rng = np.random.default_rng(seed)
    blocks = []
    if model.given is None:
        root = np.linalg.cholesky(model.covariances[0])
        means = model.means + rng.standard_normal((replicates, len(root))) @ root.T / np.sqrt(count)
    else:
        means = np.tile(model.means, (replicates, 1))
        blocks.append(np.full((replicates, *model.covariances[0].shape), np.nan))
    freedom = degrees_of_freedom(model, count)[-len(model.varying) :]
    for m, (d, covariance) in zip(freedom, model.varying, strict=True):
        factor = np.linalg.cholesky(covariance) @ wishart_roots(replicates, len(covariance), m, rng)
        blocks.append(factor @ factor.swapaxes(-1, -2) / (count * d))
    return parameters_from_blocks(means, blocks)


def wishart_roots(count: int, copies: int, freedom: int, rng: np.random.Generator) -> Array:
    """Draw lower triangular B with independent entries, of which B B^T is a Wishart matrix of unit covariance.

    Args:
        count: of matrices.
        copies: rows.
        freedom: degrees of freedom, at least the copies.
        rng: of the draws.

    Returns:
        (count, copies, copies).

    Source:
        M. S. Bartlett, Proc. R. Soc. Edinb. 53 (1933) 260.

    >>> wishart_roots(2, 3, 5, np.random.default_rng(0)).shape
    (2, 3, 3)
    """
    triangle = np.tril(rng.standard_normal((count, copies, copies)), -1)
    index = np.arange(copies)
    triangle[:, index, index] = np.sqrt(rng.chisquare(freedom - index, size=(count, copies)))
    return triangle
