"""Random weights, inputs and targets: each from a stream of its own, by the seed of the study."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Stream(IntEnum):
    """What random numbers are for."""

    NETWORKS = 0
    WIDTHS = 1
    INPUTS = 2
    TRAINING = 3
    FISHER_MATRICES = 4
    PICTURES = 5


def generator(seed: int, stream: Stream, *numbers: int) -> np.random.Generator:
    """Return a generator that depends on the seed, the purpose and the number of the network only.

    Args:
        seed: of the study.
        stream: the purpose.
        *numbers: of the network, and what else tells draws apart.

    Returns:
        A numpy Generator.

    >>> float(generator(0, Stream.NETWORKS, 3).normal()) == float(generator(0, Stream.NETWORKS, 3).normal())
    True
    """
    return np.random.default_rng([seed, int(stream), *numbers])


def hidden_weights(dimension: int, hidden: int, rng: np.random.Generator) -> Array:
    """Draw hidden weights N(0, 1/m).

    Args:
        dimension: d of the inputs.
        hidden: m, the number of hidden units.
        rng: the generator.

    Returns:
        (d, m), a hidden unit in each column.

    >>> hidden_weights(2, 5, generator(0, Stream.NETWORKS)).shape
    (2, 5)
    """
    return rng.normal(scale=hidden**-0.5, size=(dimension, hidden))
