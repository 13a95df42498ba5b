"""The places of the numbers of a network in the arrays of the compiled steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...simd import aligned_zeros
from ..config import EnsembleConfig
from .kernels.arrays import LANES, Workspace
from .kernels.patches import PATCH_PIXELS

#: At least 8, so that enough sums run beside one another; with 12 and what goes with it the registers are full.
TILE_SIZES = (8, 10, 12)


@dataclass(frozen=True)
class Layout:
    """The places of the numbers of a network in the arrays of the kernels (see there).

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
        """Choose the tile that leaves the least work in all.

        Args:
            config: of the ensemble.

        Returns:
            The layout of its networks.

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
        """Make room for a step; the padding is zero.

        Returns:
            The arrays.
        """
        numbers = sum(self.units) * self.batch
        return Workspace(
            lists=np.empty(self.patches * self.batch, np.int64),
            ends=np.zeros(self.patches, np.int64),
            rows=zeros(self.batch * self.tiles[0] * LANES),
            activations=zeros(numbers),
            gradients=zeros(numbers),
            weight_gradients=zeros(self.size_of_others),
            tile=zeros(LANES * LANES),
            totals=zeros(LANES * LANES),
            answers=zeros(self.batch),
            largest=zeros(self.batch),
            exponentials=zeros(self.batch),
        )

    @property
    def size_of_others(self) -> int:
        """Weights of all layers but the first, padding included."""
        return sum(before * tiles * LANES for before, tiles in zip(self.units[:-1], self.tiles[1:], strict=True))

    def pack_first(self, weights: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Lay out the weights of the first layer.

        The order is (tile of units, patch, unit of the tile, pixel of the patch).

        Args:
            weights: (units, pixels).
            places: (patches, 16) pixels of each patch.

        Returns:
            Flat, padded with zeros, on a cache line.
        """
        padded = np.zeros((self.units[0], weights.shape[1]), np.float32)
        padded[: len(weights)] = weights
        cut = padded[:, places].reshape(self.tiles[0], self.tile, *places.shape)
        return aligned(cut.transpose(0, 2, 1, 3))

    def unpack_first(self, flat: NDArray[np.float32], units: int, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read the weights of the first layer: the inverse of `pack_first`.

        Args:
            flat: as `pack_first` returns it.
            units: number of units without padding.
            places: (patches, 16) pixels of each patch.

        Returns:
            (units, pixels).
        """
        cut = flat.reshape(self.tiles[0], self.patches, self.tile, PATCH_PIXELS).transpose(0, 2, 1, 3)
        weights = np.empty((self.units[0], places.size), np.float32)
        weights[:, places] = cut.reshape(self.units[0], *places.shape)
        return weights[:units]

    def pack_others(self, layers: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Lay out the weights of the other layers.

        The order in each is (column, tile of rows, 16).

        Args:
            layers: (rows, columns) each.

        Returns:
            Flat, one layer after another, padded with zeros, on a cache line.
        """
        parts = []
        for k, layer in enumerate(layers):
            padded = np.zeros((self.tiles[k + 1] * self.tile, self.units[k]), np.float32)
            padded[: layer.shape[0], : layer.shape[1]] = layer
            room = np.zeros((self.units[k], self.tiles[k + 1], LANES), np.float32)
            room[:, :, : self.tile] = padded.T.reshape(self.units[k], self.tiles[k + 1], self.tile)
            parts.append(room.reshape(-1))
        return aligned(np.concatenate(parts))

    def unpack_others(self, flat: NDArray[np.float32], shapes: Sequence[tuple[int, int]]) -> list[NDArray[np.float32]]:
        """Read the weights of the other layers: the inverse of `pack_others`.

        Args:
            flat: as `pack_others` returns it.
            shapes: (rows, columns) of each layer.

        Returns:
            The layers.
        """
        layers, start = [], 0
        for k, (rows, columns) in enumerate(shapes):
            size = self.units[k] * self.tiles[k + 1] * LANES
            room = flat[start : start + size].reshape(self.units[k], self.tiles[k + 1], LANES)
            layers.append(room[:, :, : self.tile].reshape(self.units[k], -1)[:columns, :rows].T.copy())
            start += size
        return layers


def zeros(count: int) -> NDArray[np.float32]:
    """Return float32 zeros that begin a cache line.

    Args:
        count: number of entries.

    Returns:
        (count,).
    """
    return aligned_zeros(count, np.float32)


def aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy an array to one that begins a cache line.

    Args:
        values: of any shape.

    Returns:
        The entries, flat.
    """
    array = zeros(values.size)
    array[:] = values.reshape(-1)
    return array
