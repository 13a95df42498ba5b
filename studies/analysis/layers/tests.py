"""The tests of one ensemble of matrices, each as a table.

Are they Gaussian? Which symmetry do they have? Are they permutation invariant at all? How far are they from
independent entries?
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....fitting import (
    BlockGaussian,
    MatrixSpace,
    SquareSpace,
    bootstrap_comparison,
    compare,
    mean_invariance_test,
    model_ladder,
    permutation_invariance_test,
    randomisation_test,
    sample_distance_test,
    wald_tests,
    wasserstein_distance,
)
from ....fitting.distances.null_bands import with_null_band
from ....fitting.model.sampling_law import sample_estimates
from ....invariants import Multigraph
from .initial_law import InitialLaw

Array = NDArray[np.float64]
Matrices = NDArray[np.floating]

#: Draws of the tests by the exact law of the fits, and by permutation.
LAW_DRAWS, PERMUTATION_DRAWS = 199, 99
#: Draws of the tests by optimal transport. The exact one takes longest and is shown without a verdict.
TRANSPORT_DRAWS = {"exact": 19, "sliced": 99}
#: Central probability of the bands around what a distance would be by chance.
BAND = 0.9

# Operations up to which a test is done unasked: about a minute.
_WORK = 1 << 34
# As many does an entry cost in a draw of the randomisation test, which moves whole ensembles through memory.
_MOVING = 16
# Not a seed that people give: a sample of the model by the random numbers of simulated matrices would be these
# matrices again.
_SEED = 6_180_339
# Matrices and directions of the distances between samples, whose time they set; and entries that are drawn in all.
_SLICED_MATRICES, _TRANSPORTED, _DIRECTIONS = 500, 300, 50
_DRAWN_ENTRIES = 1 << 28
# Below so many matrices a distance between samples says nothing.
_FEWEST_MATRICES = 30


def chosen_replicates(asked: int | None, most: int, count: int, shape: tuple[int, ...]) -> int:
    """Choose how many replicates a bootstrap has: those asked for, or by default `most`, and none if these take long.

    Args:
        asked: None for the default.
        most: the default.
        count: of the matrices.
        shape: of one of them.

    Returns:
        The number of replicates.

    Raises:
        ValueError: a negative number is asked for.

    >>> chosen_replicates(None, 499, 1000, (10, 10)), chosen_replicates(None, 499, 1000, (640, 640))
    (499, 0)
    """
    if asked is not None:
        if asked < 0:
            raise ValueError(f"replicates must be 0 (asymptotic p-values only) or more, got {asked}")
        return asked
    return most if most * count * prod(shape) * min(shape) <= _WORK else 0


def permutation_tests_affordable(count: int, shape: tuple[int, int]) -> bool:
    """Whether the tests by permutation of so many matrices in all take no more than about a minute.

    >>> permutation_tests_affordable(17 * 1000, (10, 10)), permutation_tests_affordable(1000, (640, 640))
    (True, False)
    """
    entries = count * prod(shape)
    return _MOVING * LAW_DRAWS * entries <= _WORK and PERMUTATION_DRAWS * entries * min(count, prod(shape)) <= _WORK


def calibrated_comparison(
    model: BlockGaussian, matrices: Matrices, graphs: Iterable[Multigraph], replicates: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare with p-values by the parametric bootstrap, and test all together whether the matrices are Gaussian.

    Args:
        model: as fitted to the matrices.
        matrices: (n, rows, columns).
        graphs: the invariants.
        replicates: of the bootstrap; 0 for asymptotic p-values.

    Returns:
        The table of `bootstrap_comparison` (with no replicates, that of `compare`), and a table of one row, or none
        without replicates or without an invariant that could depart: matrices, replicates, smallest_p_value,
        largest_p_value, mean_square_p_value, global_p_value.

    >>> from pigmm.fitting import PIGMM
    >>> from pigmm.invariants import multigraphs
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> table, overall = calibrated_comparison(PIGMM.fit(matrices), matrices, multigraphs(3), replicates=19)
    >>> len(table), overall.smallest_p_value.tolist()
    (52, [0.05])
    """
    graphs = tuple(graphs)
    table = compare(model, matrices, graphs)
    if not replicates or not table.z.notna().any():
        return table, pd.DataFrame()
    result = bootstrap_comparison(model, matrices, graphs, replicates=replicates)
    row = {
        "matrices": len(matrices),
        "replicates": result.replicates,
        "smallest_p_value": result.smallest_p_value,
        "largest_p_value": result.largest_p_value,
        "mean_square_p_value": result.mean_square_p_value,
        "global_p_value": result.global_p_value,
    }
    return result.table, pd.DataFrame([row])


