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
from .layers.initial_law import InitialLaw
from .layers.layer import LAYER_TABLES, Tables, analyse_layer
from .network_subsets import network_subsets
from .questions import how_many_tests, study_tests
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
) -> Tables:
    """Make all tables of a study; layers that an interrupted analysis had finished are read from `partial`.

    Args:
        ensemble: as `open_ensemble` gives it.
        config: what it was made with.
        partial: folder in which finished layers are kept.
        advance: called after each epoch of each layer.
        replicates: of the bootstrap at the first and the last epoch; see `analyse_layer`.
        images: (count, pixels), by which dead units are found; None: nothing about these.

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
    layers: dict[str, list[pd.DataFrame]] = {name: [] for name in LAYER_TABLES}
    for layer in config.stored_layers:
        folder = partial / f"weight_{layer}"
        found = kept_tables(folder)
        if found is not None:
            for _ in range(ensemble.sizes["epoch"]):
                advance()
        else:
            law = InitialLaw.of_layer(config, layer)
            is_output = layer == len(config.shapes) - 1
            weights, judged = ensemble[f"weight_{layer}"], how_many_tests(config)
            analysed = analyse_layer(weights, law, masks, advance, replicates, is_output, judged)
            for table in analysed.values():
                table.insert(0, "layer", layer)
            keep_tables(folder, analysed)
            # as they read back, so that a study that was interrupted ends with the same page
            found = kept_tables(folder)
            assert found is not None
        for name, table in found.items():
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
