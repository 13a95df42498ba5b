"""Hidden units that are off for every image, and what the active units say alone.

A ReLU that is off for all images passes nothing on and learns nothing: no gradient reaches the weights into it, nor
those out of it, which are a column of the next matrix. An ensemble of such matrices is a mixture, of columns that were
trained and of columns that were not, and a model of the whole sees their average.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ...fitting import BlockGaussian, RectangularSpace, compare
from ...invariants import RECTANGULAR
from ...training import EnsembleConfig, normalise
from .layers.layer import graphs_of_degrees

Masks = NDArray[np.bool_]

#: Choices of columns.
ACTIVE, RANDOM, DEAD = "active", "random", "dead"

#: Fewer networks than this make no comparison.
FEWEST = 100

# Weights of so many bytes, and activations of so many, are held at once.
_SLAB_BYTES = 1 << 27


def can_be_seen(config: EnsembleConfig) -> bool:
    """Whether the store has all that decides which units are off: every hidden layer's weights, ReLUs, no biases.

    >>> can_be_seen(EnsembleConfig(layers="all")), can_be_seen(EnsembleConfig())
    (True, False)
    """
    hidden = range(len(config.shapes) - 1)
    return config.activation == "relu" and not config.bias and set(hidden) <= set(config.stored_layers)


def dead_units(layers: Sequence[NDArray[np.floating]], images: NDArray[np.uint8]) -> list[Masks]:
    """Find the units of each hidden layer that are off for all the images.

    A unit whose value is not a number for an image, as in networks that diverged, is not off.

    Args:
        layers: weights (networks, units, inputs) of the hidden layers, the first one first.
        images: (count, pixels) uint8.

    Returns:
        (networks, units) bool for each layer.

    >>> one, minus_one = np.full((1, 4), 255, np.uint8), [[-1.0] * 4]
    >>> [mask.tolist() for mask in dead_units([np.array([[[1.0] * 4, *minus_one]])], one)]
    [[[False, True]]]
    """
    networks = len(layers[0])
    dead = [np.ones(layer.shape[:2], bool) for layer in layers]
    step = max(1, _SLAB_BYTES // (4 * networks * max(layer.shape[1] for layer in layers)))
    for start in range(0, len(images), step):
        seen = normalise(images[start : start + step])
        with np.errstate(over="ignore", invalid="ignore"):  # of networks that diverged
            first = layers[0].reshape(-1, layers[0].shape[2]).astype(np.float32, copy=False) @ seen.T
            on = np.maximum(first, 0).reshape(networks, -1, len(seen))
            for k, layer in enumerate(layers):
                if k:
                    on = np.maximum(layer.astype(np.float32, copy=False) @ on, 0)
                dead[k] &= (on == 0).all(axis=2)
    return dead


def dead_unit_tables(
    ensemble: xr.Dataset, config: EnsembleConfig, images: NDArray[np.uint8]
) -> dict[str, pd.DataFrame]:
    """Tabulate the units that are off for all the images, at the first and at the last snapshot.

    Args:
        ensemble: as `open_ensemble` gives it.
        config: what it was made with; `can_be_seen`.
        images: (count, pixels) uint8, those of the test.

    Returns:
        `units`: a row for each network and hidden layer (columns epoch, layer, network, units, dead). `active_units`:
        the matrices between layers without the columns of dead units, see `active_unit_table`.
    """
    units, active = [], []
    for place in sorted({0, ensemble.sizes["epoch"] - 1}):
        snapshot = ensemble.isel(epoch=place)
        epoch = float(snapshot.epoch)
        for k, mask in enumerate(_dead_by_parts(snapshot, len(config.shapes) - 1, images)):
            columns = {"network": ensemble.network.to_numpy(), "units": mask.shape[1], "dead": mask.sum(axis=1)}
            units.append(pd.DataFrame({"epoch": epoch, "layer": k, **columns}))
            if k + 1 in config.stored_layers:
                table = active_unit_table(snapshot[f"weight_{k + 1}"].to_numpy(), mask)
                table.insert(0, "layer", k + 1)
                table.insert(0, "epoch", epoch)
                active.append(table)
    tables = {"units": pd.concat(units, ignore_index=True)}
    if any(len(table) for table in active):
        tables["active_units"] = pd.concat([table for table in active if len(table)], ignore_index=True)
    return tables


def _dead_by_parts(snapshot: xr.Dataset, hidden: int, images: NDArray[np.uint8]) -> list[Masks]:
    """`dead_units` of a snapshot, some networks at a time."""
    layers = [snapshot[f"weight_{k}"] for k in range(hidden)]
    count = snapshot.sizes["network"]
    step = max(1, _SLAB_BYTES * count // sum(layer.nbytes for layer in layers))
    parts = [
        dead_units([layer[start : start + step].to_numpy() for layer in layers], images)
        for start in range(0, count, step)
    ]
    return [np.concatenate(masks) for masks in zip(*parts, strict=True)]


def active_unit_table(matrices: NDArray[np.floating], dead: Masks) -> pd.DataFrame:
    """Departures from the 5-parameter model of S_M x S_N, of matrices without the columns of dead units.

    Matrices of one shape are needed: those of the networks with the most frequent number of dead units, if these are
    at least `FEWEST` and leave two columns. Beside them stand, of the same networks, as many columns chosen at random,
    and the dead ones if they are two.

    Args:
        matrices: (networks, rows, columns).
        dead: (networks, columns).

    Returns:
        A row for each choice of columns: chosen (active, random or dead), networks, rows, columns, variance (of
        the entries), largest_z and median_z over the 43 cubic and quartic bipartite invariants.

    >>> rng = np.random.default_rng(0)
    >>> table = active_unit_table(rng.normal(size=(200, 6, 5)), np.arange(5) < rng.integers(1, 3, (200, 1)))
    >>> table[["chosen", "columns"]].values.tolist()
    [['active', 3], ['random', 3], ['dead', 2]]
    """
    counts = dead.sum(axis=1)
    # no model of a single row or column, nor of numbers that are none
    mixed = (counts > 0) & (counts <= dead.shape[1] - 2) & np.isfinite(matrices).all(axis=(1, 2))
    frequent = np.bincount(counts[mixed], minlength=1).argmax()
    chosen = mixed & (counts == frequent)
    if chosen.sum() < FEWEST or matrices.shape[1] < 2:
        return pd.DataFrame()
    order = np.argsort(np.random.default_rng(0).random(dead.shape), axis=1)
    parts = {ACTIVE: ~dead, RANDOM: order >= frequent, DEAD: dead}
    graphs = graphs_of_degrees((3, 4), RECTANGULAR)
    rows = []
    for name, mask in parts.items():
        columns = int(mask[chosen][0].sum())
        if columns < 2:
            continue
        part = np.stack([matrix[:, kept] for matrix, kept in zip(matrices[chosen], mask[chosen], strict=True)])
        space = RectangularSpace(*part.shape[1:])
        z = compare(BlockGaussian.fit(part, space), part, graphs).z.abs()
        rows.append(
            {
                "chosen": name,
                "networks": len(part),
                "rows": part.shape[1],
                "columns": columns,
                "variance": float(part.var()),
                "largest_z": z.max(),
                "median_z": z.median(),
            }
        )
    return pd.DataFrame(rows)
