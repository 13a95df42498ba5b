"""One step of the optimiser for sixteen weights."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from ....simd import (
    absolute,
    add,
    broadcast,
    fma,
    inverse,
    inverse_root,
    load,
    multiply,
    store,
    subtract,
    where_greater,
)
from ....simd.compiled import compiled
from .arrays import Parameters, Vector

BETA_1, BETA_2 = 0.9, 0.999
MEAN_RATE, SQUARE_RATE, SQUARE_DECAY = np.float32(1 - BETA_1), np.float32(1 - BETA_2), np.float32(BETA_2)
EPSILON = np.float32(1e-8)
_NEGLIGIBLE = np.float32(1e-30)


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
def rule_of_step(settings: Settings, step: int) -> Rule:
    """Make the rule of a step, 1 being the first.

    Source:
        arXiv:1412.6980, algorithm 1, for the corrections of Adam's means.

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
def update(parameters: Parameters, place: int, gradient: Vector, rule: Rule) -> Vector:
    """Step sixteen weights, and return them.

    Source:
        Adam: arXiv:1412.6980. AdamW: arXiv:1711.05101.
    """
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
