"""The configuration of an ensemble: everything that its bits depend on, checked when it is made."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from .initialisation import Initialisation, Pilot
from .schedule import count_steps, snapshot_steps

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
MOST_BLOCKS, MOST_SNAPSHOTS, MOST_LAYERS = 10**5, 10**6, 1000


class CustomDataset(BaseModel):
    """The user's own data in a configuration; LabelledData.describe makes it.

    >>> print(CustomDataset(shape=(1, 8, 8), training_images=1000, sha256="0123456789abcdef" * 4))
    own data 01234567
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    shape: tuple[Positive, Positive, Positive]
    """Planes, height and width of an image; (1, 1, features) where the inputs are no images."""

    training_images: Positive
    """How many inputs there are for training."""

    classes: Annotated[int, Field(ge=2)] = CLASSES
    """How many classes there are."""

    pixels: bool = True
    """Whether the inputs are pixels from 0 to 255, which are scaled to [-1, 1]; features are taken as given."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The hash of inputs and labels."""

    def __str__(self) -> str:
        return f"own data {self.sha256[:8]}"


Dataset = Annotated[
    Annotated[DatasetName, Tag("name")] | Annotated[CustomDataset, Tag("own")],
    # else an error would speak of both
    Discriminator(lambda value: "name" if isinstance(value, str) else "own"),
]


