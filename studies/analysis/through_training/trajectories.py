"""The paths of the layers through the space of models: distances between epochs and layers, and coordinates."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

from ....fitting import BlockGaussian, RectangularSpace, SquareSpace, distance_matrix, embed
from ....training import EnsembleConfig
from ..layers.layer import Tables, spread
from ..network_subsets import ALL
from ..selection import where

# How many epochs of a layer are on its path.
_EPOCHS = 17


def trajectory_tables(parameters: pd.DataFrame, config: EnsembleConfig) -> Tables:
    """Wasserstein distances between the models of all epochs and layers of one shape, and a plane that shows them.

    Args:
        parameters: with the columns layer, epoch, subset, index and estimate; all networks are taken.
        config: of the ensemble, for the shapes.

    Returns:
        trajectory_distances: rows, columns (of the shape), layer, epoch, other_layer, other_epoch, wasserstein;
        trajectory: rows, columns, layer, epoch, x1, x2, share1, share2 (of the distances that a coordinate shows, see
        `embed`). Nothing of shapes with fewer than three models.

    >>> from pigmm.fitting import PIGMM
    >>> models = [PIGMM.iid(4, variance=1.0 + epoch) for epoch in range(3)]
    >>> rows = [pd.DataFrame({"layer": 1, "epoch": float(epoch), "subset": "all", "index": range(13),
    ...                       "estimate": model.parameters}) for epoch, model in enumerate(models)]
    >>> tables = trajectory_tables(pd.concat(rows), EnsembleConfig(hidden=(4, 4)))
    >>> [len(table) for table in tables.values()], tables["trajectory"].share1.round(6).tolist()
    ([9, 3], [1.0, 1.0, 1.0])
    """
    everyone = where(parameters, subset=ALL)
    distances: list[pd.DataFrame] = []
    places: list[pd.DataFrame] = []
    for (rows, columns), layers in layers_by_shape(config).items():
        space = SquareSpace(rows) if rows == columns else RectangularSpace(rows, columns)
        own = everyone[everyone.layer.isin(layers)]
        chosen = spread(sorted(own.epoch.unique()), _EPOCHS)
        models: dict[Hashable, BlockGaussian] = {
            (layer, epoch): BlockGaussian.from_space(space, estimates.sort_values("index").estimate.to_numpy())
            for (layer, epoch), estimates in own[own.epoch.isin(chosen)].groupby(["layer", "epoch"])
        }
        if len(models) < 3:
            continue
        table = distance_matrix(models)
        plane = embed(table, dimensions=2)
        for place, share in enumerate(plane.attrs["shares"], start=1):
            plane[f"share{place}"] = share
        long = table.rename_axis(columns=["other_layer", "other_epoch"]).reset_index()
        long = long.melt(id_vars=[("layer", ""), ("epoch", "")], value_name="wasserstein")
        long = long.rename(columns={("layer", ""): "layer", ("epoch", ""): "epoch"})
        for parts, part in ((distances, long), (places, plane.reset_index())):
            part.insert(0, "rows", rows)
            part.insert(1, "columns", columns)
            parts.append(part)
    if not places:
        return {}
    return {
        "trajectory_distances": pd.concat(distances, ignore_index=True),
        "trajectory": pd.concat(places, ignore_index=True),
    }


def layers_by_shape(config: EnsembleConfig) -> dict[tuple[int, int], list[int]]:
    """The stored layers, those of one shape together.

    >>> layers_by_shape(EnsembleConfig(layers="all"))
    {(10, 784): [0], (10, 10): [1, 2, 3]}
    """
    found: dict[tuple[int, int], list[int]] = {}
    for layer in config.stored_layers:
        found.setdefault(config.shapes[layer], []).append(layer)
    return found
