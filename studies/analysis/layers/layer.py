"""One layer through training, epoch by epoch: matrices -> fit -> comparison, distances, deviations from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ....fitting import (
    BlockGaussian,
    MatrixSpace,
    SquareSpace,
    compare,
    kl_divergence,
    wasserstein_distance,
    wasserstein_distance_squared,
)
from ....fitting.tests_of_models.gaussianity.graph_columns import graph_columns
from ....invariants import RECTANGULAR, SQUARE, Multigraph, evaluate, multigraphs
from ....invariants.graphs.families import GraphFamily
from ..network_subsets import ALL
from ..verdicts import draws_for
from .constraints import symmetry_table
from .initial_law import InitialLaw
from .interior_parameters import interior_parameter_table
from .output_classes import class_table, class_test_table
from .sampling_errors import invariant_variances, parameter_law, variances_of_uncorrelated_terms
from .symmetrised import averaged_comparison, five_parameter_model, symmetrised_comparison_table
from .tests import (
    PERMUTATION_DRAWS,
    calibrated_comparison,
    chosen_replicates,
    distance_to_initialisation,
    invariance_table,
    nested_model_table,
    permutation_tests_affordable,
)

Array = NDArray[np.float64]
Matrices = NDArray[np.floating]
Tables = dict[str, pd.DataFrame]
#: Epoch, subset and table of a snapshot.
_Part = tuple[float, str, pd.DataFrame]

#: What `analyse_layer` may return: `symmetry`, `bipartite` and `symmetrised_comparison` are of square layers only, the
#: tables of classes of the output layer; `omissions` has the snapshots that no model could be fitted to; the last six
#: are of all networks, and of some epochs (`spread`).
LAYER_TABLES = (
    *("parameters", "interior_parameters", "symmetry", "comparison", "bipartite", "symmetrised_comparison"),
    *("distances", "initialisation", "output_classes", "class_tests", "omissions"),
    *("nested_models", "invariance", "bootstrap", "gaussianity", "bipartite_bootstrap", "bipartite_gaussianity"),
)

#: Draws of the bootstrap at the first epoch, if nobody asks for a number. The last epoch, which the page judges, has as
#: many as it takes for a test to depart among all that are judged, and so have the tests by permutation.
REPLICATES = 99

# How many epochs have the nested models, and the tests by permutation that are quick; the slower ones and the
# bootstrap are of the first and the last.
_NESTED_MODEL_EPOCHS = 17

# Snapshots read from the store at once.
_SLAB_BYTES = 1 << 28


def analyse_layer(
    weights: xr.DataArray,
    law: InitialLaw,
    masks: Mapping[str, NDArray[np.bool_]],
    advance: Callable[[], None] = lambda: None,
    replicates: int | None = None,
    output: bool = False,
    judged: int = 1,
    epochs: Sequence[float] | None = None,
) -> Tables:
    """Tables of one layer, each with the columns epoch and subset in front.

    Args:
        weights: (network, epoch, row, column).
        law: that of the layer's entries before training.
        masks: networks (network,) of each subset.
        advance: called after each epoch.
        replicates: of the bootstrap at the first and the last epoch; None: as many as verdicts need, unless that would
            take long, then none.
        output: whether the rows are classes.
        judged: how many tests the page judges, which sets the random draws at the last epoch (`draws_for`).
        epochs: all of the layer, in order, if these weights are of some of them only.

    Returns:
        Those of `LAYER_TABLES` that have rows.

    >>> matrices = np.random.default_rng(0).normal(size=(20, 1, 4, 4)) / 2
    >>> weights = xr.DataArray(matrices, dims=("network", "epoch", "row", "col"), coords={"epoch": [0.0]})
    >>> tables = analyse_layer(weights, InitialLaw.of("gaussian", 4), {"all": np.ones(20, bool)})
    >>> {name: len(table) for name, table in tables.items() if len(table) < 14}
    {'parameters': 13, 'interior_parameters': 5, 'symmetry': 8, 'symmetrised_comparison': 3, 'distances': 1,
     'initialisation': 13, 'nested_models': 9, 'gaussianity': 1, 'bipartite_gaussianity': 1}
    """
    rows: dict[str, list[_Part]] = {name: [] for name in LAYER_TABLES}
    epochs = epochs or epochs_of(weights)
    count, *shape = (weights.sizes[name] for name in weights.dims if name != "epoch")
    some, ends = spread(epochs, _NESTED_MODEL_EPOCHS), spread(epochs, 2)
    quick = permutation_tests_affordable(len(some) * count, (shape[0], shape[1]))
    draws = draws_for(judged)
    bootstrap = {
        epoch: chosen_replicates(replicates, most, len(ends) * count, (shape[0], shape[1]))
        for epoch, most in ((ends[0], REPLICATES), (ends[-1], draws))
    }
    for epoch, matrices in snapshots(weights):
        done: dict[bytes, Tables] = {}
        for subset, mask in masks.items():
            # subsets that are the same networks are analysed once
            found = done.setdefault(mask.tobytes(), {}) or analyse_snapshot(matrices[mask], law, output)
            done[mask.tobytes()] = found
            for name, table in found.items():
                rows[name].append((epoch, subset, table))
        if "omissions" not in done[masks[ALL].tobytes()]:
            permute, last = epoch in (some if quick else ends), epoch == ends[-1]
            for name, table in snapshot_tests(
                matrices[masks[ALL]],
                nested=epoch in some,
                permutations=permute * (draws if last else PERMUTATION_DRAWS),
                replicates=bootstrap.get(epoch, 0),
            ).items():
                rows[name].append((epoch, ALL, table))
        advance()
    return {name: _labelled(parts) for name, parts in rows.items() if parts}


def epochs_of(weights: xr.DataArray) -> list[float]:
    """List the epochs of a layer.

    Args:
        weights: (network, epoch, row, column).

    Returns:
        Their times, in order.
    """
    times: list[float] = weights.epoch.to_numpy().astype(float).tolist()
    return times


def joined(parts: Sequence[Tables]) -> Tables:
    """Put the tables of the epochs of a layer together.

    Args:
        parts: as `analyse_layer` returns them, in the order of their epochs.

    Returns:
        Those of the whole layer.
    """
    return {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in LAYER_TABLES
        if any(name in part for part in parts)
    }


def analyse_snapshot(matrices: Matrices, law: InitialLaw, output: bool = False) -> Tables:
    """Make the tables of one subset at one epoch.

    Args:
        matrices: (n, rows, columns).
        law: that of the entries at initialisation.
        output: whether the rows are classes.

    Returns:
        The tables by name; only `omissions`, with the reason, if no model can be fitted.

    >>> analyse_snapshot(np.ones((2, 4, 4)), InitialLaw.of("gaussian", 4))["omissions"].reason[0]
    'matrices must be at least 3 for a fit, got 2'
    """
    try:
        model = BlockGaussian.fit(matrices)
        comparison = compare(model, matrices, graphs_of_degrees((3, 4), model.space.decomposition.family))
    except ValueError as error:
        return {"omissions": pd.DataFrame({"networks": [len(matrices)], "reason": [str(error)]})}
    parameters = parameter_table(model, matrices, law)
    found = {
        "parameters": parameters,
        "comparison": comparison,
        "distances": distance_table(model, law, len(matrices)),
        "initialisation": initialisation_table(model, matrices, law),
    }
    if isinstance(model.space, SquareSpace):
        five = five_parameter_model(matrices)
        graphs, bipartite = (graphs_of_degrees((3, 4), family) for family in (SQUARE, RECTANGULAR))
        found["symmetry"] = symmetry_table(model, matrices)
        found["interior_parameters"] = interior_parameter_table(parameter_table(five, matrices, law), five, law)
        found["bipartite"] = compare(five, matrices, bipartite)
        averaged = averaged_comparison(five, matrices, graphs, bipartite)
        found["symmetrised_comparison"] = symmetrised_comparison_table(comparison, averaged, found["bipartite"])
    else:
        found["interior_parameters"] = interior_parameter_table(parameters, model, law)
    if output:
        found |= {"output_classes": class_table(matrices), "class_tests": class_test_table(matrices)}
    return found


def snapshot_tests(matrices: Matrices, *, nested: bool, permutations: int = 0, replicates: int = 0) -> Tables:
    """The tests that are too costly for every epoch.

    Args:
        matrices: (n, rows, columns), enough for a fit.
        nested: whether to fit the nested models.
        permutations: draws of the exact tests of symmetry and of invariance; 0: none.
        replicates: of the bootstrap; 0: none.

    Returns:
        Those of nested, invariance, bootstrap and gaussianity that were asked for, see `ensemble_tests`; of square
        matrices the latter two also for the five-parameter model.

    >>> matrices = np.random.default_rng(0).normal(size=(20, 4, 4))
    >>> list(snapshot_tests(matrices, nested=True))
    ['nested_models']
    """
    model = BlockGaussian.fit(matrices)
    tables: Tables = {}
    if nested:
        tables["nested_models"] = nested_model_table(model, matrices, permutations)
    if permutations:
        tables["invariance"] = invariance_table(matrices, model.space, permutations)
    if replicates:
        graphs = graphs_of_degrees((3, 4), model.space.decomposition.family)
        tables |= _bootstrap_tables(model, matrices, graphs, replicates, "")
        if isinstance(model.space, SquareSpace):
            five, bipartite = five_parameter_model(matrices), graphs_of_degrees((3, 4), RECTANGULAR)
            tables |= _bootstrap_tables(five, matrices, bipartite, replicates, "bipartite_")
    return tables


def _bootstrap_tables(
    model: BlockGaussian, matrices: Matrices, graphs: Sequence[Multigraph], replicates: int, prefix: str
) -> Tables:
    table, overall = calibrated_comparison(model, matrices, graphs, replicates)
    return {f"{prefix}bootstrap": table, f"{prefix}gaussianity": overall} if len(overall) else {}


def spread(epochs: Sequence[float], most: int) -> list[float]:
    """At most so many of the epochs, first and last among them, closer at the start, where training moves most.

    >>> spread(range(51), 5), spread([0.0, 1.0], 5)
    ([0, 1, 4, 14, 50], [0.0, 1.0])
    """
    last = len(epochs) - 1
    if last < most:
        return list(epochs)
    places = np.rint(np.geomspace(1, last, most - 1)) if most > 2 else [last]
    return [epochs[place] for place in sorted({0, *(int(place) for place in places)})]


def parameter_table(model: BlockGaussian, matrices: Matrices, law: InitialLaw) -> pd.DataFrame:
    """The fitted parameters, a row each, beside their exact values at initialisation.

    Columns: networks, parameter, index, estimate, standard_error (estimated from the matrices), initial (exact),
    initial_standard_error (exact, of an estimate from so many matrices at initialisation), z_from_initial.

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=0.25).sample(100, seed=0)
    >>> table = parameter_table(PIGMM.fit(matrices), matrices, InitialLaw.of("gaussian", 4))
    >>> len(table), bool((table.z_from_initial.abs() < 4).all())
    (13, True)
    """
    count = len(matrices)
    expected, error = parameter_law(law, model.space, count)
    return pd.DataFrame(
        {
            "networks": count,
            "parameter": model.names,
            "index": range(len(model.names)),
            "estimate": model.parameters,
            "standard_error": model.influence(matrices).std(axis=0, ddof=1) / np.sqrt(count),
            "initial": law.model(model.space).parameters,
            "initial_standard_error": error,
            "z_from_initial": (model.parameters - expected) / error,
        }
    )


def distance_table(model: BlockGaussian, law: InitialLaw, count: int) -> pd.DataFrame:
    """One row: networks, and wasserstein, wasserstein_squared, kl (nats) to the exact model at initialisation.

    null_mean, null_lower, null_upper and p_value are of the Wasserstein distance: what fits to so many matrices of the
    law at initialisation would have, the band with probability 0.9.

    >>> from pigmm.fitting import PIGMM
    >>> distance_table(PIGMM.iid(4, variance=1.0), InitialLaw.of("gaussian", 4), 100).wasserstein.tolist()
    [2.0]
    """
    initial = law.model(model.space)
    return pd.DataFrame(
        {
            "networks": [count],
            "wasserstein": [wasserstein_distance(model, initial)],
            "wasserstein_squared": [wasserstein_distance_squared(model, initial)],
            "kl": [kl_divergence(model, initial)],
            **distance_to_initialisation(model, law, count).drop("distance").to_frame().T.to_dict("list"),
        }
    )


def initialisation_table(model: BlockGaussian, matrices: Matrices, law: InitialLaw) -> pd.DataFrame:
    """Compare the linear and quadratic invariants with initialisation (quantity (1) of arXiv:2510.05218).

    Columns: networks, graph, formula, degree, nodes, measured (mean), expected, standard_error (exact, at
    initialisation), deviation = |measured - expected| / standard_error, z, the same with its sign, and
    published_deviation, with the standard error of the paper's published code (see `variances_of_uncorrelated_terms`).

    >>> from pigmm.fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=0.25).sample(100, seed=0)
    >>> table = initialisation_table(PIGMM.fit(matrices), matrices, InitialLaw.of("gaussian", 4))
    >>> len(table), bool((table.deviation < 4).all())
    (13, True)
    """
    graphs = graphs_of_degrees((1, 2), model.space.decomposition.family)
    measured = evaluate(matrices, graphs).mean(axis=0)
    expected, variances, uncorrelated = _at_initialisation(law, model.space)  # type: ignore[arg-type]
    error, published = np.sqrt(variances / len(matrices)), np.sqrt(uncorrelated / len(matrices))
    z = (measured - expected) / error
    return pd.DataFrame(
        {
            "networks": len(matrices),
            **graph_columns(graphs),
            "measured": measured,
            "expected": expected,
            "standard_error": error,
            "deviation": np.abs(z),
            "z": z,
            "published_deviation": np.abs(measured - expected) / published,
        }
    )


@lru_cache(maxsize=16)
def _at_initialisation(law: InitialLaw, space: MatrixSpace) -> tuple[Array, Array, Array]:
    """Means of the linear and quadratic invariants, their variances, and those of the paper's published code."""
    graphs = graphs_of_degrees((1, 2), space.decomposition.family)
    mean = law.model(space).expectation(graphs)
    return mean, invariant_variances(law, space, graphs), variances_of_uncorrelated_terms(law, space, graphs)


