"""The analysis of a trained ensemble: every stored layer, and the tables that follow from the layers'."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ...training import EnsembleConfig
from ..runs.kept_tables import keep_tables, kept_tables
from .dead_units import can_be_seen, dead_unit_tables
from .layers.layer import LAYER_TABLES, Tables
from .network_subsets import network_subsets
from .questions import study_tests
from .side_by_side import analyse_layers, worth_processes
from .summaries import comparison_summary, largest_departures
from .through_training.learning import learning_table, network_table
from .through_training.relative_change import change_table
from .through_training.trajectories import trajectory_tables
from .verdicts import verdict_table


def analyse(
    ensemble: xr.Dataset,
    config: EnsembleConfig,
    partial: Path,
    advance: Callable[[], None] = lambda: None,
    replicates: int | None = None,
    images: NDArray[np.uint8] | None = None,
    processes: int | None = None,
) -> Tables:
    """Make all tables of a study; layers that an interrupted analysis had finished are read from `partial`.

    Args:
        ensemble: as `open_ensemble` gives it.
        config: what it was made with.
        partial: folder in which finished layers are kept.
        advance: called after each epoch of each layer.
        replicates: of the bootstrap at the first and the last epoch; see `analyse_layer`.
        images: (count, pixels), by which dead units are found; None: nothing about these.
        processes: how many analyse layers at once, which does not change the tables; None: as many as there are cores,
            or one if there is little to do.

    Returns:
        The tables by name.

    >>> from tempfile import TemporaryDirectory
    >>> from pigmm.training import train_ensemble
    >>> config = EnsembleConfig(hidden=(4, 4), networks=6, epochs=1, block_size=6)
    >>> with TemporaryDirectory() as folder:
    ...     ensemble = train_ensemble(config, Path(folder) / "ensemble.zarr", progress=False)
    ...     tables = analyse(ensemble, config, Path(folder) / "partial")
    >>> tables["distances"][["layer", "epoch", "subset"]].values.tolist()[0]
    [1, 0.0, 'all']
    """
    masks = network_subsets(ensemble)
    tables: Tables = {"training": learning_table(ensemble, masks), "networks": network_table(ensemble)}
    folders = {layer: partial / f"weight_{layer}" for layer in config.stored_layers}
    found = {layer: kept for layer, folder in folders.items() if (kept := kept_tables(folder)) is not None}
    for _ in range(len(found) * ensemble.sizes["epoch"]):
        advance()
    missing = [layer for layer in config.stored_layers if layer not in found]
    processes = worth_processes(ensemble, missing) if processes is None else processes
    for layer, analysed in analyse_layers(ensemble, config, missing, masks, advance, replicates, processes):
        for table in analysed.values():
            table.insert(0, "layer", layer)
        keep_tables(folders[layer], analysed)
        # as they read back, so that a study that was interrupted ends with the same page
        kept = kept_tables(folders[layer])
        assert kept is not None
        found[layer] = kept
    layers: dict[str, list[pd.DataFrame]] = {name: [] for name in LAYER_TABLES}
    for layer in config.stored_layers:
        for name, table in found[layer].items():
            layers[name].append(table)
    tables |= {name: pd.concat(parts, ignore_index=True) for name, parts in layers.items() if parts}
    if "comparison" in tables:
        tables["comparison_summary"] = comparison_summary(tables["comparison"])
        tables["largest_departures"] = largest_departures(tables["comparison"])
        tables["change"] = change_table(tables["comparison"])
    if "parameters" in tables:
        tables |= trajectory_tables(tables["parameters"], config)
    if images is not None and can_be_seen(config):
        tables |= dead_unit_tables(ensemble, config, images)
    if tests := study_tests(tables):
        tables["verdicts"] = verdict_table(tests, "layer").astype({"layer": "Int64"})
    return tables
