"""Calibrated comparison: studentised residuals beside those of ensembles drawn from the fitted model and refitted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import skew

from ....invariants.checks import checked_integer
from ....invariants.evaluation.on_arrays import evaluate_arrays
from ....invariants.expectation.compiled import ExpectationMap, expectation_map
from ....invariants.graphs.enumeration import multigraphs
from ....invariants.graphs.given import GivenGraph, checked_graphs
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.representation.spaces import MatrixSpace
from ....simd.cores import cores
from ...model.blocks import parameters_from_blocks
from ...model.gaussian import BlockGaussian
from ...model.shown import Shown
from ...model.sufficient_statistics import SufficientStatistics, checked_batch
from ...model.trivial import trivial_components, trivial_matrices
from ..multiple_testing import q_values
from .comparison import compare
from .given_trivial import comparison_table, simulated
from .refit import shrinkage_of_fit
from .residuals import residual_moments

Array = NDArray[np.float64]

# Matrices drawn at a time, so that their components stay in cache, and such slices evaluated at a time. Fixed, so that
# results do not depend on the machine.
_SLICE = 256
_SLICES = 4
# Replicates that share memory for values.
_BLOCK = 8


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapComparison(Shown):
    """A comparison with p-values by the parametric bootstrap: the null hypothesis is that the matrices are Gaussian.

    Every p-value is (1 + number of replicates at least as extreme) / (1 + replicates), so none is below
    `smallest_p_value`.

    Args:
        table: the rows and columns of `compare`; p_value (of |z| among its replicates) and q_value are calibrated here
            (with 1000 replicates and 348 graphs, q <= 0.05 takes seven graphs beyond all their replicates),
            familywise_p_value is that of |z| among the largest |z| of each replicate (Westfall and Young's maxT),
            asymptotic_p_value is the one of `compare`, and null_mean, null_standard_deviation and null_skewness
            describe z over the replicates.
        replicated_z: (replicates, graphs), NaN where the fit forces agreement.
        largest_p_value: of the largest |z|, sensitive to one invariant that departs far.
        mean_square_p_value: of the mean of z^2, sensitive to many that depart a little.
        global_p_value: of the smaller of these two, itself among the replicates: one test of the ensemble.
    """

    table: pd.DataFrame
    replicated_z: Array
    largest_p_value: float
    mean_square_p_value: float
    global_p_value: float

    @property
    def replicates(self) -> int:
        """The number of simulated ensembles."""
        return len(self.replicated_z)

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value that so many replicates can give: 1 / (replicates + 1)."""
        return 1 / (self.replicates + 1)

    def to_frame(self) -> pd.DataFrame:
        """Show the three tests of the ensemble as a table; `table` has the tests of each graph.

        Returns:
            A row a test: index test, column p_value.
        """
        tests = {
            "largest |z|": self.largest_p_value,
            "mean square of z": self.mean_square_p_value,
            "global": self.global_p_value,
        }
        return pd.DataFrame({"p_value": tests}).rename_axis("test")

    def _heading(self) -> str:
        return f"Gaussianity of {len(self.table)} invariants by {self.replicates} replicates"

    def __repr__(self) -> str:
        return f"BootstrapComparison({self._heading()}, global_p_value={self.global_p_value:.3g})"


def bootstrap_comparison(
    model: BlockGaussian,
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph],
    *,
    fitted: bool = True,
    replicates: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> BootstrapComparison:
    """Compare as `compare` does, with p-values from ensembles that are drawn from the model, refitted and compared.

    Args:
        model: the fit of these matrices by maximum likelihood, as the replicates are; which is checked.
        matrices: (n, rows, columns), n at least one more than the copies of the trivial irrep; at least 1 for a model
            given the trivial components, with p-values that are then exact at every size.
        graphs: the invariants, in the order of the rows.
        fitted: False if the model was given beforehand: then nothing is refitted.
        replicates: how many ensembles of n matrices are drawn.
        seed: a replicate depends on the seed and its number only, not on the threads.
        threads: at most so many at once, 1 or more (default: the number of cores).

    Returns:
        The table of `compare` with calibrated p-values, and p-values of three tests of the whole ensemble.

    Raises:
        ValueError: if replicates, seed or threads are no such integers, the matrices are not those of the model's space
            or too few, or the fit forces every graph.

    Source:
        P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing (1993), for familywise p-values.

    >>> from pigmm.invariants import multigraphs
    >>> from pigmm.fitting import PIGMM
    >>> matrices = np.random.default_rng(0).choice([-1.0, 1.0], size=(200, 4, 4))
    >>> result = bootstrap_comparison(PIGMM.fit(matrices), matrices, multigraphs(4), replicates=99)
    >>> result.global_p_value == result.smallest_p_value == 0.01
    True
    """
    graphs = checked_graphs(graphs, model.space.decomposition.family)
    batch = checked_batch(matrices, model.space)
    checked_integer("replicates", replicates, least=1)
    checked_integer("seed", seed, least=0)
    if threads is not None:
        checked_integer("threads", threads, least=1)
    if model.given is not None:
        checked_integer("replicates", replicates, least=2)
        found = simulated(model, batch, graphs, fitted=fitted, replicates=replicates, seed=seed, threads=threads)
        table = comparison_table(model if fitted else model.given_those_of(batch), graphs, found)
        return _ranked(table, found.free, *found.exchangeable())
    checked_integer("the number of matrices", len(batch), least=1 + len(model.means))
    table = compare(model, batch, graphs, fitted=fitted)
    if fitted and (shrinkage := shrinkage_of_fit(model, SufficientStatistics.of(batch, model.space))):
        raise ValueError(
            f"model must be fitted by maximum likelihood, as replicates are, got shrinkage {shrinkage:.6g}"
        )
    observed = table["z"].to_numpy()
    tested = ~np.isnan(observed)
    chosen = tuple(graph for graph, used in zip(graphs, tested, strict=True) if used)
    drawn = np.empty((replicates, 0))
    if chosen:
        drawn = replicate_z(model, len(batch), chosen, fitted=fitted, replicates=replicates, seed=seed, threads=threads)
    return _ranked(table, tested, observed[tested], drawn)


def _ranked(table: pd.DataFrame, tested: NDArray[np.bool_], observed: Array, drawn: Array) -> BootstrapComparison:
    """The p-values by the ranks of measured values among drawn ones.

    Args:
        table: as of `compare`.
        tested: (graphs,), the rows that are tests.
        observed: (tests,) values.
        drawn: (replicates, tests); NaN where all is rounding.
    """
    if not tested.any():
        raise ValueError("graphs must have one at least that the fit does not force to agree, got none")
    replicates = len(drawn)
    # residuals of a replicate that are rounding errors count as extreme, never in favour of a departure
    comparable = np.where(np.isnan(drawn), np.inf, drawn)
    size, null = np.abs(observed), np.abs(comparable)

    def spread(values: Array) -> Array:
        columns = np.full((*values.shape[:-1], len(tested)), np.nan)
        columns[..., tested] = values
        return columns

    largest = np.sort(null.max(axis=1))
    p = spread((1 + (null >= size).sum(axis=0)) / (replicates + 1))
    above = replicates - np.searchsorted(largest, size, side="left")
    table = table.rename(columns={"p_value": "asymptotic_p_value"}).assign(
        p_value=p,
        q_value=q_values(p),
        familywise_p_value=spread((1 + above) / (replicates + 1)),
        null_mean=spread(drawn.mean(axis=0)),
        null_standard_deviation=spread(drawn.std(axis=0, ddof=1)),
        null_skewness=spread(skew(drawn, axis=0)),
    )
    return BootstrapComparison(table, spread(drawn), *global_p_values(observed, comparable))


def gaussianity_test(
    matrices: ArrayLike,
    graphs: Iterable[GivenGraph] | None = None,
    *,
    space: MatrixSpace | None = None,
    given_trivial: bool = False,
    replicates: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> BootstrapComparison:
    """Fit matrices and test whether they are Gaussian; `global_p_value` of the result is the answer.

    The invariants are those of the matrices less their fitted mean b J + c 1. Taking off this mean commutes with
    permutations and leaves Gaussian laws Gaussian. A large mean then costs no digits.

    Given the trivial components, one matrix is enough. Each matrix has its own trivial part taken off, and is compared
    with matrices of the same fit: these p-values are exact at every size.

    Args:
        matrices: (n, rows, columns), n at least one more than the copies of the trivial irrep, or at least 1 given the
            trivial components.
        graphs: the invariants that are compared (default: all of degree 3 and 4).
        space: the permutations assumed, as in `BlockGaussian.fit`.
        given_trivial: True to test the law given the trivial components of each matrix.
        replicates: how many ensembles are simulated, at least 1.
        seed: of the simulation; results do not depend on the threads.
        threads: at most so many at once, 1 or more (default: the number of cores).

    Returns:
        The comparison, with p-values of three tests of the whole ensemble.

    Raises:
        ValueError: as the fit and the comparison.

    Source:
        As `bootstrap_comparison`.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(100, seed=0)
    >>> gaussianity_test(matrices, replicates=99).global_p_value > 0.01
    True
    """
    centred = checked_batch(matrices, space).astype(np.float64)
    model = BlockGaussian.fit(centred, space, given_trivial=given_trivial)
    if model.given is None:
        centred = centred - model.mean
    else:
        for _ in range(2):  # the second time for what rounding leaves of a large one
            centred = centred - trivial_matrices(model.space, trivial_components(model.space, centred))
    model = BlockGaussian.fit(centred, model.space, given_trivial=given_trivial)
    if graphs is None:
        family = model.space.decomposition.family
        graphs = (*multigraphs(3, family), *multigraphs(4, family))
    return bootstrap_comparison(model, centred, graphs, replicates=replicates, seed=seed, threads=threads)


def replicate_z(
    model: BlockGaussian,
    count: int,
    graphs: Iterable[GivenGraph],
    *,
    fitted: bool = True,
    replicates: int = 1000,
    seed: int = 0,
    threads: int | None = None,
) -> Array:
    """Simulate the column z of `compare` in ensembles of a model.

    Args:
        model: the population.
        count: matrices of an ensemble.
        graphs: the invariants.
        fitted: whether the model is fitted again to each ensemble.
        replicates: how many ensembles.
        seed: a replicate depends on it and its number only.
        threads: at most so many at once (default: the number of cores).

    Returns:
        (replicates, graphs) z.

    >>> from pigmm.invariants import multigraphs
    >>> from pigmm.fitting import PIGMM
    >>> replicate_z(PIGMM.iid(4, variance=1.0), 50, multigraphs(3), replicates=2).shape
    (2, 52)
    """
    chosen = checked_graphs(graphs, model.space.decomposition.family)
    expectations = expectation_map(chosen, model.space.sizes, model.space.decomposition.family)
    seeds = np.random.SeedSequence(seed).spawn(replicates)

    def block(start: int) -> list[Array]:
        buffer = np.empty((_SLICE * _SLICES, len(chosen)))
        generators = map(np.random.default_rng, seeds[start : start + _BLOCK])
        return [_replicate(model, count, chosen, expectations, fitted, rng, buffer) for rng in generators]

    with ThreadPoolExecutor(threads or cores()) as pool:
        return np.array([row for rows in pool.map(block, range(0, replicates, _BLOCK)) for row in rows])


def global_p_values(observed: Array, replicated: Array) -> tuple[float, float, float]:
    """Bootstrap p-values of max |z|, of mean z^2, and of the smaller of the two.

    Args:
        observed: (graphs,) z.
        replicated: (replicates, graphs) z.

    Returns:
        The three p-values, in this order.

    Source:
        J. Besag and P. Clifford, Biometrika 76 (1989) 633.

    >>> global_p_values(np.array([3.0, 0.0]), np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 4.0]]))
    (0.5, 0.5, 0.5)
    """
    together = np.vstack([observed, replicated])
    statistics = np.stack([np.abs(together).max(axis=1), np.square(together).mean(axis=1)])
    # for each ensemble the share of all, itself included, that is at least as extreme
    ranks = [np.searchsorted(np.sort(-s), -s, side="right") / len(together) for s in statistics]
    smaller = np.minimum(*ranks)
    return float(ranks[0][0]), float(ranks[1][0]), float((smaller <= smaller[0]).mean())


def _replicate(
    model: BlockGaussian,
    count: int,
    graphs: tuple[Multigraph, ...],
    expectations: ExpectationMap,
    fitted: bool,
    rng: np.random.Generator,
    buffer: Array,
) -> Array:
    """z of one ensemble. Its components are known from the drawing: the refit need not project the matrices."""
    space = model.space
    drawn = [model.sample_components(min(_SLICE, count - start), rng) for start in range(0, count, _SLICE)]
    refit = model
    if fitted:
        statistics = SufficientStatistics.merged(SufficientStatistics.of_components(space, parts) for parts in drawn)
        refit = BlockGaussian(space, parameters_from_blocks(statistics.mean, statistics.moments))

    def chunks() -> Iterator[tuple[Array, Array]]:
        for start in range(0, len(drawn), _SLICES):
            slices = drawn[start : start + _SLICES]
            matrices = np.concatenate([space.assemble(parts) for parts in slices])
            values = buffer[: len(matrices)]
            # the replicates have the threads
            evaluate_arrays(matrices, graphs, family=space.decomposition.family, out=values, threads=1)
            for number, parts in enumerate(slices):
                yield values[_SLICE * number :][:_SLICE], refit.influence_of_components(parts)

    gradient = expectations.gradient(refit.parameters) * float(fitted)
    return residual_moments(chunks(), gradient).studentised(expectations(refit.parameters))
