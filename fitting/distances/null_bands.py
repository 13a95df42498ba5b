"""Null bands of distances between two fits, from the exact law of the fits."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...invariants.checks import checked_integer
from ..model.blocks import parameters_from_blocks
from ..model.gaussian import BlockGaussian
from ..model.sampling_law import sample_estimates, standard_errors
from ..model.sufficient_statistics import SufficientStatistics
from ..tests_of_models.symmetry.nested_models import statistics_of_fit
from ..tests_of_models.symmetry.restrictions import restricted, restrictions
from .closed_form import wasserstein_distance

Array = NDArray[np.float64]
Distance = Callable[[BlockGaussian, BlockGaussian], float]

# Standard errors within which two fits of the same matrices agree: rounding only.
_ROUNDING = 1e-7


def distance_test(
    p: BlockGaussian,
    q: BlockGaussian,
    p_count: int,
    q_count: int | None,
    *,
    distance: Distance = wasserstein_distance,
    replicates: int = 999,
    seed: int = 0,
    level: float = 0.9,
) -> pd.Series:
    """A distance between two models, and its law if both ensembles were of one Gaussian model.

    Fits of one population are at positive distances: about sqrt(sum of the variances of the estimates), which falls as
    1 / sqrt(n). The population is q if that is exact, else the fit to both ensembles together; refits are drawn by the
    exact law of the estimates (normal means, Wishart covariances), so no matrices are simulated.

    The ensembles must be independent. Two fits of the same matrices, a full one and a restricted one, are refused:
    `distance_to_independent` and `nested_models` are tests of those.

    Args:
        p: the fit of an ensemble.
        q: the fit of an independent ensemble, on the same space, or a model given beforehand.
        p_count: how many matrices p was fitted to, at least one more than the copies of the trivial irrep.
        q_count: the same of q; None if q was given beforehand (the law of the initialisation, say).
        distance: any function of two models.
        replicates: pairs of refits, at least 1.
        seed: of the simulation.
        level: probability of the band.

    Returns:
        distance, null_mean, null_lower, null_upper (the central band), p_value ((1 + replicates not below) /
        (1 + replicates)).

    Raises:
        ValueError: if the models are on different spaces or fits of the same matrices, or an argument is not as above.

    Source:
        Parametric bootstrap, by the law of the estimates in derivation 7.

    >>> from pigmm.fitting import PIGMM
    >>> law = PIGMM.iid(5, variance=1.0)
    >>> near = distance_test(PIGMM.fit(law.sample(100, seed=0)), law, 100, None)
    >>> far = distance_test(PIGMM.fit(law.sample(100, seed=0)), PIGMM.iid(5, variance=2.0), 100, None)
    >>> bool(near.p_value > 0.05), float(far.p_value)
    (True, 0.001)
    """
    checked_integer("replicates", replicates, least=1)
    checked_level(level)
    found = distance(p, q)
    rng = np.random.default_rng(seed)
    statistics = statistics_of_fit(p, p_count)
    check_different_matrices(p, q, p_count)
    null = q if q_count is None else _fit_of_both(p, statistics.merge(statistics_of_fit(q, q_count)))
    pairs = zip(drawn_fits(null, p_count, replicates, rng), drawn_fits(null, q_count, replicates, rng), strict=True)
    return with_null_band(found, np.array([distance(a, b) for a, b in pairs]), level)


def distances_to(
    models: Mapping[Hashable, BlockGaussian],
    reference: BlockGaussian,
    count: int,
    reference_count: int | None = None,
    *,
    distance: Distance = wasserstein_distance,
    replicates: int = 199,
    seed: int = 0,
    level: float = 0.9,
) -> pd.DataFrame:
    """The distances of several fits to one reference, each with its null band: the curve by epochs and its floor.

    Args:
        models: fits by label (epoch, or (layer, epoch)).
        reference: the model.
        count: matrices of each fit, at least one more than the copies of the trivial irrep; 1 is enough if the trivial
            components are given, those of the reference too (`given_those_of`).
        reference_count: how many matrices the reference was fitted to; None if it was given beforehand.
        distance: any function of two models.
        replicates: pairs of refits, at least 1.
        seed: of the simulation.
        level: probability of the band.

    Returns:
        A row a label, with the columns of `distance_test`.

    Source:
        Parametric bootstrap, by the law of the estimates in derivation 7.

    >>> from pigmm.fitting import PIGMM
    >>> law = PIGMM.iid(4, variance=1.0)
    >>> fits = {epoch: PIGMM.fit(law.sample(50, seed=epoch)) for epoch in (0, 1)}
    >>> distances_to(fits, law, 50).index.tolist()
    [0, 1]
    """
    rows = [
        distance_test(
            model, reference, count, reference_count, distance=distance, replicates=replicates, seed=seed, level=level
        )
        for model in models.values()
    ]
    return pd.DataFrame(rows).set_axis(labels_index(models))


def drawn_fits(
    model: BlockGaussian, count: int | None, replicates: int, seed: int | np.random.Generator
) -> list[BlockGaussian]:
    """Draw fits to matrices of a model by their exact law, without the matrices.

    Args:
        model: the population.
        count: matrices of each fit, at least one more than the copies of the trivial irrep; None for a model that is
            not fitted.
        replicates: how many fits.
        seed: an integer or a numpy Generator.

    Returns:
        The fits; the model itself, as many times, if count is None.

    Source:
        Derivation 7.

    >>> from pigmm.fitting import PIGMM
    >>> len(drawn_fits(PIGMM.iid(4, variance=1.0), 50, 3, seed=0))
    3
    """
    if count is None:
        return [model] * replicates
    return [model.from_space(model.space, row, model.given) for row in sample_estimates(model, count, replicates, seed)]


def check_different_matrices(p: BlockGaussian, q: BlockGaussian, count: int) -> None:
    """Raise ValueError if one model is the restricted fit of the matrices that the other is the full fit of.

    Args:
        p: a model.
        q: a model on the same space.
        count: matrices of the fits, for the scale of rounding.

    Raises:
        ValueError: if it is so; names the restriction.

    >>> from pigmm.fitting import PIGMM
    >>> fit = PIGMM.fit(PIGMM.iid(4, variance=1.0).sample(50, seed=0))
    >>> check_different_matrices(fit, restricted(fit, restrictions(fit.space)[2]), 50)
    Traceback (most recent call last):
        ...
    ValueError: p and q must be fits of different matrices, got q the fit of "iid" to the matrices of p; ...
    """
    if p == q or not np.isclose(_second_moment(p), _second_moment(q), rtol=1e-9, atol=0):
        return  # every restricted fit keeps the sum of squares
    for names, larger, smaller in (("q p", p, q), ("p q", q, p)):
        unit = standard_errors(larger, count)
        estimated = unit > 0  # not the trivial components, if they are given
        for submodel in restrictions(p.space, given_trivial=p.given is not None)[:-1]:
            difference = restricted(larger, submodel).parameters - smaller.parameters
            if np.abs(difference[estimated] / unit[estimated]).max() <= _ROUNDING:
                first, second = names.split()
                raise ValueError(
                    f'p and q must be fits of different matrices, got {first} the fit of "{submodel.name}" to the '
                    f"matrices of {second}; distance_to_independent and nested_models are tests of such fits"
                )


def _fit_of_both(p: BlockGaussian, statistics: SufficientStatistics) -> BlockGaussian:
    """The fit of two ensembles together, given the trivial components of the first if those of p are given."""
    if p.given is None:
        return type(p).fit(statistics)
    return p.from_space(p.space, parameters_from_blocks(statistics.mean, statistics.moments), p.given)


def _second_moment(model: BlockGaussian) -> float:
    """Expected sum of the squares of all entries."""
    blocks = sum(d * float(np.trace(block)) for d, block in zip(model.dimensions, model.covariances, strict=True))
    return blocks + float(np.square(model.means).sum())


def labels_index(models: Mapping[Hashable, BlockGaussian]) -> pd.Index:
    """Make an index of the labels of models; of pairs (layer, epoch) a MultiIndex with these names.

    Args:
        models: by label.

    Returns:
        The index, in the order of the models.

    Raises:
        ValueError: if there are none.

    >>> labels_index({("weight_1", 0.0): None, ("weight_1", 1.0): None}).names
    FrozenList(['layer', 'epoch'])
    """
    labels = list(models)
    if not labels:
        raise ValueError("models must be one or more, got none")
    pairs = [label for label in labels if isinstance(label, tuple) and len(label) == 2]
    if len(pairs) == len(labels):
        return pd.MultiIndex.from_tuples(pairs, names=["layer", "epoch"])
    return pd.Index(labels, name="model", tupleize_cols=False)


def with_null_band(found: float, null: Array, level: float) -> pd.Series:
    """Set a distance beside its values under the hypothesis.

    Args:
        found: the distance.
        null: (replicates,) distances under the hypothesis.
        level: probability of the central band.

    Returns:
        distance, null_mean, null_lower, null_upper, p_value ((1 + replicates not below) / (1 + replicates)).

    >>> with_null_band(3.0, np.array([1.0, 2.0, 3.0]), level=1.0).tolist()
    [3.0, 2.0, 1.0, 3.0, 0.5]
    """
    lower, upper = np.quantile(null, [(1 - level) / 2, (1 + level) / 2])
    return pd.Series(
        {
            "distance": found,
            "null_mean": null.mean(),
            "null_lower": lower,
            "null_upper": upper,
            "p_value": (1 + (null >= found).sum()) / (1 + len(null)),
        }
    )


def checked_level(level: float) -> None:
    """Raise ValueError unless a level is between 0 and 1.

    Args:
        level: a probability.

    Raises:
        ValueError: if it is 0, 1 or beyond.

    >>> checked_level(95)
    Traceback (most recent call last):
        ...
    ValueError: level must be between 0 and 1, got 95
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
