"""Nested models, from independent entries up to the full one, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, pi

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from ....invariants.checks import checked_integer
from ....invariants.representation.spaces import MatrixSpace, irrep_dimensions
from ...model.blocks import check_positive_definite, parameters_from_blocks
from ...model.gaussian import BlockGaussian
from ...model.pigmm import gaussian_class
from ...model.sampling_law import least_count, sample_estimates
from ...model.sufficient_statistics import SufficientStatistics
from ...model.trivial import trivial_components
from .restrictions import Blocks, Restriction, log_determinant, restrictions, unpacked

Array = NDArray[np.float64]


def nested_models(
    data: ArrayLike | SufficientStatistics | BlockGaussian,
    count: int | None = None,
    *,
    space: MatrixSpace | None = None,
    given_trivial: bool = False,
    replicates: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Nested Gaussian models with their likelihoods, tests of each against the next, AIC and BIC.

    The models are those of `restrictions(space)`. Twice the logarithm of the likelihood ratio is about chi^2 with the
    difference of the numbers of parameters as degrees of freedom. Its bootstrap refits ensembles of the smaller model,
    of which only the estimates are drawn, by their exact law. Both assume Gaussian entries: an ensemble that has the
    symmetry and is not Gaussian is rejected too often. `wald_tests` and `randomisation_test` do not assume it.

    Args:
        data: matrices (n, rows, columns), or their sufficient statistics, or the full model fitted to them and `count`.
        count: n, if `data` is a model.
        space: the permutations assumed, as in `BlockGaussian.fit`; models and statistics have their own.
        given_trivial: True for the laws given the trivial components of each matrix, for which one matrix is enough;
            a model that was fitted so implies it, and its `count`.
        replicates: replicates of the bootstrap, at least 1.
        seed: of the bootstrap.

    Returns:
        A row for each nested model (index "symmetry"), with the columns parameters, log_likelihood, aic (2 k - 2 l),
        bic (k log n - 2 l; given the trivial components n counts the numbers that vary), against (the model of its
        test), likelihood_ratio (twice the logarithm), degrees_of_freedom, p_chi2, p_bootstrap, and left_out: why a
        model has no numbers (too few matrices, or no variance in some irrep).

    Raises:
        ValueError: if not even the smallest model fits, or an argument is not as above.

    Source:
        S. S. Wilks, Ann. Math. Statist. 9 (1938) 60; H. Akaike, IEEE Trans. Autom. Control 19 (1974) 716; G. Schwarz,
        Ann. Statist. 6 (1978) 461.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(5, variance=1.0).sample(100, seed=0)
    >>> table = nested_models(matrices)
    >>> table.bic.idxmin(), table.parameters.tolist()
    ('iid, zero mean', [1, 1, 2, 4, 5, 4, 5, 11, 13])
    """
    checked_integer("replicates", replicates, least=1)
    statistics, given = _statistics(data, count, space, given_trivial)
    nested, fits, left_out = _fits(statistics, given is not None)
    n = statistics.count if given is None else _numbers(statistics, nested[-1])
    rows = []
    for number, submodel in enumerate(nested):
        row: dict[str, object] = {"symmetry": submodel.name, "parameters": submodel.number_of_parameters}
        if submodel.name in fits:
            likelihood = _log_likelihood(statistics, submodel, fits[submodel.name][1])
            k = submodel.number_of_parameters
            row |= {"log_likelihood": likelihood, "aic": 2 * k - 2 * likelihood, "bic": k * log(n) - 2 * likelihood}
            larger = next((r for r in nested[number + 1 :] if r.name in fits and _is_larger(r, submodel)), None)
            if larger is not None:
                row |= _likelihood_ratio_test(
                    statistics, submodel, larger, replicates, np.random.default_rng((seed, number))
                )
        rows.append(row | {"left_out": left_out.get(submodel.name, "")})
    columns = ["against", "likelihood_ratio", "degrees_of_freedom", "p_chi2", "p_bootstrap"]
    table = pd.DataFrame(rows).set_index("symmetry")
    table = table.reindex(columns=["parameters", "log_likelihood", "aic", "bic", *columns, "left_out"])
    return table.astype({"against": object, "degrees_of_freedom": "Int64"}).fillna({"against": ""})


model_ladder = nested_models