def nested_model_table(
    model: BlockGaussian, matrices: Matrices, replicates: int = LAW_DRAWS, part: Matrices | None = None
) -> pd.DataFrame:
    """Test which symmetry the matrices have: nested models, with every test of each.

    Args:
        model: the full one, as fitted to these.
        matrices: (n, rows, columns).
        replicates: of the randomisation test, which is left out where it takes long; 0: none.
        part: those of the matrices that the randomisation test is made on (default: all).

    Returns:
        A row a model: symmetry and the columns of `model_ladder`; p_wald (against the full model, entries of any law);
        p_randomisation (of S_N x S_N, exact) and its replicates. NaN where a test does not exist.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    >>> table = nested_model_table(PIGMM.fit(matrices), matrices)
    >>> table[table.p_randomisation.notna()].symmetry.tolist()
    ['S_N x S_N']
    """
    table = model_ladder(model, len(matrices), replicates=LAW_DRAWS)
    table["p_wald"] = wald_tests(matrices, space=model.space).p_value
    table[["p_randomisation", "replicates"]] = np.nan
    part = matrices if part is None else part
    if replicates and isinstance(model.space, SquareSpace) and _MOVING * LAW_DRAWS * part.size <= _WORK:
        exact = randomisation_test(part, replicates=replicates)
        table.loc["S_N x S_N", ["p_randomisation", "replicates"]] = exact.p_value, replicates
    # why a model has no numbers stays at the end
    table["left_out"] = table.pop("left_out")
    return table.reset_index()


def invariance_table(
    matrices: Matrices, space: MatrixSpace, replicates: int = PERMUTATION_DRAWS, part: Matrices | None = None
) -> pd.DataFrame:
    """Test whether mean and covariance are permutation invariant at all, irrep by irrep.

    Args:
        matrices: (n, rows, columns).
        space: as in `BlockGaussian.fit`.
        replicates: of the permutations.
        part: those of the matrices that are permuted (default: all).

    Returns:
        Columns moment (mean or covariance), irreps, degrees_of_freedom, likelihood_ratio and p_gaussian (of means:
        exact for Gaussian matrices), statistic, expected, standard_deviation, p_permutation (exact for any law) and
        replicates. Without the last five, and the rows of covariances, where the permutations would take long.

    >>> from pigmm.fitting import PIGMM
    >>> table = invariance_table(PIGMM.iid(4, variance=1.0).sample(50, seed=0), SquareSpace(4))
    >>> table.irreps[table.moment == "mean"].tolist()
    ['V_H', 'V_2', 'V_3', 'all']
    """
    exact = mean_invariance_test(matrices, space=space).rename(columns={"p_value": "p_gaussian"})
    exact.index = pd.MultiIndex.from_product([["mean"], exact.index])
    part = matrices if part is None else part
    if replicates * part.size * min(len(part), prod(space.shape)) > _WORK:
        return exact.rename_axis(["moment", "irreps"]).reset_index().astype({"degrees_of_freedom": "Int64"})
    permuted = permutation_invariance_test(part, replicates=replicates, space=space)
    joined = exact.reindex(permuted.index).join(permuted.rename(columns={"p_value": "p_permutation"}))
    return joined.assign(replicates=replicates).astype({"degrees_of_freedom": "Int64"}).reset_index()


def transport_tests(matrices: Matrices, model: BlockGaussian) -> pd.DataFrame:
    """Test by optimal transport how far the matrices are from a sample of the Gaussian fitted to them.

    Of more matrices than a method takes, a random part is taken, and compared with its own fit.

    Args:
        matrices: (n, rows, columns), enough for a fit.
        model: as fitted to these.

    Returns:
        Index "exact" (of at most 300 matrices) and "sliced" (of at most 500). Columns tested (how many of the
        matrices), and those of `sample_distance_test`. No rows where even 30 matrices would take long.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(40, seed=0)
    >>> bool((transport_tests(matrices, PIGMM.fit(matrices)).p_value > 0.01).all())
    True
    """
    most = min(_SLICED_MATRICES, _DRAWN_ENTRIES // (max(TRANSPORT_DRAWS.values()) * matrices[0].size))
    if most < min(_FEWEST_MATRICES, len(matrices)):
        return pd.DataFrame(
            columns=["tested", "distance", "null_mean", "null_lower", "null_upper", "p_value"], dtype=float
        )
    few, fit = matrices, model
    if len(matrices) > most:
        few = matrices[np.sort(np.random.default_rng(_SEED).choice(len(matrices), most, replace=False))]
        fit = type(model).fit(few, model.space)
    options: dict[str, dict[str, Any]] = {"exact": {"subsample": _TRANSPORTED}, "sliced": {"projections": _DIRECTIONS}}
    rows = {
        method: sample_distance_test(
            few, fit, method=method, replicates=draws, level=BAND, seed=_SEED, **options[method]
        )
        for method, draws in TRANSPORT_DRAWS.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.insert(0, "tested", [min(_TRANSPORTED, len(few)), len(few)])
    return table


def distance_to_initialisation(model: BlockGaussian, law: InitialLaw, count: int) -> pd.Series:
    """The columns of `distance_test` for the Wasserstein distance to the exact model at initialisation.

    The band is that of Gaussian entries, and the same at every epoch.

    >>> from pigmm.fitting import PIGMM
    >>> distance_to_initialisation(PIGMM.iid(4, variance=1.0), InitialLaw.of("gaussian", 4), 100).p_value
    np.float64(0.005)
    """
    found = wasserstein_distance(model, law.model(model.space))
    # every space is a frozen value
    null = _initial_distances(law, model.space, count)  # type: ignore[arg-type]
    return with_null_band(found, null, BAND)


@lru_cache(maxsize=64)
def _initial_distances(law: InitialLaw, space: MatrixSpace, count: int) -> Array:
    """Distances to the law of fits to matrices of the law."""
    initial = law.model(space)
    drawn = sample_estimates(initial, count, LAW_DRAWS, seed=0)
    return np.array([wasserstein_distance(initial.from_space(space, estimate), initial) for estimate in drawn])
