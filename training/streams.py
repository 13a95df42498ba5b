"""Random streams keyed by (seed, network, purpose): a network's numbers do not depend on who is trained beside it.

Counter-based (Philox, Salmon et al., SC 2011), so that any stream can be entered without running the others first.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from .initialisation import Initialisation


class Purpose(IntEnum):
    """The use of a stream. The values are part of every stored ensemble's bits: add new ones, never renumber."""

    WEIGHTS = 0
    ORDER = 1
    DROPOUT = 2


def stream(seed: int, network: int, purpose: Purpose, index: int) -> np.random.Generator:
    """Return the generator of random numbers of one network for one purpose.

    Args:
        seed: of the ensemble.
        network: number of the network.
        purpose: the use of the numbers.
        index: of the layer, the epoch or the step.

    Returns:
        A generator that depends on these four alone.

    >>> a, b = (stream(0, network, Purpose.ORDER, 1).random() for network in (3, 4))
    >>> a == stream(0, 3, Purpose.ORDER, 1).random(), a == b
    (True, False)
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(network, int(purpose), index))
    return np.random.Generator(np.random.Philox(sequence))


def initial_weights(kind: str, shape: tuple[int, int], seed: int, network: int, layer: int) -> NDArray[np.float32]:
    """Draw the initial weights of one layer.

    Args:
        kind: as Initialisation.parse takes it.
        shape: (fan_out, fan_in).
        seed: of the ensemble.
        network: number of the network.
        layer: number of the layer, 0 for the first.

    Returns:
        (fan_out, fan_in) float32.

    Source:
        As `Initialisation.draw`.

    >>> weights = initial_weights("uniform", (10, 784), seed=0, network=7, layer=0)
    >>> weights.shape, bool(abs(weights).max() <= 1 / 28)
    ((10, 784), True)
    """
    return Initialisation.parse(kind, layer).draw(shape, stream(seed, network, Purpose.WEIGHTS, layer))


def shuffling_order(size: int, seed: int, network: int, epoch: int) -> NDArray[np.int64]:
    """Draw the order in which a network sees the training images in an epoch.

    Args:
        size: number of images.
        seed: of the ensemble.
        network: number of the network.
        epoch: number of the epoch, 1 for the first.

    Returns:
        (size,) int64, a permutation.

    >>> sorted(shuffling_order(5, seed=0, network=7, epoch=1).tolist())
    [0, 1, 2, 3, 4]
    """
    return stream(seed, network, Purpose.ORDER, epoch).permutation(size)


def dropout_scales(
    probability: float, shape: tuple[int, int], seed: int, network: int, step: int
) -> NDArray[np.float32]:
    """Draw the factors of the hidden units of a network in a step: 0, or 1 / (1 - probability).

    Args:
        probability: of a factor 0.
        shape: images of the batch, units of all hidden layers.
        seed: of the ensemble.
        network: number of the network.
        step: number of the step, 1 for the first.

    Returns:
        Float32 of this shape.

    Source:
        N. Srivastava et al., J. Mach. Learn. Res. 15 (2014) 1929.

    >>> sorted(set(dropout_scales(0.75, (100, 30), seed=0, network=7, step=1).ravel().tolist()))
    [0.0, 4.0]
    """
    kept = stream(seed, network, Purpose.DROPOUT, step).random(shape, dtype=np.float32) >= probability
    return kept * np.float32(1 / (1 - probability))
