"""Losses as functions of one vector of parameters: of the networks of an ensemble, or of a module of your own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from ..config import EnsembleConfig
from ..engines.torch_engine import ACTIVATIONS
from ..streams import initial_weights

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Objective:
    """A model and its loss, as functions of one vector of parameters.

    Args:
        model: (parameters (P,), inputs (examples, ...)) -> outputs (examples, ...).
        loss: (outputs, targets) -> a number, the mean over the examples.
        blocks: name and number of parameters of each layer or tensor, in order.
        network: the configuration, if model and loss are those of an ensemble's networks, whose products are written
            out; None for all others, which are differentiated automatically.

    >>> objective = Objective.of_config(EnsembleConfig(hidden=(4, 4)))
    >>> objective.blocks
    (('weight_0', 3136), ('weight_1', 16), ('weight_2', 40))
    """

    model: Callable[[Tensor, Tensor], Tensor]
    loss: Callable[[Tensor, Tensor], Tensor]
    blocks: tuple[tuple[str, int], ...]
    network: EnsembleConfig | None = None

    @classmethod
    def of_config(cls, config: EnsembleConfig) -> Objective:
        """Cross-entropy of the networks of an ensemble; parameters are weights, then biases, layer by layer.

        Args:
            config: of the ensemble; dropout and penalties are left out.

        Returns:
            The objective.
        """
        activation = ACTIVATIONS[config.activation]
        pieces = [
            (f"{name}_{layer}", shape)
            for layer, (rows, columns) in enumerate(config.shapes)
            for name, shape in (("weight", (rows, columns)), ("bias", (rows,)))
            if name == "weight" or config.bias
        ]
        blocks = tuple((name, prod(shape)) for name, shape in pieces)

        def model(parameters: Tensor, inputs: Tensor) -> Tensor:
            parts = torch.split(parameters, [size for _, size in blocks])
            tensors = {name: part.view(shape) for (name, shape), part in zip(pieces, parts, strict=True)}
            outputs = inputs
            for layer in range(len(config.shapes)):
                outputs = (activation(outputs) if layer else outputs) @ tensors[f"weight_{layer}"].T
                if config.bias:
                    outputs = outputs + tensors[f"bias_{layer}"]
            return outputs

        return cls(model, cross_entropy, blocks, config)

    @classmethod
    def of_module(cls, module: nn.Module, loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy) -> Objective:
        """The loss of a module of your own, in evaluation mode; its buffers are constants.

        Args:
            module: any; its parameters in the order of `named_parameters`, see `module_parameters`.
            loss: mean over the examples.

        Returns:
            The objective.

        >>> Objective.of_module(nn.Linear(3, 2)).blocks
        (('weight', 6), ('bias', 2))
        """
        named = [(name, tensor.shape) for name, tensor in module.named_parameters()]
        blocks = tuple((name, prod(shape)) for name, shape in named)
        buffers = dict(module.named_buffers())
        module = deepcopy(module).train(False)  # the user's own stays in its mode

        def model(parameters: Tensor, inputs: Tensor) -> Tensor:
            parts = torch.split(parameters, [size for _, size in blocks])
            tensors = {name: part.view(shape) for (name, shape), part in zip(named, parts, strict=True)}
            outputs: Tensor = functional_call(module, tensors | buffers, (inputs,))
            return outputs

        return cls(model, loss, blocks)

    @property
    def size(self) -> int:
        """The number of parameters, P."""
        return sum(size for _, size in self.blocks)

    def block(self, name: str) -> slice:
        """Return where the parameters of a layer or tensor stand.

        Args:
            name: of the layer or tensor.

        Returns:
            A slice of the parameters.

        Raises:
            ValueError: if there is none of that name.

        >>> Objective.of_config(EnsembleConfig(hidden=(4, 4))).block("weight_1")
        slice(3136, 3152, None)
        """
        start = 0
        for known, size in self.blocks:
            if known == name:
                return slice(start, start + size)
            start += size
        raise ValueError(f"block must be one of {', '.join(known for known, _ in self.blocks)}, got {name!r}")

    def checked(self, parameters: Tensor | NDArray[np.floating]) -> Tensor:
        """Return parameters as a tensor.

        Args:
            parameters: (networks, P) or (P,) of a floating type.

        Returns:
            The same numbers, a tensor of this shape.

        Raises:
            ValueError: if there are not P of them, or one is not finite.
        """
        tensor = torch.as_tensor(parameters)
        if tensor.ndim not in (1, 2) or tensor.shape[-1] != self.size or not tensor.is_floating_point():
            raise ValueError(
                f"parameters must be ({self.size},) or (networks, {self.size}) of a floating type, got shape "
                f"{tuple(tensor.shape)} of {tensor.dtype}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"parameters must be finite, got {int((~torch.isfinite(tensor)).sum())} that are not")
        return tensor.detach()


def stored_parameters(ensemble: xr.Dataset, epoch: float | None = None) -> Tensor:
    """Return the parameters of the networks of a stored ensemble, as `Objective.of_config` takes them.

    Args:
        ensemble: as `open_ensemble` gives it, with all layers stored (`layers="all"`).
        epoch: of the snapshot; default: the last.

    Returns:
        (networks, P) float32.

    Raises:
        ValueError: if a layer is not stored, or there is no such epoch.

    >>> from tempfile import TemporaryDirectory
    >>> from pigmm.training import open_ensemble, train_ensemble
    >>> with TemporaryDirectory() as folder:
    ...     config = EnsembleConfig(hidden=(4, 4), networks=2, epochs=1, layers="all")
    ...     ensemble = train_ensemble(config, folder + "/ensemble.zarr", progress=False)
    ...     stored_parameters(ensemble).shape
    torch.Size([2, 3192])
    """
    config = EnsembleConfig(**json.loads(ensemble.attrs["configuration"]))
    objective = Objective.of_config(config)
    missing = [name for name, _ in objective.blocks if name not in ensemble]
    if missing:
        raise ValueError(f"ensemble must have all layers for its curvature (layers='all'), got none of {missing[0]}")
    epochs = ensemble.epoch.values
    chosen = epochs[-1] if epoch is None else epoch
    if chosen not in epochs:
        raise ValueError(f"epoch must be one of the stored ones, {epochs[0]:g} to {epochs[-1]:g}, got {epoch}")
    at = ensemble.sel(epoch=chosen)
    parts = [np.asarray(at[name].values).reshape(at.sizes["network"], -1) for name, _ in objective.blocks]
    return torch.from_numpy(np.concatenate(parts, axis=1))


def initial_parameters(config: EnsembleConfig, networks: Sequence[int]) -> Tensor:
    """Return the parameters of networks before training; biases begin at zero.

    Args:
        config: of the ensemble.
        networks: numbers of the networks.

    Returns:
        (networks, P) float32.

    >>> initial_parameters(EnsembleConfig(hidden=(4, 4)), range(3)).shape
    torch.Size([3, 3192])
    """
    rows = []
    for network in networks:
        parts = []
        for layer, shape in enumerate(config.shapes):
            parts.append(initial_weights(config.initialisation, shape, config.seed, network, layer).ravel())
            if config.bias:
                parts.append(np.zeros(shape[0], np.float32))
        rows.append(np.concatenate(parts))
    return torch.from_numpy(np.stack(rows))


def module_parameters(module: nn.Module) -> Tensor:
    """Return the parameters of a module as one vector, in the order of `Objective.of_module`.

    Args:
        module: any module of torch.

    Returns:
        (P,).

    >>> module_parameters(nn.Linear(3, 2)).shape
    torch.Size([8])
    """
    return torch.cat([tensor.detach().reshape(-1) for tensor in module.parameters()])