@lru_cache(maxsize=16)  # asked for at every epoch
def graphs_of_degrees(degrees: tuple[int, ...], family: GraphFamily) -> tuple[Multigraph, ...]:
    """All graphs of the given degrees, degree by degree, in the order of `multigraphs`.

    >>> from pigmm.invariants import SQUARE
    >>> len(graphs_of_degrees((3, 4), SQUARE))
    348
    """
    return tuple(graph for degree in degrees for graph in multigraphs(degree, family))


def snapshots(weights: xr.DataArray) -> Iterator[tuple[float, Matrices]]:
    """(epoch, matrices (network, row, column)) one after another; the store is read in slabs of bounded memory.

    >>> dims = ("network", "epoch", "row", "col")
    >>> weights = xr.DataArray(np.zeros((3, 2, 4, 4)), dims=dims, coords={"epoch": [0, 1]})
    >>> [(epoch, matrices.shape) for epoch, matrices in snapshots(weights)]
    [(0.0, (3, 4, 4)), (1.0, (3, 4, 4))]
    """
    for start, end in slabs(weights):
        slab = weights.isel(epoch=slice(start, end)).load()
        values = slab.to_numpy()
        for place, epoch in enumerate(epochs_of(slab)):
            yield epoch, values[:, place]


def slabs(weights: xr.DataArray) -> list[tuple[int, int]]:
    """Divide the epochs of a layer into slabs that are read at once, so that memory is bounded.

    Args:
        weights: (network, epoch, row, column), perhaps in a store.

    Returns:
        Number of the first epoch of each, and of the one after its last.

    >>> slabs(xr.DataArray(np.zeros((3, 2, 4, 4)), dims=("network", "epoch", "row", "col")))
    [(0, 2)]
    """
    epochs = weights.sizes["epoch"]
    step = max(1, _SLAB_BYTES * epochs // max(1, weights.nbytes))
    return [(start, min(start + step, epochs)) for start in range(0, epochs, step)]


def _labelled(parts: Sequence[_Part]) -> pd.DataFrame:
    """Put the tables of snapshots together, with the epoch and the subset of each."""
    epochs, subsets, tables = zip(*parts, strict=True)
    lengths = [len(table) for table in tables]
    table: pd.DataFrame = pd.concat(tables, ignore_index=True)
    table.insert(0, "epoch", np.repeat(epochs, lengths))
    table.insert(1, "subset", np.repeat(subsets, lengths))
    return table
