"""Layers side by side: what is shared out among processes is what one process finds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from pigmm.studies.analysis.side_by_side import analyse_layers
from pigmm.training import EnsembleConfig


def test_processes_do_not_change_the_tables() -> None:
    """Two layers of five epochs, more than one task has, the last of them the output: the same bits in their order."""
    config = EnsembleConfig(hidden=(10, 10), networks=20)
    rng = np.random.default_rng(0)
    dims = ("network", "epoch", "row", "col")
    ensemble = xr.Dataset(
        {f"weight_{layer}": (dims, rng.normal(size=(20, 5, 10, 10)).astype(np.float32)) for layer in (1, 2)},
        coords={"epoch": np.arange(5.0)},
    )
    masks = {"all": np.ones(20, dtype=bool), "trained": np.arange(20) > 0}
    steps: list[int] = []
    alone, shared = (
        dict(analyse_layers(ensemble, config, [1, 2], masks, lambda: steps.append(1), 9, processes))
        for processes in (1, 2)
    )
    assert len(steps) == 2 * 10
    assert list(alone) == list(shared) == [1, 2]
    assert {"output_classes", "class_tests"} == alone[2].keys() - alone[1].keys()
    for layer, tables in alone.items():
        assert list(tables) == list(shared[layer])
        for name, table in tables.items():
            pd.testing.assert_frame_equal(shared[layer][name], table, check_exact=True, obj=name)
