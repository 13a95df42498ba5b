"""Networks that did not learn are found, others are not."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pigmm.training import EnsembleConfig, LabelledData, train_ensemble, untrained
from pigmm.training.engines.plain import evaluate


def test_diverged_and_trained_networks(tmp_path: Path) -> None:
    good, bad = (
        train_ensemble(
            EnsembleConfig(networks=5, block_size=5, epochs=10, optimizer=optimizer, learning_rate=rate),
            tmp_path / f"{optimizer}.zarr",
            progress=False,
        )
        for optimizer, rate in (("adam", 1e-3), ("sgd", 1e4))
    )
    assert untrained(good).dims == ("network",)
    assert not untrained(good).any()
    assert untrained(bad).all()


def test_a_dead_network_is_below_the_bound(digits: LabelledData) -> None:
    images, labels = torch.tensor(digits.test_inputs).float(), torch.tensor(digits.test_labels)
    dead = nn.Sequential(nn.Linear(784, 10, bias=False), nn.ReLU(), nn.Linear(10, 10, bias=False))
    nn.init.constant_(dead[0].weight, -1.0)
    loss, accuracy = evaluate(dead, images, labels)
    assert accuracy == 0.1
    assert abs(loss - torch.tensor(10.0).log().item()) < 1e-6
