"""Layers side by side: what is shared out among processes is what one process finds."""

from __future__ import annotations

import subprocess
import sys

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


PROGRAM = """
import numpy as np, xarray as xr
from pigmm.studies.analysis.side_by_side import analyse_layers
from pigmm.training import EnsembleConfig

weights = (("network", "epoch", "row", "col"), np.random.default_rng(0).normal(size=(20, 40, 10, 10)))
ensemble = xr.Dataset({"weight_1": weights}, coords={"epoch": np.arange(40.0)})
masks = {"all": np.ones(20, dtype=bool)}
config = EnsembleConfig(hidden=(10, 10), networks=20)
list(analyse_layers(ensemble, config, [1], masks, lambda: print("an epoch", flush=True), 9, 2))
"""


def test_processes_end_with_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "an epoch\n"
        process.kill()
        # the pipe ends with the last process that might write to it; loky's own would wait for five minutes
        process.communicate(timeout=120)
