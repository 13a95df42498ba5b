"""The configuration of an ensemble: everything that its bits depend on, checked when it is made."""

from __future__ import annotations

from math import ceil, prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from .initialisation import Initialisation
from .schedule import snapshot_steps

DatasetName = Literal["mnist-5k", "mnist", "fashion-mnist", "cifar10"]
EngineName = Literal["numba", "torch"]
Positive = Annotated[int, Field(ge=1)]

# planes, height, width
IMAGE_SHAPES: dict[DatasetName, tuple[int, int, int]] = {
    "mnist-5k": (1, 28, 28),
    "mnist": (1, 28, 28),
    "fashion-mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
}
INPUTS: dict[DatasetName, int] = {name: prod(shape) for name, shape in IMAGE_SHAPES.items()}
TRAINING_IMAGES: dict[DatasetName, int] = {"mnist-5k": 4000, "mnist": 60000, "fashion-mnist": 60000, "cifar10": 50000}
CLASSES = 10


class OwnImages(BaseModel):
    """What a configuration says of a user's own images; LabelledImages.describe makes it.

    Args:
        shape: planes, height, width of an image.
        training_images: how many there are.
        sha256: of images and labels.

    >>> print(OwnImages(shape=(1, 8, 8), training_images=1000, sha256="0123456789abcdef" * 4))
    own images 01234567
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[Positive, Positive, Positive]
    training_images: Positive
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def __str__(self) -> str:
        return f"own images {self.sha256[:8]}"


Dataset = Annotated[
    Annotated[DatasetName, Tag("name")] | Annotated[OwnImages, Tag("own")],
    # else an error would speak of both
    Discriminator(lambda value: "name" if isinstance(value, str) else "own"),
]


class EnsembleConfig(BaseModel):
    """An ensemble of fully connected networks trained with cross-entropy; by default those of the paper (see README).

    Args:
        dataset: the images; `mnist-5k` (bundled) needs no download. For your own, what LabelledImages.describe says of
            them.
        data_root: folder of the other datasets, downloaded to if they are not there (None: the user's cache folder).
        hidden: widths of the hidden layers.
        networks: how many independent networks.
        epochs: passes over the training set.
        batch_size: images a step; the last step of an epoch takes what remains.
        optimizer: `adam` or `adamw` (torch's default betas and eps), or `sgd`.
        learning_rate: of the optimizer.
        momentum: of sgd.
        weight_decay: the coefficient of the parameters added to the gradient (L2, also for Adam); with adamw decoupled:
            a step shrinks them by learning_rate * weight_decay of themselves.
        l1: the coefficient of the sum of the weights' absolute values, biases not among them, in what is minimised; the
            stored losses are without.
        dropout: probability that a hidden unit is off for an image and a step; the others are scaled up.
        activation: of the hidden layers: `relu`, `tanh`, `gelu` (the exact one) or `identity`.
        bias: whether units have biases; they begin at zero.
        initialisation: `gaussian`, N(0, 1/fan_in); `uniform` on +-1/sqrt(fan_in); `xavier-normal`, `xavier-uniform`,
            `he-normal`, `he-uniform`, `orthogonal`; or with any variance, `normal(2/(fan_in + 3*fan_out))`.
        seed: key of all random streams, together with a network's number.
        device: any torch device.
        engine: `numba`, compiled for small networks on a processor; `torch`, batched products for any; `auto`, numba
            where it can. They agree as two float32 programs do, to rounding at first, not in bits.
        block_size: networks trained together. For the torch engine the last block is filled up with networks that are
            not stored, so that the shapes computed with, hence the bits of a network, do not depend on `networks`.
        layers: which weights are stored: the `square` ones, `all`, or a tuple of indices (0 is the input layer).
        snapshots: when: after `epochs`; `log`, after 1, 2, 4, 8, ... steps; or every so many steps. Always before the
            first step and after the last.

    `data_root` and `device` say where, not what: two configurations that differ only there are the same ensemble.

    Raises:
        ValueError: one line that names the argument, what is required and what came.

    >>> config = EnsembleConfig(networks=200, hidden=(10, 10, 10))
    >>> config.shapes
    ((10, 784), (10, 10), (10, 10), (10, 10))
    >>> config.stored_layers
    (1, 2, 3)
    >>> EnsembleConfig(networks=0)
    Traceback (most recent call last):
    ValueError: networks: input should be greater than or equal to 1, got 0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Dataset = "mnist-5k"
    data_root: Path | None = None
    hidden: Annotated[tuple[Positive, ...], Field(min_length=1)] = (10, 10, 10)
    networks: Positive = 1000
    epochs: Positive = 50
    batch_size: Positive = 100
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    l1: Annotated[float, Field(ge=0)] = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    activation: Literal["relu", "tanh", "gelu", "identity"] = "relu"
    bias: bool = False
    initialisation: str = "gaussian"
    seed: Annotated[int, Field(ge=0)] = 0
    device: str = "cpu"
    engine: Literal["auto", "numba", "torch"] = "auto"
    block_size: Positive = 50
    layers: Literal["square", "all"] | tuple[int, ...] = "square"
    snapshots: Literal["epochs", "log"] | Positive = "epochs"

    if not TYPE_CHECKING:  # type checkers keep the signature that pydantic derives from the fields

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise ValueError(_one_line(error)) from None

    @model_validator(mode="after")
    def _check_layers(self) -> EnsembleConfig:
        last = len(self.shapes) - 1
        if isinstance(self.layers, tuple) and not (
            self.layers and set(self.layers) <= set(range(last + 1)) and len(set(self.layers)) == len(self.layers)
        ):
            raise ValueError(f"layers: indices must be distinct and from 0 to {last}, got {self.layers}")
        if not self.stored_layers:
            widths = "-".join(str(width) for width in self.widths)
            raise ValueError(f"layers: 'square' requires a square weight matrix, got {widths}; use layers='all'")
        return self

    @model_validator(mode="after")
    def _check_training(self) -> EnsembleConfig:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(f"momentum: 0 is required with optimizer={self.optimizer!r}, got {self.momentum}")
        initial = Initialisation.parse(self.initialisation)
        for shape in self.shapes:
            initial.moments(shape)
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of every layer, from the pixels to the classes."""
        return (prod(self.image_shape), *self.hidden, CLASSES)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Planes, height and width of an image."""
        return self.dataset.shape if isinstance(self.dataset, OwnImages) else IMAGE_SHAPES[self.dataset]

    @property
    def training_images(self) -> int:
        """How many images an epoch has."""
        return self.dataset.training_images if isinstance(self.dataset, OwnImages) else TRAINING_IMAGES[self.dataset]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (row = output unit, column = input unit) of all weight matrices, input layer first."""
        return tuple(zip(self.widths[1:], self.widths[:-1], strict=True))

    @property
    def stored_layers(self) -> tuple[int, ...]:
        """Indices of the weight matrices that are stored, ascending."""
        if self.layers == "all":
            return tuple(range(len(self.shapes)))
        if self.layers == "square":
            return tuple(layer for layer, (rows, columns) in enumerate(self.shapes) if rows == columns)
        return tuple(sorted(layer for layer in self.layers if isinstance(layer, int)))

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one epoch, a last partial batch included."""
        return ceil(self.training_images / self.batch_size)

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """The optimiser steps after which a snapshot is stored, from 0 to the last."""
        return snapshot_steps(self.snapshots, self.epochs, self.steps_per_epoch)

    @property
    def blocks(self) -> tuple[range, ...]:
        """The networks of each block. The last range ends at `networks`, however many are trained to fill it."""
        return tuple(
            range(first, min(first + self.block_size, self.networks))
            for first in range(0, self.networks, self.block_size)
        )

    def differences(self, other: EnsembleConfig) -> dict[str, tuple[Any, Any]]:
        """The fields that make `other` another ensemble, each with both values.

        >>> EnsembleConfig(epochs=5, device="cuda").differences(EnsembleConfig(epochs=6))
        {'epochs': (5, 6)}
        """
        mine, theirs = (config.model_dump(mode="json", exclude={"data_root", "device"}) for config in (self, other))
        return {name: (value, theirs[name]) for name, value in mine.items() if value != theirs[name]}

    def grows_to(self, other: EnsembleConfig) -> bool:
        """Whether `other` is this ensemble and further networks: the bits of a network do not depend on their number.

        >>> EnsembleConfig(networks=200).grows_to(EnsembleConfig(networks=400))
        True
        """
        return set(self.differences(other)) == {"networks"} and other.networks > self.networks


def _one_line(error: ValidationError) -> str:
    """Pydantic's report as 'argument: what is required, got what came; ...'."""
    required: dict[str, list[str]] = {}
    came: dict[str, str] = {}
    for detail in error.errors():
        if not detail["loc"]:  # raised by our own validator, complete as it is
            return str(detail["ctx"]["error"])
        # a tuple's item has its index in the name; the branches of a union are joined by "or"
        argument, *inner = detail["loc"]
        name = ".".join(str(part) for part in (argument, *inner) if part == argument or isinstance(part, int))
        message = detail["msg"]
        required.setdefault(name, []).append(message[0].lower() + message[1:])
        came[name] = repr(detail["input"])
    return "; ".join(f"{name}: {' or '.join(messages)}, got {came[name]}" for name, messages in required.items())
