"""Compare invariants with the Gaussian law given the trivial components: by simulation, exact for one matrix and more.

Many matrices tell the spread of an invariant by themselves; one does not. Here it comes from ensembles that are drawn
from the law of the matrices given their trivial components and their fit (`sample_of_same_fit`). There is no closed
form for it: the variance of a quartic invariant is an expectation value of degree eight, of a law that is not Gaussian.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from ....invariants.evaluation.on_arrays import evaluate_arrays
from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph
from ....simd.cores import cores
from ...model.gaussian import BlockGaussian
from ...model.same_fit import sample_of_same_fit
from ...model.sampling_law import standard_errors
from ..multiple_testing import q_values
from .graph_columns import graph_columns
from .refit import TOLERANCE

Array = NDArray[np.float64]

# A spread below this fraction of that of one matrix is rounding error.
_FORCED = 1e-9
# A linear invariant below this fraction of that of the absolute values is zero.
_ZERO = 1e-12
_BLOCK = 8


@dataclass(frozen=True, eq=False)
class Simulated:
    """Invariants averaged over the matrices, measured and in simulated ensembles.

    Args:
        measured: (graphs,).
        drawn: (replicates, graphs).
        of_one: (replicates, graphs), of single matrices of the model, whose fit is free.
        free: (graphs,), False where the fit or the trivial components force the measured value.
    """

    measured: Array
    drawn: Array
    of_one: Array
    free: NDArray[np.bool_]

    @property
    def error(self) -> Array:
        """(graphs,): standard deviation over the ensembles."""
        deviations: Array = self.drawn.std(axis=0, ddof=1)
        return deviations

    @property
    def z(self) -> Array:
        """(graphs,): measured values in standard deviations from the mean over the ensembles; NaN where forced."""
        result: Array = np.full(len(self.measured), np.nan)
        np.divide(self.measured - self.drawn.mean(axis=0), self.error, out=result, where=self.free)
        return result

    def exchangeable(self) -> tuple[Array, Array]:
        """The free measured values (free,) and drawn ones (replicates, free), in units of all of them together.

        Under the hypothesis all rows are then alike, so that ranks are exact.
        """
        together = np.vstack([self.measured, self.drawn])[:, self.free]
        units = (together - together.mean(axis=0)) / together.std(axis=0)
        return units[0], units[1:]


def simulated(
    model: BlockGaussian,
    batch: NDArray[np.floating],
    graphs: tuple[Multigraph, ...],
    *,
    fitted: bool,
    replicates: int,
    seed: int,
    threads: int | None = None,
) -> Simulated:
    """Simulate the invariants of matrices under a model given the trivial components.

    Args:
        model: fitted to the matrices given their trivial components; or any such model, if `fitted` is False.
        batch: (n, rows, columns), checked.
        graphs: of matrices of this kind.
        fitted: False to take the model as given beforehand, and only the trivial components from the matrices.
        replicates: ensembles, at least 2.
        seed: each ensemble depends on it and its number only.
        threads: at most so many at once (default: the number of cores).

    Returns:
        The measured invariants, and those of the simulated ensembles.

    Raises:
        ValueError: if the model is not the fit of the matrices, and `fitted` is True.
    """
    if fitted:
        _check_fit(model, batch)
    else:
        model = model.given_those_of(batch)
    family = model.space.decomposition.family

    def values(matrices: NDArray[np.floating]) -> Array:
        return np.asarray(evaluate_arrays(matrices, graphs, family=family, threads=1).mean(axis=0))

    def block(seeds: list[np.random.SeedSequence]) -> list[tuple[Array, Array]]:
        rows = []
        for rng in map(np.random.default_rng, seeds):
            ensemble = sample_of_same_fit(model, rng) if fitted else model.sample(len(batch), rng)
            rows.append((values(ensemble), values(_one(model, rng))))
        return rows

    seeds = np.random.SeedSequence(seed).spawn(replicates)
    blocks = [seeds[start : start + _BLOCK] for start in range(0, replicates, _BLOCK)]
    with ThreadPoolExecutor(threads or cores()) as pool:
        rows = [row for rows in pool.map(block, blocks) for row in rows]
    drawn, of_one = (np.array(column) for column in zip(*rows, strict=True))
    varies = drawn.std(axis=0) > _FORCED * of_one.std(axis=0)
    free = np.asarray(varies & ~_forced(batch.astype(np.float64), graphs, family, fitted))
    measured = evaluate_arrays(batch, graphs, family=family, threads=threads).mean(axis=0)
    return Simulated(measured, drawn, of_one, free)


def _one(model: BlockGaussian, rng: np.random.Generator) -> Array:
    """One matrix of a model, with the trivial components of one of its matrices; (1, rows, columns)."""
    given = np.zeros((0, 0)) if model.given is None else model.given
    return BlockGaussian(model.space, model.parameters, given[rng.integers(len(given))][None]).sample(1, rng)


def comparison_table(model: BlockGaussian, graphs: tuple[Multigraph, ...], found: Simulated) -> pd.DataFrame:
    """The columns of `compare`, and bias: the simulated mean of measured - predicted.

    Args:
        model: given the trivial components of the matrices.
        graphs: those of `found`.
        found: as `simulated` gives it.

    Returns:
        A row a graph.
    """
    predicted = model.expectation(graphs)
    deviation = np.where(found.free, found.of_one.std(axis=0, ddof=1), 0.0)
    z = found.z
    p = 2 * t.sf(np.abs(z), len(found.drawn) - 1)
    difference = np.abs(found.measured - predicted)
    return pd.DataFrame(
        {
            **graph_columns(graphs),
            "predicted": predicted,
            "measured": found.measured,
            "standard_deviation": deviation,
            "standard_error": np.where(found.free, found.error, 0.0),
            "bias": np.where(found.free, found.drawn.mean(axis=0) - predicted, 0.0),
            "deviation": np.divide(difference, deviation, out=np.full_like(p, np.nan), where=deviation > 0),
            "z": z,
            "p_value": p,
            "q_value": q_values(p),
        }
    )


def _forced(
    batch: NDArray[np.floating], graphs: tuple[Multigraph, ...], family: GraphFamily, fitted: bool
) -> NDArray[np.bool_]:
    """(graphs,): whether the fit and the trivial components leave an invariant no freedom.

    Averages of linear and quadratic invariants are functions of them. In one matrix the products of these are too, and
    what has a linear factor that is zero in all matrices is zero.
    """
    linear = tuple({component for graph in graphs for component in graph.components if component.degree == 1})
    zero: set[Multigraph] = set()
    if linear:
        values, largest = (evaluate_arrays(m, linear, family=family) for m in (batch, np.abs(batch)))
        vanishes = np.abs(values) <= _ZERO * largest
        zero = {graph for graph, column in zip(linear, vanishes.T, strict=True) if column.all()}

    def is_forced(graph: Multigraph) -> bool:
        most = max(component.degree for component in graph.components)
        by_fit = fitted and (graph.degree <= 2 or (len(batch) == 1 and most <= 2))
        return most == 1 or by_fit or any(component in zero for component in graph.components)

    return np.array([is_forced(graph) for graph in graphs], dtype=bool)


def _check_fit(model: BlockGaussian, batch: NDArray[np.floating]) -> None:
    """Raise ValueError unless a model is the maximum-likelihood fit of matrices given their trivial components."""
    refit = BlockGaussian.fit(batch, model.space, given_trivial=True)
    # parameters of the trivial irrep are not known: NaN, which is not above
    moved = np.abs(model.parameters - refit.parameters) > TOLERANCE * standard_errors(refit, len(batch))
    spread = np.sqrt(sum(dimension * float(np.trace(block)) for dimension, block in refit.varying))
    given, own = (np.zeros((0, 0)) if rows is None else rows for rows in (model.given, refit.given))
    same = given.shape == own.shape and bool((np.abs(given - own) <= TOLERANCE * spread).all())
    if not same or moved[len(model.means) :].any():
        raise ValueError(
            "model must be the fit of these matrices by maximum likelihood given their trivial components, got another "
            "one; pass fitted=False for a model that was not fitted to them"
        )
