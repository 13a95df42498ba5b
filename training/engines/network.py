"""One network of the compiled engine."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config import EnsembleConfig
from ..schedule import count_steps, pieces
from ..streams import initial_weights, shuffling_order
from .kernels import steps
from .kernels.arrays import LANES, Model, Parameters
from .kernels.optimiser import Settings
from .kernels.patches import PatchedImages
from .layout import Layout, zeros


@dataclass(frozen=True)
class Result:
    """The stored weights of one network, and the four numbers of a snapshot."""

    weights: dict[int, NDArray[np.float32]]
    metrics: tuple[float, float, float, float]


class Network:
    """One network's weights, trained in place."""

    def __init__(self, config: EnsembleConfig, layout: Layout, places: NDArray[np.int64], network: int) -> None:
        self.config, self.layout, self.places, self.network = config, layout, places, network
        first, *others = (
            initial_weights(config.initialisation, shape, config.seed, network, k)
            for k, shape in enumerate(config.shapes)
        )
        kept = {"adam": 2, "adamw": 2, "sgd": 1 if config.momentum else 0}[config.optimizer]

        def parameters(weights: NDArray[np.float32]) -> Parameters:
            return Parameters(weights, *(zeros(weights.size if k < kept else 0) for k in range(2)))

        offsets = zeros(layout.tiles[0] * LANES)
        for unit, total in enumerate(first.sum(axis=1, dtype=np.float64)):
            offsets[unit // layout.tile * LANES + unit % layout.tile] = -total
        self.model = Model(
            tile=(0,) * layout.tile,
            first=parameters(layout.pack_first(first, places)),
            offsets=offsets,
            others=parameters(layout.pack_others(others)),
            units=np.array(layout.units),
            classes=config.classes,
        )
        self.settings = Settings(
            adam=config.optimizer != "sgd",
            learning_rate=config.learning_rate,
            momentum=config.momentum,
            decay=0.0 if config.optimizer == "adamw" else config.weight_decay,
            shrinking=1 - config.learning_rate * config.weight_decay if config.optimizer == "adamw" else 1.0,
            l1=config.l1,
        )
        self.order = 0, np.empty(0, np.int64)  # of an epoch: several snapshots may fall into one

    def at_start(self, train: PatchedImages, test: PatchedImages) -> Result:
        return self._result(self.evaluate(train), self.evaluate(test))

    def go_on(self, first: int, last: int, before: Future[Result], train: PatchedImages, test: PatchedImages) -> Result:
        """Train on, once the steps before are done.

        Args:
            first: first step, counted from 0.
            last: the step before which to end.
            before: the result of the steps before `first`.
            train: training images.
            test: test images.

        Returns:
            Stored weights, loss and accuracy: mean over these steps, and on the test images.
        """
        before.result()
        count, batch = len(train.labels), self.config.batch_size
        steps_per_epoch = count_steps(count, batch)
        loss, hits, seen = 0.0, 0, 0
        for epoch, begin, end in pieces(first, last, steps_per_epoch):
            if self.order[0] != epoch:
                self.order = epoch, shuffling_order(count, self.config.seed, self.network, epoch)
            chosen = self.order[1][begin * batch : end * batch]
            part = self.train(chosen, train, (epoch - 1) * steps_per_epoch + begin)
            loss, hits, seen = loss + part[0], hits + part[1], seen + len(chosen)
        return self._result((loss / seen, hits / seen), self.evaluate(test))

    def train(self, order: NDArray[np.int64], images: PatchedImages, steps_before: int = 0) -> tuple[float, int]:
        """Train on images in a given order.

        Args:
            order: numbers of the images.
            images: training images.
            steps_before: steps that the network has done.

        Returns:
            Loss and hits, summed over the images, each before its step.
        """
        done: tuple[float, int] = steps.train(
            self.model, images, order, self.config.batch_size, self.settings, steps_before, self.layout.workspace()
        )
        return done

    def evaluate(self, images: PatchedImages) -> tuple[float, float]:
        """Evaluate the network on images.

        Args:
            images: of any number.

        Returns:
            Mean loss and accuracy.
        """
        loss, hits = steps.evaluate(self.model, images, self.config.batch_size, self.layout.workspace())
        return loss / len(images.labels), hits / len(images.labels)

    def _result(self, train: tuple[float, float], test: tuple[float, float]) -> Result:
        stored = {}
        if 0 in self.config.stored_layers:
            stored[0] = self.layout.unpack_first(self.model.first.weights, self.config.shapes[0][0], self.places)
        others = self.layout.unpack_others(self.model.others.weights, self.config.shapes[1:])
        stored |= {k: layer for k, layer in enumerate(others, start=1) if k in self.config.stored_layers}
        return Result(stored, (*train, *test))
