"""Dense Hessians of the networks of a run, on batches of its images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...training import EnsembleConfig, LabelledData
from ...training.data import normalise

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]
Part = Literal["train", "test"]
PARTS: tuple[Part, ...] = ("train", "test")

#: Parameters up to which the pixels of an image stay apart; and those that a dense spectrum may have at most.
COMFORTABLE, MOST = 1000, 3000


def pooling_of(config: EnsembleConfig) -> int:
    """Find on how large squares of pixels the weights of the first layer are taken as equal.

    Args:
        config: of the ensemble.

    Returns:
        The side of a square: the smallest that leaves at most `COMFORTABLE` parameters, else the largest.

    Raises:
        ValueError: if more than `MOST` parameters are left with the largest.

    >>> pooling_of(EnsembleConfig(hidden=(10, 10))), pooling_of(EnsembleConfig(hidden=(10, 10), dataset="cifar10"))
    (4, 8)
    """
    planes, height, width = config.image_shape
    first, *others = (rows * columns + rows * config.bias for rows, columns in config.shapes)
    sides = [side for side in range(1, height + 1) if gcd(height, width) % side == 0]
    counts = {side: first - config.widths[1] * planes * (height * width - height * width // side**2) for side in sides}
    found = next((side for side in sides if counts[side] + sum(others) <= COMFORTABLE), sides[-1])
    if counts[found] + sum(others) > MOST:
        raise ValueError(
            f"the networks of a RUN must have at most {MOST} parameters for dense Hessians, those from pixels to the "
            f"first layer pooled, got {counts[found] + sum(others)} ({'-'.join(map(str, config.widths))})"
        )
    return found


@dataclass(frozen=True)
class Surface:
    """The loss of the networks of a run, in float64, along weights that are equal on squares of pixels.

    Args:
        config: of the ensemble.
        ensemble: with all layers.
        images: on which the networks were trained and tested.
        pooling: side of a square of pixels, as `pooling_of` finds it.
    """

    config: EnsembleConfig
    ensemble: xr.Dataset
    images: LabelledData
    pooling: int

    @property
    def epochs(self) -> tuple[float, ...]:
        """Those at which spacings are measured: before training, after the first snapshot, and at the end."""
        stored = [float(epoch) for epoch in self.ensemble.epoch.values]
        return tuple(dict.fromkeys([stored[0], stored[min(1, len(stored) - 1)], stored[-1]]))

    @cached_property
    def _tensors(self) -> dict[Part, tuple[Tensor, Tensor]]:
        import torch

        images = self.images
        return {
            "train": (_double(images.train_inputs), torch.tensor(images.train_labels)),
            "test": (_double(images.test_inputs), torch.tensor(images.test_labels)),
        }

    def count(self, part: Part) -> int:
        """Return how many images a part of the data has.

        Args:
            part: train or test.

        Returns:
            The number of images.
        """
        return len(self._tensors[part][1])

    def hessian(self, network: int, epoch: float, part: Part, examples: NDArray[np.integer[Any]]) -> Array:
        """Return the Hessian of the mean loss of some images.

        Args:
            network: place in the ensemble.
            epoch: a stored one.
            part: train or test.
            examples: places of the images.

        Returns:
            (P, P), P the parameters with pooled pixels.

        Raises:
            ValueError: if a layer is not stored, or the Hessian is not finite.
        """
        import torch

        from ...training import dense_matrix, pooled_objective, stored_parameters

        parameters = stored_parameters(self.ensemble.isel(network=[network]), epoch)[0].double()
        objective = pooled_objective(self.config, parameters, self.pooling)
        inputs, labels = self._tensors[part]
        chosen = torch.from_numpy(examples)
        zero = torch.zeros(objective.size, dtype=torch.float64)
        found = dense_matrix(objective, zero, inputs[chosen], labels[chosen])
        return checked_hessian(np.asarray(found, dtype=np.float64), network, epoch)


def checked_hessian(matrix: Array, network: int, epoch: float) -> Array:
    """Return a Hessian, or refuse one that is not finite.

    Args:
        matrix: the Hessian.
        network: of which it is.
        epoch: at which it is.

    Returns:
        The matrix.

    Raises:
        ValueError: if an entry is not finite.

    >>> checked_hessian(np.array([[np.inf]]), 0, 1.0)
    Traceback (most recent call last):
        ...
    ValueError: the Hessian of network 0 at epoch 1 must be finite, got NaN or infinity
    """
    if not np.isfinite(matrix).all():
        raise ValueError(f"the Hessian of network {network} at epoch {epoch:g} must be finite, got NaN or infinity")
    return matrix


def _double(inputs: NDArray[Any]) -> Tensor:
    import torch

    return torch.from_numpy(normalise(inputs).astype(np.float64))
