"""The first layer, whose inputs are the bright patches of the images."""

from __future__ import annotations

import numpy as np

from ....simd import (
    add,
    add_multiples,
    add_products,
    at,
    broadcast,
    fma,
    load,
    load_block,
    prefetch,
    put,
    store,
    store_block,
    sums,
    transposed,
    zeros,
)
from ....simd.compiled import compiled
from .arrays import ALL, LANES, Indices, Model, Workspace
from .layers import rectify
from .optimiser import Rule, update
from .patches import PatchedImages

PIXEL_SCALE = np.float32(2 / 255)  # input = PIXEL_SCALE * pixel - 1
IMAGE_BITS = 16  # a list's entry: place of the patch, then number of the image in the batch
AHEAD = 4  # images that are asked for before they are needed,
LINES = 7  # and how many cache lines of them


@compiled
def apply_first_layer(model: Model, images: PatchedImages, chosen: Indices, listing: bool, work: Workspace) -> None:
    """Pixels -> first layer's units, with ReLU; if `listing`, also the lists of each patch's images."""
    tile, weights, rows, lists, ends = model.tile, model.first.weights, work.rows, work.lists, work.ends
    size, batch, count, patches = len(tile), len(work.answers), len(chosen), len(ends)
    tiles = model.units[0] // size
    outputs = work.activations[: model.units[0] * batch]
    if listing:
        for patch in range(patches):
            ends[patch] = patch * batch
    for t in range(tiles):
        offset = load(model.offsets, t * LANES)
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
                if listing and t == 0:
                    free = at(ends, patch)
                    put(lists, free, (place << IMAGE_BITS) | image)
                    put(ends, patch, free + 1)
            store(rows, (image * tiles + t) * LANES, fma(sums(block), broadcast(PIXEL_SCALE), offset))
    for t in range(tiles):
        for image in range(0, batch, LANES):
            units_of_images = load_block(ALL, rows, (image * tiles + t) * LANES, tiles * LANES)
            store_block(outputs, t * size * batch + image, batch, transposed(units_of_images, tile))
    rectify(outputs)


@compiled
def update_first_layer(model: Model, images: PatchedImages, count: int, rule: Rule, work: Workspace) -> None:
    """Gradients of the first layer's outputs -> its weights stepped, patch by patch, and the new offsets."""
    tile, parameters = model.tile, model.first
    size, batch, patches = len(tile), len(work.answers), len(work.ends)
    tiles = model.units[0] // size
    gradients = work.gradients[: model.units[0] * batch]
    for t in range(tiles):
        for image in range(0, batch, LANES):
            images_of_units = load_block(tile, gradients, t * size * batch + image, batch)
            store_block(work.rows, (image * tiles + t) * LANES, tiles * LANES, transposed(images_of_units, ALL))
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
        store(model.offsets, t * LANES, sums(block))
