"""How many kinds of matrices does an ensemble have?"""

from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...invariants.checks import checked_integer
from ...invariants.representation.spaces import MatrixSpace, irrep_dimensions, space_of
from ..model.blocks import parameters_from_blocks
from ..model.pigmm import gaussian_class
from ..model.sampling_law import wishart_roots
from ..model.sufficient_statistics import checked_batch
from .expectation_maximisation import WhiteMixture, fit_mixture
from .moments_of_each import whitened_moments

Array = NDArray[np.float64]


def number_of_components(
    matrices: ArrayLike,
    most: int = 4,
    seed: int = 0,
    *,
    space: MatrixSpace | None = None,
    replicates: int = 99,
    starts: int = 4,
    level: float = 0.05,
) -> pd.DataFrame:
    """Mixtures of one, two, ... components, each tested against one component fewer by a parametric bootstrap.

    The likelihood ratio of mixtures has no chi^2 law: under the null the component that is too many can be anywhere. So
    ensembles are drawn from the smaller mixture, and both are fitted to them with the same number of starts. Only the
    moments that enter are drawn, by their exact law. A p-value assumes that the components are Gaussian: an ensemble of
    one kind and heavy tails asks for several components too, and `held_out_scores` says which model predicts better.

    Args:
        matrices: (n, rows, columns), finite, n at least 3.
        most: components, at least 1. The table ends before it with the first number that is not significantly better.
        seed: of the starts and the bootstrap.
        space: the permutations assumed, as in `BlockGaussian.fit`.
        replicates: ensembles of each bootstrap, at least 19.
        starts: of each fit, at least 1.
        level: the largest p-value for which one component more is tried.

    Returns:
        A row for each number (index components), with the columns parameters, log_likelihood, bic, likelihood_ratio
        (twice the logarithm, against one fewer) and p_bootstrap.

    Raises:
        ValueError: as `BlockGaussian.fit`; if a number is too small.

    Source:
        G. J. McLachlan, J. R. Statist. Soc. C 36 (1987) 318.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = np.concatenate([PIGMM.iid(5, 1.0).sample(40, seed=0), PIGMM.iid(5, 4.0).sample(40, seed=1)])
    >>> number_of_components(matrices, replicates=19).p_bootstrap.round(2).tolist()
    [nan, 0.05, 0.3]
    """
    checked_integer("replicates", replicates, least=19)
    checked_integer("starts", starts, least=1)
    batch = checked_batch(matrices, space)
    space = space_of(batch.shape[1:]) if space is None else space
    if checked_integer("most", most, least=1) > len(batch):
        raise ValueError(f"most must be at most the number of matrices, {len(batch)}, got {most}")
    pooled = gaussian_class(space).fit(batch, space)
    moments = whitened_moments(pooled, batch)
    dimensions = irrep_dimensions(space)
    # densities of the matrices themselves are those of the white ones over the volume that whitening magnifies
    logs = (d * float(np.linalg.slogdet(g)[1]) for d, g in zip(dimensions, pooled.covariances, strict=True))
    volume = 0.5 * len(batch) * sum(logs)
    rows: list[dict[str, float]] = []
    smaller: WhiteMixture | None = None
    for components in range(1, most + 1):
        fitted = fit_mixture(space, moments, components, starts, seed)
        likelihood = fitted.log_likelihood(moments) - volume
        parameters = components * (len(pooled.parameters) + 1) - 1
        row = {"components": components, "parameters": parameters, "log_likelihood": likelihood}
        row["bic"] = parameters * log(len(batch)) - 2 * likelihood
        if smaller is not None:
            row["likelihood_ratio"] = 2 * (likelihood - rows[-1]["log_likelihood"])
            drawn = _drawn_ratios(smaller, len(batch), starts, replicates, seed)
            row["p_bootstrap"] = float((1 + (drawn >= row["likelihood_ratio"]).sum()) / (1 + replicates))
        rows.append(row)
        if smaller is not None and row["p_bootstrap"] > level:
            break
        smaller = fitted
    columns = ["components", "parameters", "log_likelihood", "bic", "likelihood_ratio", "p_bootstrap"]
    return pd.DataFrame(rows, columns=columns).astype({"components": int, "parameters": int}).set_index("components")


def _drawn_ratios(null: WhiteMixture, count: int, starts: int, replicates: int, seed: int) -> Array:
    """Likelihood ratios of one component more (replicates,) where a mixture is true."""
    components = len(null.weights)
    ratios = np.empty(replicates)
    for number in range(replicates):
        moments = drawn_moments(null, count, np.random.default_rng((seed, components, number)))
        both = [fit_mixture(null.space, moments, k, starts, seed) for k in (components, components + 1)]
        smaller, larger = (mixture.log_likelihood(moments) for mixture in both)
        ratios[number] = 2 * (larger - smaller)
    return ratios


def drawn_moments(mixture: WhiteMixture, count: int, rng: np.random.Generator) -> Array:
    """Draw `moments_of_each` of matrices of a mixture by their exact law: normal, and Wishart for the other irreps.

    Args:
        mixture: in white coordinates.
        count: of matrices.
        rng: of the draws.

    Returns:
        (count, parameters).

    Source:
        M. S. Bartlett, Proc. R. Soc. Edinb. 53 (1933) 260.
    """
    kinds = rng.choice(len(mixture.weights), size=count, p=mixture.weights)
    roots = [np.linalg.cholesky(block)[kinds] for block in mixture.covariances]
    means = mixture.means[kinds]
    trivial = means + (roots[0] @ rng.standard_normal((*means.shape, 1)))[..., 0]
    blocks = [trivial[:, :, None] * trivial[:, None, :]]
    for root, dimension in zip(roots[1:], irrep_dimensions(mixture.space)[1:], strict=True):
        copies = root.shape[-1]
        if dimension < copies:  # of a singular Wishart matrix the components themselves are drawn
            part = root @ rng.standard_normal((count, copies, dimension))
            blocks.append(part @ part.swapaxes(-1, -2))
            continue
        factor = root @ wishart_roots(count, copies, dimension, rng)
        blocks.append(factor @ factor.swapaxes(-1, -2))
    return parameters_from_blocks(trivial, blocks)
