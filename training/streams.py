"""Random streams keyed by (seed, network, purpose): a network's numbers do not depend on who is trained beside it.

Counter-based (Philox, Salmon et al., SC 2011), so that any stream can be entered without running the others first.
"""

from __future__ import annotations

from enum import IntEnum
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What a stream is for. The values are part of every stored ensemble's bits: add new ones, never renumber."""

    WEIGHTS = 0
    ORDER = 1


def stream(seed: int, network: int, purpose: Purpose, index: int) -> np.random.Generator:
    """The generator of one network for one purpose; `index` is the layer or the epoch.

    >>> a, b = (stream(0, network, Purpose.ORDER, 1).random() for network in (3, 4))
    >>> a == stream(0, 3, Purpose.ORDER, 1).random(), a == b
    (True, False)
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(network, int(purpose), index))
    return np.random.Generator(np.random.Philox(sequence))


def initial_weights(
    kind: Literal["gaussian", "uniform"], shape: tuple[int, int], seed: int, network: int, layer: int
) -> NDArray[np.float32]:
    """Initial weights of one layer, `shape` = (fan_out, fan_in), float32.

    `gaussian` is N(0, 1/fan_in); `uniform` is on +-1/sqrt(fan_in), of variance 1/(3 fan_in).

    >>> weights = initial_weights("uniform", (10, 784), seed=0, network=7, layer=0)
    >>> weights.shape, bool(abs(weights).max() <= 1 / 28)
    ((10, 784), True)
    """
    generator = stream(seed, network, Purpose.WEIGHTS, layer)
    scale = np.float32(1 / sqrt(shape[1]))
    if kind == "gaussian":
        return generator.standard_normal(shape, dtype=np.float32) * scale
    return (2 * generator.random(shape, dtype=np.float32) - 1) * scale


def shuffling_order(size: int, seed: int, network: int, epoch: int) -> NDArray[np.int64]:
    """The order, (size,) int64, in which a network sees the training images in an epoch (1 is the first).

    >>> sorted(shuffling_order(5, seed=0, network=7, epoch=1).tolist())
    [0, 1, 2, 3, 4]
    """
    return stream(seed, network, Purpose.ORDER, epoch).permutation(size)