def restricted_fits(
    data: ArrayLike | SufficientStatistics | BlockGaussian,
    count: int | None = None,
    *,
    space: MatrixSpace | None = None,
    given_trivial: bool = False,
) -> dict[str, BlockGaussian]:
    """The maximum-likelihood fit of each nested model that the matrices allow, by the name of its symmetry.

    Args:
        data: matrices (n, rows, columns), or their sufficient statistics, or the full model fitted to them.
        count: n, if `data` is a model.
        space: the permutations assumed, as in `BlockGaussian.fit`; models and statistics have their own.
        given_trivial: whether the models are those given the trivial components of the matrices.

    Returns:
        The models by name; of square matrices each a PIGMM.

    Raises:
        ValueError: as `nested_models`.

    Source:
        Derivations 6 and 8.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> models = restricted_fits(matrices)
    >>> models["S_N"] == PIGMM.fit(matrices), models["iid, zero mean"].parameters[:2].tolist()
    (True, [0.0, 0.0])
    """
    statistics, given = _statistics(data, count, space, given_trivial)
    _, fits, _ = _fits(statistics, given is not None)
    return {name: _model(statistics.space, *fit, given) for name, fit in fits.items()}


def statistics_of_fit(model: BlockGaussian, count: int) -> SufficientStatistics:
    """Recover the sufficient statistics of the matrices that a model was fitted to by maximum likelihood.

    Args:
        model: the fit.
        count: number of matrices, enough for a fit.

    Returns:
        Their statistics.

    Raises:
        ValueError: if the count is too small.

    Source:
        Derivation 4: maximum likelihood matches averages.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> statistics = statistics_of_fit(PIGMM.fit(matrices), 50)
    >>> bool(np.allclose(statistics.scatter[1], SufficientStatistics.of(matrices).scatter[1]))
    True
    """
    checked_integer("count", count, least=least_count(model))
    scatter = tuple(count * d * block for d, block in zip(model.dimensions, model.covariances, strict=True))
    return SufficientStatistics(model.space, count, model.means, scatter, float(np.finfo(np.float64).eps))


def _statistics(
    data: ArrayLike | SufficientStatistics | BlockGaussian,
    count: int | None,
    space: MatrixSpace | None,
    given_trivial: bool,
) -> tuple[SufficientStatistics, Array | None]:
    """The statistics, and the trivial components if these are given."""
    if not isinstance(data, BlockGaussian | SufficientStatistics):
        if count is not None:
            raise ValueError(f"count must be left out if matrices are given, whose number is known, got {count}")
        statistics = SufficientStatistics.of(data, space)
        return statistics, trivial_components(statistics.space, np.asarray(data)) if given_trivial else None
    if space is not None and space != data.space:
        raise ValueError(f"space must be that of the model or statistics, {data.space}, got {space}")
    if isinstance(data, SufficientStatistics):
        if given_trivial and data.count > 1:
            raise ValueError(
                f"data must be the matrices for the laws given the trivial components of each, got the statistics of "
                f"{data.count}"
            )
        return data, data.mean[None] if given_trivial else None
    if data.given is None and given_trivial:
        raise ValueError("data must be a model fitted given the trivial components, got one of all components")
    if count is None and data.given is None:
        raise ValueError("count must be the number of matrices that the model was fitted to, got none")
    if data.given is not None and count not in (None, len(data.given)):
        raise ValueError(f"count must be {len(data.given)}, whose trivial components are given, got {count}")
    return statistics_of_fit(data, len(data.given) if data.given is not None else count or 0), data.given


def _fits(
    statistics: SufficientStatistics, given_trivial: bool
) -> tuple[tuple[Restriction, ...], dict[str, tuple[Array, Blocks]], dict[str, str]]:
    """All nested models, the estimates of those that exist, and why the others do not."""
    nested = restrictions(statistics.space, given_trivial=given_trivial)
    fits: dict[str, tuple[Array, Blocks]] = {}
    left_out: dict[str, str] = {}
    for submodel in nested:
        if statistics.count < submodel.least:
            left_out[submodel.name] = f"needs {submodel.least} matrices, got {statistics.count}"
            continue
        mean, blocks = submodel.estimate(statistics.mean, statistics.moments)
        if constant := statistics.irreps_without_variation(blocks[given_trivial:]):
            left_out[submodel.name] = f"no variance in {', '.join(constant)}"
            continue
        try:
            irreps = statistics.space.decomposition.irreps[given_trivial:]
            for irrep, block in zip(irreps, blocks[given_trivial:], strict=True):
                check_positive_definite(block, irrep.name)
        except ValueError as error:
            left_out[submodel.name] = str(error)
        else:
            fits[submodel.name] = mean, blocks
    if not fits:
        raise ValueError(f"matrices must vary, got {left_out[nested[0].name]}")
    return nested, fits, left_out


