"""The cross-entropy of the logits: exponentials, answers, gradients."""

from __future__ import annotations

from math import log

import numpy as np

from ....simd import (
    add,
    add_to_exponent,
    at,
    broadcast,
    divide,
    fma,
    load,
    multiply,
    put,
    store,
    subtract,
    where_greater,
)
from ....simd.compiled import compiled
from .arrays import LANES, Floats, Indices, Vector, Workspace

_LOG2_E = np.float32(1 / log(2))
_LOG_2_HIGH, _LOG_2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # the high part has few digits
_ROUNDER = np.float32(1.5 * 2**23)  # adding it leaves no digits after the point
_SMALLEST_EXPONENT = np.float32(-87.0)


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


@compiled
def classify(
    logits: Floats, gradients: Floats, labels: Indices, chosen: Indices, classes: int, work: Workspace
) -> tuple[float, int]:
    """Loss and hits, summed over the images; into `gradients` those of the mean loss. Answers: first of the largest."""
    batch, count = len(work.answers), len(chosen)
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
        store(work.answers, image, answer)
        store(work.largest, image, largest)
        store(work.exponentials, image, total)

    loss, hits, product = 0.0, 0, 1.0
    for image in range(count):
        label = at(labels, at(chosen, image))
        place = label * batch + image
        product *= at(work.exponentials, image)  # a sum of logarithms is the logarithm of a product: at most 10**LANES
        if image % LANES == LANES - 1 or image == count - 1:
            loss += log(product)
            product = 1.0
        loss += np.float64(at(work.largest, image)) - np.float64(at(logits, place))
        hits += at(work.answers, image) == label
        put(gradients, place, at(gradients, place) - np.float32(1 / count))
    for k in range(classes):
        gradients[k * batch + count : (k + 1) * batch] = 0
    return loss, hits
