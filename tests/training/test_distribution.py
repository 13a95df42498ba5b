"""The engines draw networks from the distribution of the plain loop: other seeds, other networks, the same law.

Final accuracies (benchmarks/accuracy.py) hardly tell initial scales apart that differ by a tenth; how large the weights
of each layer are, and how far they move, does, in a second or two. The test has to find such faults too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from pigmm.training import EnsembleConfig, LabelledData, train_plain
from pigmm.training.config import EngineName
from pigmm.training.engines.select import load_engine
from pigmm.training.snapshot import Snapshot

CONFIG = EnsembleConfig(epochs=1, batch_size=200, layers="all")


def features(snapshots: Iterable[Snapshot]) -> NDArray[np.float64]:
    """What a network of the paper's shape is like, (network, 12): how large each layer's weights are at first, how far
    they move in training, and four losses and accuracies."""
    start, end = snapshots
    sizes = [(start.weights[k] ** 2).mean((1, 2)) for k in start.weights]
    movements = [((end.weights[k] - start.weights[k]) ** 2).mean((1, 2)) for k in end.weights]
    return np.stack([*sizes, *movements, start.test_loss, end.train_loss, end.test_loss, end.test_accuracy], axis=1)


@pytest.fixture(scope="module")
def plain(digits: LabelledData) -> Iterator[NDArray[np.float64]]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # fastest for small networks, far so on a busy machine
    yield np.concatenate([features(train_plain(CONFIG, digits, network)) for network in range(40)])
    torch.set_num_threads(before)


def smallest_p_value(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Of Kolmogorov-Smirnov tests of each feature, times their number."""
    return float(first.shape[1] * min(ks_2samp(*columns).pvalue for columns in zip(first.T, second.T, strict=True)))


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_engines_draw_from_the_distribution_of_the_plain_loop(
    digits: LabelledData, plain: NDArray[np.float64], engine: EngineName
) -> None:
    config = CONFIG.model_copy(update={"seed": 1})
    assert smallest_p_value(plain, features(load_engine(engine)(config, digits, range(100), 1))) > 0.01


@pytest.mark.parametrize(
    "fault",
    [
        {"initialisation": "normal(1.21/fan_in)"},  # a scale too large by a tenth
        {"initialisation": "normal(0.81/fan_in)"},
        {"initialisation": "normal(2/(fan_in + fan_out))"},  # the same for square layers
        {"learning_rate": 1.1e-3},
        {"batch_size": 250},
        {"weight_decay": 0.01},
    ],
    ids=str,
)
def test_another_distribution_is_noticed(
    digits: LabelledData, plain: NDArray[np.float64], fault: dict[str, Any]
) -> None:
    config = CONFIG.model_copy(update={"seed": 1, **fault})
    assert smallest_p_value(plain, features(load_engine("numba")(config, digits, range(100)))) < 1e-4
