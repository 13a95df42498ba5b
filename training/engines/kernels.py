"""The compiled steps of training one small network: forward, loss, backward, update.

Layouts, with T the units of a tile (the length of the tuple `tile`), all sizes padded with zeros, which stay zeros:
- weights of the first layer: (tile of units, patch, T, 16 pixels);
- weights of the others: (input unit, tile of units, 16), of which T are used;
- activations and their gradients: (unit, image of the batch), images in multiples of 16.
A tile of units is a block of T vectors in registers, over images, pixels or units as the product requires.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...simd import (
    absolute,
    add,
    add_multiples,
    add_products,
    add_to_exponent,
    at,
    broadcast,
    divide,
    fma,
    inverse,
    inverse_root,
    lanes,
    load,
    load_block,
    multiply,
    prefetch,
    put,
    store,
    store_block,
    subtract,
    sums,
    transposed,
    where_greater,
    zeros,
)
from ...simd.compiled import compiled
from .patches import PatchedImages

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Tile = tuple[int, ...]  # its length matters
Vector = Any  # of float32

LANES = lanes(np.float32)
PIXEL_SCALE = np.float32(2 / 255)  # input = PIXEL_SCALE * pixel - 1
IMAGE_BITS = 16  # a list's entry: place of the patch, then number of the image in the batch
AHEAD = 4  # images that are asked for before they are needed,
LINES = 7  # and how many cache lines of them

BETA_1, BETA_2 = 0.9, 0.999
MEAN_RATE, SQUARE_RATE, SQUARE_DECAY = np.float32(1 - BETA_1), np.float32(1 - BETA_2), np.float32(BETA_2)
EPSILON = np.float32(1e-8)

_NEGLIGIBLE = np.float32(1e-30)
_LOG2_E = np.float32(1 / log(2))
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # the high part has few digits
_ROUNDER = np.float32(1.5 * 2**23)  # adding it leaves no digits after the point
_SMALLEST_EXPONENT = np.float32(-87.0)

_ALL = (0,) * LANES  # a tile as long as a vector


@compiled
def exponential(x: Vector) -> Vector:
    """exp(x) for x <= 0, to rounding; below -87, where float32 ends, exp(-87)."""
    x = where_greater(x, broadcast(_SMALLEST_EXPONENT), x, broadcast(_SMALLEST_EXPONENT))
    shifted = fma(x, broadcast(_LOG2_E), broadcast(_ROUNDER))
    whole = subtract(shifted, broadcast(_ROUNDER))
    rest = fma(whole, broadcast(-_LOG_2_HIGH), x)
    rest = fma(whole, broadcast(-_LOG_2_LOW), rest)
    # Taylor's series: the rest is at most log(2)/2, the first term left out 1e-8
    value = broadcast(np.float32(1 / 5040))
    value = fma(value, rest, broadcast(np.float32(1 / 720)))
    value = fma(value, rest, broadcast(np.float32(1 / 120)))
    value = fma(value, rest, broadcast(np.float32(1 / 24)))
    value = fma(value, rest, broadcast(np.float32(1 / 6)))
    value = fma(value, rest, broadcast(np.float32(1 / 2)))
    value = fma(value, rest, broadcast(np.float32(1)))
    value = fma(value, rest, broadcast(np.float32(1)))
    return add_to_exponent(value, shifted)


class Parameters(NamedTuple):
    """Weights in one of the layouts, flat, and what the optimiser keeps for each (empty where it keeps nothing)."""

    weights: Floats
    means: Floats  # Adam's, or momentum's sums
    squares: Floats


class Workspace(NamedTuple):
    """What one part of a step leaves for the next (made by numba_engine.Layout)."""

    lists: Indices  # (patch, image of the batch): see IMAGE_BITS
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


class Settings(NamedTuple):
    """The optimiser: Adam or gradient descent with momentum."""

    adam: bool
    learning_rate: float
    momentum: float  # of gradient descent
    decay: float  # of weights, added to the gradient
    shrinking: float  # of weights, by a step
    l1: float


class Rule(NamedTuple):
    """The settings in one step: for Adam with the corrections of its means."""

    adam: bool
    rate: np.float32
    momentum: np.float32
    decay: np.float32
    shrinking: np.float32
    l1: np.float32
    root_scale: np.float32


@compiled
def rectify(units: Floats) -> None:
    """Of each number and zero the larger, in place."""
    zero = broadcast(np.float32(0))
    for place in range(0, len(units), LANES):
        x = load(units, place)
        store(units, place, where_greater(x, zero, x, zero))


@compiled
def apply_first_layer(
    tile: Tile,
    images: PatchedImages,
    chosen: Indices,
    weights: Floats,
    offsets: Floats,
    lists: Indices,
    ends: Indices,
    rows: Floats,
    outputs: Floats,
    batch: int,
) -> None:
    """Pixels -> first layer's units, with ReLU. Unless `ends` is empty, also the lists of each patch's images."""
    size, count, patches = len(tile), len(chosen), len(weights) // (len(outputs) // batch) // LANES
    tiles = len(outputs) // batch // size
    listed = len(ends) > 0
    for patch in range(len(ends)):
        ends[patch] = patch * batch
    for t in range(tiles):
        offset = load(offsets, t * LANES)
        for image in range(count):
            coming = at(images.first, at(chosen, min(image + AHEAD, count - 1)))
            prefetch(images.numbers, coming)
            for line in range(LINES):
                prefetch(images.pixels, LANES * coming + 64 * line)
            block = zeros(tile, np.float32)
            begin, end = at(images.first, at(chosen, image)), at(images.first, at(chosen, image) + 1)
            for place in range(begin, end):
                patch = int(at(images.numbers, place))
                pixels = load(images.pixels, LANES * place)
                block = add_products(block, pixels, weights, (t * patches + patch) * size * LANES, LANES)
                if listed and t == 0:
                    free = at(ends, patch)
                    put(lists, free, (place << IMAGE_BITS) | image)
                    put(ends, patch, free + 1)
            store(rows, (image * tiles + t) * LANES, fma(sums(block), broadcast(PIXEL_SCALE), offset))
    for t in range(tiles):
        for image in range(0, batch, LANES):
            units_of_images = load_block(_ALL, rows, (image * tiles + t) * LANES, tiles * LANES)
            store_block(outputs, t * size * batch + image, batch, transposed(units_of_images, tile))
    rectify(outputs)


@compiled
def apply_layer(
    tile: Tile, weights: Floats, start: int, inputs: Floats, outputs: Floats, batch: int, rectified: bool
) -> None:
    """Units (unit, image) of one layer -> the next one's; `start` is where its weights begin."""
    size, tiles = len(tile), len(outputs) // batch // len(tile)
    for t in range(tiles):
        for image in range(0, batch, LANES):
            block = zeros(tile, np.float32)
            for unit in range(len(inputs) // batch):
                x = load(inputs, unit * batch + image)
                block = add_multiples(block, x, weights, start + (unit * tiles + t) * LANES, 1)
            store_block(outputs, t * size * batch + image, batch, block)
    if rectified:
        rectify(outputs)


@compiled
def classify(
    logits: Floats,
    labels: Indices,
    chosen: Indices,
    batch: int,
    classes: int,
    answers: Floats,
    largest_logits: Floats,
    exponentials: Floats,
    gradients: Floats,
) -> tuple[float, int]:
    """Loss and hits, summed over the images; into `gradients` those of the mean loss. Answers: first of the largest."""
    count = len(chosen)
    for image in range(0, batch, LANES):
        largest, answer = load(logits, image), broadcast(np.float32(0))
        for k in range(1, classes):
            logit = load(logits, k * batch + image)
            answer = where_greater(logit, largest, broadcast(np.float32(k)), answer)
            largest = where_greater(logit, largest, logit, largest)
        total = broadcast(np.float32(0))
        for k in range(classes):
            weight = exponential(subtract(load(logits, k * batch + image), largest))
            store(gradients, k * batch + image, weight)
            total = add(total, weight)
        scale = divide(broadcast(np.float32(1 / count)), total)
        for k in range(classes):
            store(gradients, k * batch + image, multiply(load(gradients, k * batch + image), scale))
        store(answers, image, answer)
        store(largest_logits, image, largest)
        store(exponentials, image, total)

    loss, hits, product = 0.0, 0, 1.0
    for image in range(count):
        label = at(labels, at(chosen, image))
        place = label * batch + image
        product *= at(exponentials, image)  # a sum of logarithms is the logarithm of a product: at most 10**LANES
        if image % LANES == LANES - 1 or image == count - 1:
            loss += log(product)
            product = 1.0
        loss += np.float64(at(largest_logits, image)) - np.float64(at(logits, place))
        hits += at(answers, image) == label
        put(gradients, place, at(gradients, place) - np.float32(1 / count))
    for k in range(classes):
        gradients[k * batch + count : (k + 1) * batch] = 0
    return loss, hits


@compiled
def differentiate_layer(
    tile: Tile,
    weights: Floats,
    start: int,
    inputs: Floats,
    gradients: Floats,
    input_gradients: Floats,
    weight_gradients: Floats,
    batch: int,
) -> None:
    """Gradients of a layer's outputs -> of its weights and of its inputs, which are ReLUs."""
    size, tiles = len(tile), len(gradients) // batch // len(tile)
    stride = tiles * LANES
    for unit in range(len(inputs) // batch):
        for t in range(tiles):
            block = zeros(tile, np.float32)
            for image in range(0, batch, LANES):
                x = load(inputs, unit * batch + image)
                block = add_products(block, x, gradients, t * size * batch + image, batch)
            store(weight_gradients, start + unit * stride + t * LANES, sums(block))
    for t in range(len(inputs) // batch // size):
        for image in range(0, batch, LANES):
            block = zeros(tile, np.float32)
            for unit in range(tiles * size):
                x = load(gradients, unit * batch + image)
                column = unit // size * LANES + unit % size
                block = add_multiples(block, x, weights, start + t * size * stride + column, stride)
            store_block(input_gradients, t * size * batch + image, batch, block)
    for place in range(0, len(inputs), LANES):
        zero = broadcast(np.float32(0))
        store(input_gradients, place, where_greater(load(inputs, place), zero, load(input_gradients, place), zero))


@compiled
def update(parameters: Parameters, place: int, gradient: Vector, rule: Rule) -> Vector:
    """Step sixteen weights, and return them."""
    weight, nothing = load(parameters.weights, place), broadcast(np.float32(0))
    gradient = fma(broadcast(rule.decay), weight, gradient)
    if rule.l1 != 0:
        downwards, upwards = broadcast(rule.l1), broadcast(-rule.l1)
        gradient = add(
            gradient, where_greater(weight, nothing, downwards, where_greater(nothing, weight, upwards, nothing))
        )
    if rule.adam:
        mean, square = load(parameters.means, place), load(parameters.squares, place)
        mean = fma(broadcast(MEAN_RATE), subtract(gradient, mean), mean)
        square = fma(multiply(broadcast(SQUARE_RATE), gradient), gradient, multiply(broadcast(SQUARE_DECAY), square))
        # units that are off for ever would leave numbers so small that processors take a hundred times as long
        mean = where_greater(absolute(mean), broadcast(_NEGLIGIBLE), mean, nothing)
        square = where_greater(square, broadcast(_NEGLIGIBLE), square, broadcast(_NEGLIGIBLE))
        store(parameters.means, place, mean)
        store(parameters.squares, place, square)
        root = multiply(square, inverse_root(square))
        direction = multiply(mean, inverse(fma(root, broadcast(rule.root_scale), broadcast(EPSILON))))
    elif rule.momentum != 0:
        mean = fma(broadcast(rule.momentum), load(parameters.means, place), gradient)
        mean = where_greater(absolute(mean), broadcast(_NEGLIGIBLE), mean, nothing)
        store(parameters.means, place, mean)
        direction = mean
    else:
        direction = gradient
    weight = fma(broadcast(-rule.rate), direction, multiply(broadcast(rule.shrinking), weight))
    store(parameters.weights, place, weight)
    return weight


@compiled
def update_first_layer(
    tile: Tile,
    images: PatchedImages,
    parameters: Parameters,
    offsets: Floats,
    gradients: Floats,
    batch: int,
    count: int,
    work: Workspace,
    rule: Rule,
) -> None:
    """Gradients of the first layer's outputs -> its weights stepped, patch by patch, and the new `offsets`."""
    size, tiles = len(tile), len(gradients) // batch // len(tile)
    patches = len(work.ends)
    for t in range(tiles):
        for image in range(0, batch, LANES):
            images_of_units = load_block(tile, gradients, t * size * batch + image, batch)
            store_block(work.rows, (image * tiles + t) * LANES, tiles * LANES, transposed(images_of_units, _ALL))
    for t in range(tiles):
        total = broadcast(np.float32(0))
        for image in range(count):
            total = add(total, load(work.rows, (image * tiles + t) * LANES))
        store(work.answers, 0, total)
        work.totals[:] = 0
        for patch in range(patches):
            for k in range(size):  # meanwhile the patch's weights come from farther caches
                coming = ((t * patches + patch) * size + k) * LANES
                prefetch(parameters.weights, coming)
                prefetch(parameters.means, coming)
                prefetch(parameters.squares, coming)
            block = zeros(tile, np.float32)
            for k in range(patch * batch, work.ends[patch]):
                place, image = at(work.lists, k) >> IMAGE_BITS, at(work.lists, k) & ((1 << IMAGE_BITS) - 1)
                pixels = load(images.pixels, LANES * place)
                block = add_multiples(block, pixels, work.rows, (image * tiles + t) * LANES, 1)
            store_block(work.tile, 0, LANES, block)
            for k in range(size):
                gradient = fma(load(work.tile, k * LANES), broadcast(PIXEL_SCALE), broadcast(-work.answers[k]))
                weight = update(parameters, ((t * patches + patch) * size + k) * LANES, gradient, rule)
                store(work.totals, k * LANES, add(load(work.totals, k * LANES), weight))
        block = add_products(zeros(tile, np.float32), broadcast(np.float32(-1)), work.totals, 0, LANES)
        store(offsets, t * LANES, sums(block))


@compiled
def forward(
    tile: Tile,
    images: PatchedImages,
    chosen: Indices,
    first: Parameters,
    offsets: Floats,
    others: Parameters,
    units: Indices,
    classes: int,
    ends: Indices,
    work: Workspace,
) -> tuple[float, int]:
    """The network on the chosen images: (loss, hits), summed; activations and the logits' gradients in `work`."""
    batch, size = len(work.answers), len(tile)
    begin, end = 0, units[0] * batch
    outputs = work.activations[:end]
    apply_first_layer(tile, images, chosen, first.weights, offsets, work.lists, ends, work.rows, outputs, batch)
    start = 0
    for layer in range(1, len(units)):
        inputs, begin, end = outputs, end, end + units[layer] * batch
        outputs = work.activations[begin:end]
        apply_layer(tile, others.weights, start, inputs, outputs, batch, layer < len(units) - 1)
        start += units[layer - 1] * units[layer] // size * LANES
    loss, hits = classify(
        outputs,
        images.labels,
        chosen,
        batch,
        classes,
        work.answers,
        work.largest,
        work.exponentials,
        work.gradients[begin:end],
    )
    return loss, hits


@compiled
def backward(tile: Tile, others: Parameters, units: Indices, work: Workspace) -> None:
    """The logits' gradients -> those of all activations, and of the weights of all layers but the first."""
    batch, size = len(work.answers), len(tile)
    end, start = units.sum() * batch, len(others.weights)
    for layer in range(len(units) - 1, 0, -1):
        begin = end - units[layer] * batch
        before = begin - units[layer - 1] * batch
        start -= units[layer - 1] * units[layer] // size * LANES
        differentiate_layer(
            tile,
            others.weights,
            start,
            work.activations[before:begin],
            work.gradients[begin:end],
            work.gradients[before:begin],
            work.weight_gradients,
            batch,
        )
        end = begin


@compiled
def rule_of_step(settings: Settings, step: int) -> Rule:
    """Of a step, 1 being the first.

    >>> settings = Settings(True, learning_rate=1e-3, momentum=0.0, decay=0.0, shrinking=1.0, l1=0.0)
    >>> rule_of_step(settings, 1).rate  # Adam's means begin at zero
    0.009999999776482582
    """
    rate, root_scale = settings.learning_rate, 1.0
    if settings.adam:
        rate /= 1 - BETA_1**step
        root_scale = 1 / sqrt(1 - BETA_2**step)
    return Rule(
        settings.adam,
        np.float32(rate),
        np.float32(settings.momentum),
        np.float32(settings.decay),
        np.float32(settings.shrinking),
        np.float32(settings.l1),
        np.float32(root_scale),
    )


@compiled
def train(
    tile: Tile,
    images: PatchedImages,
    order: Indices,
    batch_size: int,
    first: Parameters,
    offsets: Floats,
    others: Parameters,
    units: Indices,
    classes: int,
    settings: Settings,
    steps_before: int,
    work: Workspace,
) -> tuple[float, int]:
    """Steps on the images in the given order, in place; (loss, hits), summed over the images."""
    loss, hits, step = 0.0, 0, steps_before
    for begin in range(0, len(order), batch_size):
        step += 1
        rule = rule_of_step(settings, step)
        chosen = order[begin : begin + batch_size]
        batch_loss, batch_hits = forward(tile, images, chosen, first, offsets, others, units, classes, work.ends, work)
        loss, hits = loss + batch_loss, hits + batch_hits
        backward(tile, others, units, work)
        batch = len(work.answers)
        update_first_layer(
            tile, images, first, offsets, work.gradients[: units[0] * batch], batch, len(chosen), work, rule
        )
        for place in range(0, len(others.weights), LANES):
            update(others, place, load(work.weight_gradients, place), rule)
    return loss, hits


@compiled
def evaluate(
    tile: Tile,
    images: PatchedImages,
    batch_size: int,
    first: Parameters,
    offsets: Floats,
    others: Parameters,
    units: Indices,
    classes: int,
    work: Workspace,
) -> tuple[float, int]:
    """(loss, hits), summed over all the images."""
    loss, hits = 0.0, 0
    count = len(images.labels)
    no_lists = work.ends[:0]
    for begin in range(0, count, batch_size):
        chosen = np.arange(begin, min(begin + batch_size, count))
        batch_loss, batch_hits = forward(tile, images, chosen, first, offsets, others, units, classes, no_lists, work)
        loss, hits = loss + batch_loss, hits + batch_hits
    return loss, hits
