"""One layer through training, epoch by epoch: matrices -> fit -> comparison, distances, deviations from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ..fitting import (
    BlockGaussian,
    SquareSpace,
    compare,
    kl_divergence,
    wasserstein_distance,
    wasserstein_distance_squared,
)
from ..fitting.comparison import graph_columns
from ..invariants import Multigraph, evaluate, multigraphs
from ..invariants.families import GraphFamily
from .initial_law import InitialLaw
from .sampling_errors import invariant_variances, parameter_law
from .symmetry import symmetry_table

Matrices = NDArray[np.floating]
Tables = dict[str, pd.DataFrame]

#: What `analyse_layer` may return: `symmetry` is of square layers only, `omissions` has the snapshots that no model
#: could be fitted to.
LAYER_TABLES = ("parameters", "symmetry", "comparison", "distances", "initialisation", "omissions")

# Snapshots read from the store at once.
_SLAB_BYTES = 1 << 28


def analyse_layer(
    weights: xr.DataArray,
    law: InitialLaw,
    masks: Mapping[str, NDArray[np.bool_]],
    advance: Callable[[], None] = lambda: None,
) -> Tables:
    """Tables of one layer, each with the columns epoch and population in front.

    Args:
        weights: (network, epoch, row, column).
        law: that of the layer's entries before training.
        masks: networks (network,) of each population.
        advance: called after each epoch.

    Returns:
        Those of `LAYER_TABLES` that have rows.

    >>> matrices = np.random.default_rng(0).normal(size=(20, 1, 4, 4)) / 2
    >>> weights = xr.DataArray(matrices, dims=("network", "epoch", "row", "col"), coords={"epoch": [0.0]})
    >>> tables = analyse_layer(weights, InitialLaw.of("gaussian", 4), {"all": np.ones(20, bool)})
    >>> {name: len(table) for name, table in tables.items()}
    {'parameters': 13, 'symmetry': 8, 'comparison': 348, 'distances': 1, 'initialisation': 13}
    """
    rows: dict[str, list[pd.DataFrame]] = {name: [] for name in LAYER_TABLES}
    for epoch, matrices in snapshots(weights):
        done: dict[bytes, Tables] = {}
        for population, mask in masks.items():
            # populations that are the same networks are analysed once
            found = done.setdefault(mask.tobytes(), {}) or analyse_snapshot(matrices[mask], law)
            done[mask.tobytes()] = found
            for name, table in found.items():
                rows[name].append(_labelled(table, epoch=epoch, population=population))
        advance()
    return {name: pd.concat(parts, ignore_index=True) for name, parts in rows.items() if parts}


def analyse_snapshot(matrices: Matrices, law: InitialLaw) -> Tables:
    """Tables of one population at one epoch; only `omissions`, with the reason, if no model can be fitted to it.

    Args:
        matrices: (n, rows, columns).
        law: that of the entries at initialisation.

    >>> analyse_snapshot(np.ones((2, 4, 4)), InitialLaw.of("gaussian", 4))["omissions"].reason[0]
    'matrices must be at least 3 for a fit, got 2'
    """
    try:
        model = BlockGaussian.fit(matrices)
    except ValueError as error:
        return {"omissions": pd.DataFrame({"networks": [len(matrices)], "reason": [str(error)]})}
    family = model.space.decomposition.family
    square = {"symmetry": symmetry_table(model, matrices)} if isinstance(model.space, SquareSpace) else {}
    return {
        "parameters": parameter_table(model, matrices, law),
        **square,
        "comparison": compare(model, matrices, graphs_of_degrees((3, 4), family)),
        "distances": distance_table(model, law, len(matrices)),
        "initialisation": initialisation_table(model, matrices, law),
    }


def parameter_table(model: BlockGaussian, matrices: Matrices, law: InitialLaw) -> pd.DataFrame:
    """The fitted parameters, a row each, beside their exact values at initialisation.

    Columns: networks, parameter, index, estimate, standard_error (estimated from the matrices), initial (exact),
    initial_standard_error (exact, of an estimate from so many matrices at initialisation), z_from_initial.

    >>> from ..fitting import PIGMM
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

    >>> from ..fitting import PIGMM
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
        }
    )


def initialisation_table(model: BlockGaussian, matrices: Matrices, law: InitialLaw) -> pd.DataFrame:
    """How far the linear and quadratic invariants are from initialisation (quantity (1) of arXiv:2510.05218).

    Columns: networks, graph, formula, degree, nodes, measured (mean), expected, standard_error (exact, at
    initialisation), deviation = |measured - expected| / standard_error, and z, the same with its sign.

    >>> from ..fitting import PIGMM
    >>> matrices = PIGMM.iid(4, variance=0.25).sample(100, seed=0)
    >>> table = initialisation_table(PIGMM.fit(matrices), matrices, InitialLaw.of("gaussian", 4))
    >>> len(table), bool((table.deviation < 4).all())
    (13, True)
    """
    graphs = graphs_of_degrees((1, 2), model.space.decomposition.family)
    measured = evaluate(matrices, graphs).mean(axis=0)
    expected = law.model(model.space).expectation(graphs)
    error = np.sqrt(invariant_variances(law, model.space, graphs) / len(matrices))
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
        }
    )


def graphs_of_degrees(degrees: tuple[int, ...], family: GraphFamily) -> tuple[Multigraph, ...]:
    """All graphs of the given degrees, degree by degree, in the order of `multigraphs`.

    >>> from ..invariants import SQUARE
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
    epochs = weights.sizes["epoch"]
    step = max(1, _SLAB_BYTES * epochs // max(1, weights.nbytes))
    for start in range(0, epochs, step):
        slab = weights.isel(epoch=slice(start, start + step))
        values = slab.to_numpy()
        for place, epoch in enumerate(slab.epoch.to_numpy()):
            yield float(epoch), values[:, place]


def _labelled(table: pd.DataFrame, **labels: float | str) -> pd.DataFrame:
    copy = table.copy()
    for place, (name, value) in enumerate(labels.items()):
        copy.insert(place, name, value)
    return copy
