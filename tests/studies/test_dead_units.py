"""Units that are off: against a forward pass of torch, and what leaving out their columns does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pigmm.studies.analysis.dead_units import active_unit_table, can_be_seen, dead_unit_tables, dead_units
from pigmm.training import EnsembleConfig, load_dataset, normalise, train_ensemble


def test_as_in_a_forward_pass() -> None:
    rng = np.random.default_rng(0)
    # scaled so that some units are off for all of few images
    layers = [rng.normal(size=shape) for shape in ((7, 6, 16), (7, 5, 6), (7, 3, 5))]
    images = rng.integers(0, 256, (4, 16), dtype=np.uint8)
    found = dead_units(layers, images)
    assert 0 < sum(mask.sum() for mask in found) < sum(mask.size for mask in found)
    for network in range(7):
        on = torch.from_numpy(normalise(images)).double()
        for mask, layer in zip(found, layers, strict=True):
            on = torch.relu(on @ torch.from_numpy(layer[network]).T)
            np.testing.assert_array_equal(mask[network], (on == 0).all(dim=0).numpy())


def test_networks_that_diverged_are_not_dead() -> None:
    rng = np.random.default_rng(3)
    layers = [rng.normal(size=shape) for shape in ((3, 6, 16), (3, 5, 6))]
    images = rng.integers(128, 256, (4, 16), dtype=np.uint8)
    layers[0][:, 0] = -1  # off for images above zero
    whole = dead_units(layers, images)
    assert whole[0][:, 0].all()
    layers[0][0], layers[1][1] = np.nan, np.inf  # infinity times zero
    first, second = dead_units(layers, images)
    assert not first[0].any()
    assert not second[:2].any()
    for mask, before in zip((first, second), whole, strict=True):
        np.testing.assert_array_equal(mask[2], before[2])


def test_active_columns_alone_show_what_the_mixture_hides() -> None:
    rng = np.random.default_rng(1)
    networks, size = 1500, 8
    dead = rng.random((networks, size)).argsort(axis=1) < 4
    scales = rng.choice([0.2, 1.8], (networks, 1, size))  # columns of very different size are not Gaussian
    matrices = rng.normal(size=(networks, size, size)) * np.where(dead[:, None], 1.0, scales)
    table = active_unit_table(matrices, dead).set_index("chosen")
    assert table[["networks", "rows", "columns"]].drop_duplicates().values.tolist() == [[networks, size, 4]]
    assert table.median_z["active"] > table.median_z["random"] + 2 > 4
    assert table.median_z["dead"] < 1.5  # independent entries: a Gaussian model fits
    assert abs(table.variance["dead"] - 1) < 0.05


def test_too_few_or_too_uniform_networks_make_no_comparison() -> None:
    matrices = np.random.default_rng(2).normal(size=(150, 5, 5))
    none, some = np.zeros((150, 5), bool), np.zeros((150, 5), bool)
    some[:60, 0] = True
    assert active_unit_table(matrices, none).empty
    assert active_unit_table(matrices, some).empty
    assert active_unit_table(matrices, ~none).empty
    # a single column is active
    most = ~none
    most[:, 0] = False
    assert active_unit_table(matrices, most).empty
    # of the networks with a dead unit too many diverged
    some[:120, 0] = True
    assert len(active_unit_table(matrices, some)) == 2
    matrices[:21] = np.nan
    assert active_unit_table(matrices, some).empty


def test_training_kills_units_of_the_first_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = EnsembleConfig(networks=30, epochs=4, layers="all")
    ensemble = train_ensemble(config, tmp_path / "ensemble.zarr", progress=False)
    tables = dead_unit_tables(ensemble, config, load_dataset(config.dataset).test_inputs)
    units = tables["units"]
    assert len(units) == 2 * 3 * 30
    mean = units.groupby(["layer", "epoch"]).dead.mean()
    assert mean[0, 4.0] > mean[0, 0.0] + 1
    monkeypatch.setattr(
        "pigmm.studies.analysis.dead_units._SLAB_BYTES", 1 << 18
    )  # some networks, some images at a time
    again = dead_unit_tables(ensemble, config, load_dataset(config.dataset).test_inputs)
    pd.testing.assert_frame_equal(again["units"], units)


@pytest.mark.parametrize(
    "options", [{"layers": "square"}, {"layers": "all", "activation": "tanh"}, {"layers": "all", "bias": True}]
)
def test_what_cannot_be_seen(options: dict[str, object]) -> None:
    assert not can_be_seen(EnsembleConfig(**options))
