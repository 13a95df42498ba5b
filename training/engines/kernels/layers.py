"""The layers after the first: forward and backward."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....simd import (
    add_multiples,
    add_products,
    broadcast,
    load,
    store,
    store_block,
    sums,
    where_greater,
    zeros,
)
from ....simd.compiled import compiled
from .arrays import LANES, Floats, Model, Tile, Workspace


class Layer(NamedTuple):
    """The parts of the model's and the workspace's arrays that belong to a layer."""

    weights: Floats
    weight_gradients: Floats
    inputs: Floats  # (unit, image)
    input_gradients: Floats
    outputs: Floats
    gradients: Floats  # of the loss by the outputs, before their activation


@compiled
def layer_of(model: Model, number: int, work: Workspace) -> Layer:
    """The layer of a number from 1 on."""
    units, size, batch = model.units, len(model.tile), len(work.answers)
    begin, start = 0, 0
    for k in range(1, number):
        begin += units[k - 1] * batch
        start += units[k - 1] * units[k] // size * LANES
    middle = begin + units[number - 1] * batch
    end = middle + units[number] * batch
    stop = start + units[number - 1] * units[number] // size * LANES
    return Layer(
        model.others.weights[start:stop],
        work.weight_gradients[start:stop],
        work.activations[begin:middle],
        work.gradients[begin:middle],
        work.activations[middle:end],
        work.gradients[middle:end],
    )


@compiled
def rectify(units: Floats) -> None:
    """Replace each negative number by zero, in place."""
    zero = broadcast(np.float32(0))
    for place in range(0, len(units), LANES):
        x = load(units, place)
        store(units, place, where_greater(x, zero, x, zero))


@compiled
def apply_layer(tile: Tile, layer: Layer, batch: int, rectified: bool) -> None:
    """Inputs of a layer -> its outputs."""
    weights, inputs, outputs = layer.weights, layer.inputs, layer.outputs
    size, tiles = len(tile), len(outputs) // batch // len(tile)
    for t in range(tiles):
        for image in range(0, batch, LANES):
            block = zeros(tile, np.float32)
            for unit in range(len(inputs) // batch):
                x = load(inputs, unit * batch + image)
                block = add_multiples(block, x, weights, (unit * tiles + t) * LANES, 1)
            store_block(outputs, t * size * batch + image, batch, block)
    if rectified:
        rectify(outputs)


@compiled
def differentiate_layer(tile: Tile, layer: Layer, batch: int) -> None:
    """Gradients of a layer's outputs -> of its weights and of its inputs, which are ReLUs."""
    weights, inputs, gradients, input_gradients = layer.weights, layer.inputs, layer.gradients, layer.input_gradients
    size, tiles = len(tile), len(gradients) // batch // len(tile)
    stride = tiles * LANES
    for unit in range(len(inputs) // batch):
        for t in range(tiles):
            block = zeros(tile, np.float32)
            for image in range(0, batch, LANES):
                x = load(inputs, unit * batch + image)
                block = add_products(block, x, gradients, t * size * batch + image, batch)
            store(layer.weight_gradients, unit * stride + t * LANES, sums(block))
    for t in range(len(inputs) // batch // size):
        for image in range(0, batch, LANES):
            block = zeros(tile, np.float32)
            for unit in range(tiles * size):
                x = load(gradients, unit * batch + image)
                column = unit // size * LANES + unit % size
                block = add_multiples(block, x, weights, t * size * stride + column, stride)
            store_block(input_gradients, t * size * batch + image, batch, block)
    for place in range(0, len(inputs), LANES):
        zero = broadcast(np.float32(0))
        store(input_gradients, place, where_greater(load(inputs, place), zero, load(input_gradients, place), zero))
