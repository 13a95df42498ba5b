"""Whole steps: forward, backward, update; and evaluation."""

from __future__ import annotations

import numpy as np

from ....simd import load
from ....simd.compiled import compiled
from .arrays import LANES, Indices, Model, Workspace
from .first_layer import apply_first_layer, update_first_layer
from .layers import apply_layer, differentiate_layer, layer_of
from .loss import classify
from .optimiser import Settings, rule_of_step, update
from .patches import PatchedImages


@compiled
def forward(model: Model, images: PatchedImages, chosen: Indices, listing: bool, work: Workspace) -> tuple[float, int]:
    """The network on the chosen images: (loss, hits), summed; activations and the logits' gradients in `work`."""
    batch, last = len(work.answers), len(model.units) - 1
    apply_first_layer(model, images, chosen, listing, work)
    for number in range(1, last + 1):
        apply_layer(model.tile, layer_of(model, number, work), batch, number < last)
    head = layer_of(model, last, work)
    loss, hits = classify(head.outputs, head.gradients, images.labels, chosen, model.classes, work)
    return loss, hits


@compiled
def backward(model: Model, work: Workspace) -> None:
    """The logits' gradients -> those of all activations, and of the weights of all layers but the first."""
    for number in range(len(model.units) - 1, 0, -1):
        differentiate_layer(model.tile, layer_of(model, number, work), len(work.answers))


@compiled
def train(
    model: Model,
    images: PatchedImages,
    order: Indices,
    batch_size: int,
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
        batch_loss, batch_hits = forward(model, images, chosen, True, work)
        loss, hits = loss + batch_loss, hits + batch_hits
        backward(model, work)
        update_first_layer(model, images, len(chosen), rule, work)
        for place in range(0, len(model.others.weights), LANES):
            update(model.others, place, load(work.weight_gradients, place), rule)
    return loss, hits


@compiled
def evaluate(model: Model, images: PatchedImages, batch_size: int, work: Workspace) -> tuple[float, int]:
    """(loss, hits), summed over all the images."""
    loss, hits = 0.0, 0
    count = len(images.labels)
    for begin in range(0, count, batch_size):
        chosen = np.arange(begin, min(begin + batch_size, count))
        batch_loss, batch_hits = forward(model, images, chosen, False, work)
        loss, hits = loss + batch_loss, hits + batch_hits
    return loss, hits
