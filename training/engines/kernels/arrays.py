"""The arrays of a network that the compiled steps work on, in a few tuples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....simd import lanes

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Tile = tuple[int, ...]  # its length matters
Vector = Any  # of float32

LANES = lanes(np.float32)
ALL = (0,) * LANES  # a tile as long as a vector


class Parameters(NamedTuple):
    """Weights in one of the layouts, flat, and what the optimiser keeps for each (empty where it keeps nothing)."""

    weights: Floats
    means: Floats  # Adam's, or momentum's sums
    squares: Floats


class Model(NamedTuple):
    """A network."""

    tile: Tile  # as long as a tile has units
    first: Parameters  # of the first layer
    offsets: Floats  # (tile of units, 16): minus the sums of the first layer's weights
    others: Parameters  # of all other layers
    units: Indices  # (layers,): units of every layer, in whole tiles
    classes: int


class Workspace(NamedTuple):
    """Arrays that one part of a step leaves for the next (made by `layout`)."""

    lists: Indices  # (patch, image of the batch): see first_layer.IMAGE_BITS
    ends: Indices  # (patch,): where its list ends
    rows: Floats  # (image, tile of units, 16): first layer before activation, later the gradients of its units
    activations: Floats  # (unit of all layers, image)
    gradients: Floats  # (unit of all layers, image): of the loss by what comes before the activation
    weight_gradients: Floats  # of all layers but the first, laid out as they are
    tile: Floats  # (unit of a tile, 16 pixels): gradient of one patch's weights
    totals: Floats  # (unit of a tile, 16): sums of weights
    answers: Floats  # (image,): the class
    largest: Floats  # (image,): logit
    exponentials: Floats  # (image,): sum over the classes