def _is_larger(restriction: Restriction, other: Restriction) -> bool:
    """Whether another is nested in it and is not the same model under another name."""
    return restriction.number_of_parameters > other.number_of_parameters and restriction.contains(other)


def _model(space: MatrixSpace, mean: Array, blocks: Blocks, given: Array | None) -> BlockGaussian:
    return gaussian_class(space).from_space(space, parameters_from_blocks(mean, blocks), given)


def _numbers(statistics: SufficientStatistics, submodel: Restriction) -> int:
    """Count the independent numbers that the matrices have in all irreps that vary."""
    return statistics.count * sum(d * len(b) for d, b in zip(submodel.dimensions, submodel.covariances[0], strict=True))


def _log_likelihood(statistics: SufficientStatistics, submodel: Restriction, blocks: Blocks) -> float:
    logs = statistics.count * float(log_determinant(submodel.dimensions, blocks))
    return -0.5 * (_numbers(statistics, submodel) * (1 + log(2 * pi)) + logs)


def _likelihood_ratio_test(
    statistics: SufficientStatistics, small: Restriction, large: Restriction, replicates: int, rng: np.random.Generator
) -> dict[str, object]:
    """The columns of `model_ladder` that test one model within another."""
    n, space = statistics.count, statistics.space
    dimensions = large.dimensions

    def ratio(mean: Array, moments: Blocks) -> Array:
        below, above = (r.estimate(mean, moments)[1] for r in (small, large))
        return n * (log_determinant(dimensions, below) - log_determinant(dimensions, above))

    found = float(ratio(statistics.mean, statistics.moments))
    degrees = large.number_of_parameters - small.number_of_parameters
    given = statistics.mean[None] if small.given_trivial else None
    null = _model(space, *small.estimate(statistics.mean, statistics.moments), given)
    simulated = ratio(*_simulated_estimates(null, n, replicates, rng))
    return {
        "against": large.name,
        "likelihood_ratio": found,
        "degrees_of_freedom": degrees,
        "p_chi2": float(scipy.stats.chi2.sf(found, degrees)),
        "p_bootstrap": float((1 + (simulated >= found).sum()) / (1 + replicates)),
    }


def _simulated_estimates(
    model: BlockGaussian, count: int, replicates: int, rng: np.random.Generator
) -> tuple[Array, Blocks]:
    """Means and moments (replicates, ...) of ensembles of a model."""
    if count >= least_count(model):
        return unpacked(model.space, sample_estimates(model, count, replicates, rng))
    # too few for Wishart matrices to have a density; so few that they are cheap to simulate
    return estimates_of_groups(model.space, model.sample_components(replicates * count, rng), replicates)


def estimates_of_groups(space: MatrixSpace, components: Sequence[Array], groups: int) -> tuple[Array, Blocks]:
    """Means and moments, as a fit has them, of ensembles of one size that follow one another.

    Args:
        space: the matrices.
        components: for each irrep (groups * n, copies, labels), as `space.project` gives them.
        groups: how many ensembles.

    Returns:
        Means (groups, copies of the trivial irrep), and for each irrep (groups, copies, copies).

    Source:
        Derivation 4: maximum likelihood matches averages.

    >>> from pigmm.fitting import PIGMM, SquareSpace
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(60, seed=0)
    >>> means, blocks = estimates_of_groups(SquareSpace(4), SquareSpace(4).project(matrices), 2)
    >>> bool(np.allclose(blocks[1][1], PIGMM.fit(matrices[30:]).covariances[1]))
    True
    """
    grouped = [part.reshape(groups, -1, *part.shape[1:]) for part in components]
    means = grouped[0].mean(axis=1)
    grouped[0] = grouped[0] - means[:, None]
    # the moments as products of two matrices, which are faster than a sum over three indices
    rows = [group.swapaxes(1, 2).reshape(groups, group.shape[2], -1) for group in grouped]
    pairs = zip(rows, grouped, irrep_dimensions(space), strict=True)
    moments = (row @ row.swapaxes(1, 2) / (group.shape[1] * dimension) for row, group, dimension in pairs)
    return means[..., 0], tuple(moments)