class EnsembleConfig(BaseModel):
    """An ensemble of fully connected networks trained with cross-entropy; by default those of the paper (see README).

    `data_root` and `device` are places: two configurations that differ only there are the same ensemble.

    Args:
        **values: the fields that differ from their defaults.

    Raises:
        ValueError: one line that names the argument, what is required and what came.

    Source:
        The experiment: arXiv:2510.05218. Adam: arXiv:1412.6980. AdamW: arXiv:1711.05101. Dropout: N. Srivastava et al.,
        J. Mach. Learn. Res. 15 (2014) 1929. GELU: arXiv:1606.08415.

    >>> config = EnsembleConfig(networks=200, hidden=(10, 10, 10))
    >>> config.shapes
    ((10, 784), (10, 10), (10, 10), (10, 10))
    >>> config.stored_layers
    (1, 2, 3)
    >>> EnsembleConfig(networks=0)
    Traceback (most recent call last):
    ValueError: networks: input should be greater than or equal to 1, got 0
    """

    # the text below a field is also the help of the command's option, without brackets, which would vanish as markup
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    dataset: Dataset = "mnist-5k"
    """Images: mnist-5k (bundled), mnist, fashion-mnist or cifar10. For your own data see LabelledData."""

    data_root: Path | None = None
    """Folder of the images, downloaded to if they are not there (default: the user's cache)."""

    hidden: Annotated[tuple[Positive, ...], Field(min_length=1)] = (10, 10, 10)
    """Widths of the hidden layers."""

    networks: Positive = 1000
    """How many independent networks."""

    epochs: Positive = 50
    """Passes over the training images."""

    batch_size: Positive = 100
    """Images in a step; the last step of an epoch takes those that remain."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    """adam or adamw (with torch's default betas and eps), or sgd."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Step size of the optimizer."""

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Momentum of sgd."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the parameters added to the gradient (L2, also for adam); with adamw decoupled: a step shrinks the
    parameters by learning_rate * weight_decay of themselves."""

    l1: Annotated[float, Field(ge=0)] = 0.0
    """Coefficient of the sum of absolute weights (not biases) in the objective; stored losses are without it."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a hidden unit is off for an image and a step; the others are scaled up."""

    activation: Literal["relu", "tanh", "gelu", "identity"] = "relu"
    """Activation of the hidden layers: relu, tanh, gelu (the exact one) or identity."""

    bias: bool = False
    """Whether units have biases, which begin at zero."""

    initialisation: str = "gaussian"
    """gaussian, N(0, 1/fan_in); uniform on +-1/sqrt(fan_in); xavier-normal, xavier-uniform, he-normal, he-uniform,
    orthogonal; any variance, as normal(2/(fan_in + fan_out)), or one for each layer, as normal(0.002; 0.1; 0.1);
    stationary, normal with the variance of each layer that training leaves as it is, found by a pilot run
    (arXiv:2508.12834): stationary(20, 30, 0.01) states its networks, the most rounds and the tolerance."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Key of all random numbers, together with the number of a network."""

    device: str = "cpu"
    """Torch device, such as cpu, cuda or cuda:1."""

    engine: Literal["auto", "numba", "torch"] = "auto"
    """numba (compiled, small networks on a processor), torch (batched products), or auto: numba where it can. The two
    agree as two float32 programs do: to rounding at first, not in bits."""

    block_size: Positive = 50
    """Networks trained together, which bounds the memory. The torch engine fills the last block with networks that are
    not stored, so that the bits of a network do not depend on the number of networks."""

    layers: Literal["square", "all"] | tuple[int, ...] = "square"
    """Weights that are stored: square, all, or indices (0 is the input layer)."""

    snapshots: Literal["epochs", "log"] | Positive = "epochs"
    """When weights are stored: after epochs; log, after 1, 2, 4, 8 and so on steps; or after every so many steps.
    The first and the last state are always stored."""

    if not TYPE_CHECKING:  # type checkers keep the signature that pydantic derives from the fields

        def __init__(self, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                raise ValueError(_one_line(error)) from None

    @model_validator(mode="after")
    def _check_sizes(self) -> EnsembleConfig:
        # a configuration may come from a file, and its blocks and snapshots are listed
        blocks = -(-self.networks // self.block_size)
        if blocks > MOST_BLOCKS:
            raise ValueError(
                f"networks: at most {MOST_BLOCKS} blocks of block_size networks are required, got {blocks}"
            )
        steps = self.epochs * self.steps_per_epoch
        pieces = {"epochs": self.epochs, "log": 1}
        snapshots = pieces[self.snapshots] if isinstance(self.snapshots, str) else steps // self.snapshots
        if snapshots > MOST_SNAPSHOTS:
            raise ValueError(f"snapshots: at most {MOST_SNAPSHOTS} are required, got {snapshots}")
        if steps >= 2**63 or max(self.hidden) >= 2**31 or len(self.hidden) > MOST_LAYERS:
            raise ValueError(
                f"hidden, epochs: at most {MOST_LAYERS} layers of less than 2^31 units and less than 2^63 steps are "
                f"required, got {len(self.hidden)} layers of up to {max(self.hidden)} units and {steps} steps"
            )
        return self

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
        if Pilot.parse(self.initialisation):
            return self
        for layer, shape in enumerate(self.shapes):
            Initialisation.parse(self.initialisation, layer).moments(shape)
        if (given := self.initialisation.count(";") + 1) not in (1, len(self.shapes)):
            raise ValueError(
                f"initialisation: one variance or {len(self.shapes)}, one for each layer, is required, got {given}"
            )
        return self

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of every layer, from the pixels to the classes."""
        return (prod(self.image_shape), *self.hidden, self.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Planes, height and width of an image."""
        return self.dataset.shape if isinstance(self.dataset, CustomDataset) else IMAGE_SHAPES[self.dataset]

    @property
    def training_images(self) -> int:
        """The number of images in an epoch."""
        return (
            self.dataset.training_images if isinstance(self.dataset, CustomDataset) else TRAINING_IMAGES[self.dataset]
        )

    @property
    def classes(self) -> int:
        """The number of classes of the data."""
        return self.dataset.classes if isinstance(self.dataset, CustomDataset) else CLASSES

    @property
    def pixels(self) -> bool:
        """Whether the inputs are pixels from 0 to 255, and not features of any kind."""
        return self.dataset.pixels if isinstance(self.dataset, CustomDataset) else True

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
        return count_steps(self.training_images, self.batch_size)

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
        """Compare two configurations.

        Args:
            other: another configuration.

        Returns:
            The fields that make the other one another ensemble, each with both values.

        >>> EnsembleConfig(epochs=5, device="cuda").differences(EnsembleConfig(epochs=6))
        {'epochs': (5, 6)}
        """
        mine, theirs = (config.model_dump(mode="json", exclude={"data_root", "device"}) for config in (self, other))
        return {name: (value, theirs[name]) for name, value in mine.items() if value != theirs[name]}

    def grows_to(self, other: EnsembleConfig) -> bool:
        """Tell whether another configuration is this ensemble and further networks.

        The bits of a network do not depend on how many there are.

        Args:
            other: another configuration.

        Returns:
            Whether it is.

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
