"""The compiled engine: small networks on a processor, one at a time on each core, each within its fast caches.

Networks of tens of units are too small for matrix libraries: here a step is a few explicit loops (`kernels.py`) over
the bright part of the images (`patches.py`). `plain.py` is the slow, obvious twin.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...simd import aligned_zeros
from ...simd.cores import cores
from ..config import EnsembleConfig
from ..data import LabelledData
from ..schedule import count_steps, pieces, snapshot_steps
from ..snapshot import Snapshot
from ..streams import initial_weights, shuffling_order
from . import kernels
from .kernels import LANES, Parameters, Settings, Workspace
from .patches import PATCH_PIXELS, PatchedImages, patch_places, patched

#: At least 8, so that enough sums run beside one another; with 12 and what goes with it the registers are full.
TILE_SIZES = (8, 10, 12)


def train_block(
    config: EnsembleConfig, images: LabelledData, networks: Sequence[int], threads: int | None = None
) -> Generator[Snapshot, None, None]:
    """Train the given networks and yield the snapshots of the configuration; on all cores if threads is None.

    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(epochs=1)
    >>> before, after = train_block(config, load_dataset("mnist-5k"), range(2))
    >>> after.weights[3].shape, bool((after.test_accuracy > before.test_accuracy).all())
    ((2, 10, 10), True)
    """
    layout = Layout.of(config)
    places = patch_places(config.image_shape)
    train = patched(images.train_inputs, images.train_labels, places)
    test = patched(images.test_inputs, images.test_labels, places)
    states = [Network(config, layout, places, network) for network in networks]
    steps = snapshot_steps(config.snapshots, config.epochs, count_steps(len(train.labels), config.batch_size))

    with ThreadPoolExecutor(threads or cores()) as pool:
        try:
            running = [pool.submit(state.at_start, train, test) for state in states]
            for first, last in pairwise((*steps, steps[-1])):
                # a snapshot ahead, so that no core waits for the slowest network or for the disk
                ahead = [
                    pool.submit(state.go_on, first, last, before, train, test)
                    for state, before in zip(states, running, strict=True)
                    if last > first
                ]
                yield _together(config, [future.result() for future in running])
                running = ahead
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a network lie for the kernels (see there).

    Args:
        tile: units of a tile.
        units: (layers,) units of every layer, the classes included, padded to whole tiles.
        patches: of an image.
        batch: images of a batch, padded to whole vectors.
    """

    tile: int
    units: tuple[int, ...]
    patches: int
    batch: int

    @classmethod
    def of(cls, config: EnsembleConfig) -> Layout:
        """The tiles with the least work in all.

        >>> layout = Layout.of(EnsembleConfig(hidden=(40, 40)))
        >>> layout.tile, layout.units, layout.patches, layout.batch
        (10, (40, 40, 10), 49, 112)
        """

        def padded(tile: int) -> tuple[int, ...]:
            return tuple(-(-width // tile) * tile for width in config.widths[1:])

        def work(tile: int) -> int:
            widths = (config.widths[0], *padded(tile))
            return sum(rows * columns for rows, columns in zip(widths[1:], widths[:-1], strict=True))

        tile = min(reversed(TILE_SIZES), key=work)  # of equals the largest
        batch = -(-config.batch_size // LANES) * LANES
        return cls(tile, padded(tile), config.widths[0] // PATCH_PIXELS, batch)

    @property
    def tiles(self) -> tuple[int, ...]:
        """(layers,) tiles of every layer."""
        return tuple(units // self.tile for units in self.units)

    def workspace(self) -> Workspace:
        """Room for a step; what is padding is zero."""
        numbers = sum(self.units) * self.batch
        return Workspace(
            lists=np.empty(self.patches * self.batch, np.int64),
            ends=np.zeros(self.patches, np.int64),
            rows=_zeros(self.batch * self.tiles[0] * LANES),
            activations=_zeros(numbers),
            gradients=_zeros(numbers),
            weight_gradients=_zeros(self.size_of_others),
            tile=_zeros(LANES * LANES),
            totals=_zeros(LANES * LANES),
            answers=_zeros(self.batch),
            largest=_zeros(self.batch),
            exponentials=_zeros(self.batch),
        )

    @property
    def size_of_others(self) -> int:
        """Weights of all layers but the first, padding included."""
        return sum(before * tiles * LANES for before, tiles in zip(self.units[:-1], self.tiles[1:], strict=True))

    def pack_first(self, weights: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """(unit, pixel) -> (tile of units, patch, unit of the tile, pixel of the patch), flat."""
        padded = np.zeros((self.units[0], weights.shape[1]), np.float32)
        padded[: len(weights)] = weights
        cut = padded[:, places].reshape(self.tiles[0], self.tile, *places.shape)
        return _aligned(cut.transpose(0, 2, 1, 3))

    def unpack_first(self, flat: NDArray[np.float32], units: int, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The inverse of pack_first, without the padding: (units, pixel)."""
        cut = flat.reshape(self.tiles[0], self.patches, self.tile, PATCH_PIXELS).transpose(0, 2, 1, 3)
        weights = np.empty((self.units[0], places.size), np.float32)
        weights[:, places] = cut.reshape(self.units[0], *places.shape)
        return weights[:units]

    def pack_others(self, layers: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(row, column) of each layer -> (column, tile of rows, 16), flat, one after another."""
        parts = []
        for k, layer in enumerate(layers):
            padded = np.zeros((self.tiles[k + 1] * self.tile, self.units[k]), np.float32)
            padded[: layer.shape[0], : layer.shape[1]] = layer
            room = np.zeros((self.units[k], self.tiles[k + 1], LANES), np.float32)
            room[:, :, : self.tile] = padded.T.reshape(self.units[k], self.tiles[k + 1], self.tile)
            parts.append(room.reshape(-1))
        return _aligned(np.concatenate(parts))

    def unpack_others(self, flat: NDArray[np.float32], shapes: Sequence[tuple[int, int]]) -> list[NDArray[np.float32]]:
        """The inverse of pack_others, for layers of these shapes."""
        layers, start = [], 0
        for k, (rows, columns) in enumerate(shapes):
            size = self.units[k] * self.tiles[k + 1] * LANES
            room = flat[start : start + size].reshape(self.units[k], self.tiles[k + 1], LANES)
            layers.append(room[:, :, : self.tile].reshape(self.units[k], -1)[:columns, :rows].T.copy())
            start += size
        return layers


def _zeros(count: int) -> NDArray[np.float32]:
    return aligned_zeros(count, np.float32)


def _aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    array = _zeros(values.size)
    array[:] = values.reshape(-1)
    return array


@dataclass(frozen=True)
class _Result:
    """Of one network: stored weights, and the four numbers of a snapshot."""

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
            return Parameters(weights, *(_zeros(weights.size if k < kept else 0) for k in range(2)))

        self.first = parameters(layout.pack_first(first, places))
        self.others = parameters(layout.pack_others(others))
        self.offsets = _zeros(layout.tiles[0] * LANES)
        for unit, total in enumerate(first.sum(axis=1, dtype=np.float64)):
            self.offsets[unit // layout.tile * LANES + unit % layout.tile] = -total
        self.units = np.array(layout.units)
        self.tile = (0,) * layout.tile
        self.settings = Settings(
            adam=config.optimizer != "sgd",
            learning_rate=config.learning_rate,
            momentum=config.momentum,
            decay=0.0 if config.optimizer == "adamw" else config.weight_decay,
            shrinking=1 - config.learning_rate * config.weight_decay if config.optimizer == "adamw" else 1.0,
            l1=config.l1,
        )
        self.order = 0, np.empty(0, np.int64)  # of an epoch: several snapshots may fall into one

    def at_start(self, train: PatchedImages, test: PatchedImages) -> _Result:
        return self._result(self.evaluate(train), self.evaluate(test))

    def go_on(
        self, first: int, last: int, before: Future[_Result], train: PatchedImages, test: PatchedImages
    ) -> _Result:
        """The steps from `first` to before `last`, once those before them are done."""
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
        """Loss and hits, summed over the images in the given order, each before its step."""
        done: tuple[float, int] = kernels.train(
            self.tile,
            images,
            order,
            self.config.batch_size,
            self.first,
            self.offsets,
            self.others,
            self.units,
            self.config.classes,
            self.settings,
            steps_before,
            self.layout.workspace(),
        )
        return done

    def evaluate(self, images: PatchedImages) -> tuple[float, float]:
        """Mean loss and accuracy on all the images."""
        loss, hits = kernels.evaluate(
            self.tile,
            images,
            self.config.batch_size,
            self.first,
            self.offsets,
            self.others,
            self.units,
            self.config.classes,
            self.layout.workspace(),
        )
        return loss / len(images.labels), hits / len(images.labels)

    def _result(self, train: tuple[float, float], test: tuple[float, float]) -> _Result:
        stored = {}
        if 0 in self.config.stored_layers:
            stored[0] = self.layout.unpack_first(self.first.weights, self.config.shapes[0][0], self.places)
        others = self.layout.unpack_others(self.others.weights, self.config.shapes[1:])
        stored |= {k: layer for k, layer in enumerate(others, start=1) if k in self.config.stored_layers}
        return _Result(stored, (*train, *test))


def _together(config: EnsembleConfig, results: Sequence[_Result]) -> Snapshot:
    weights = {k: np.stack([result.weights[k] for result in results]) for k in config.stored_layers}
    return Snapshot(weights, {}, *np.array([result.metrics for result in results]).T)
