"""A snapshot of a block of networks, which an engine hands to the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Snapshot:
    """The state of a block of networks after some step (0: at initialisation).

    An engine is a function (config, images, networks) -> generator that yields one for each of config.snapshot_steps.

    Args:
        weights: layer index -> (network, row, column) float32, for the stored layers.
        biases: layer index -> (network, row) float32, the same; empty for networks without.
        train_loss, train_accuracy: (network,) float64, running means over the images since the snapshot before, each
            taken before its step; at initialisation evaluated on the training set.
        test_loss, test_accuracy: (network,) float64, evaluated on the test set with these weights.

    >>> zero = np.zeros(2)
    >>> Snapshot({1: np.zeros((2, 10, 10), np.float32)}, {}, zero, zero, zero, zero).weights[1].shape
    (2, 10, 10)
    """

    weights: Mapping[int, NDArray[np.float32]]
    biases: Mapping[int, NDArray[np.float32]]
    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    test_loss: NDArray[np.float64]
    test_accuracy: NDArray[np.float64]


METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
