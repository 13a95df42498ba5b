"""Hessian-vector products of an ensemble's fully connected networks, written out.

Automatic differentiation maps the product of one network over all; here the first layers of all networks are one matrix
and only what the product needs is computed. Along a vector v every number z of the network has a derivative Rz, carried
forward with it and then backward: R is Pearlmutter's operator. Arrays are (network, unit, image), images innermost, for
they are the many.
"""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

from ..config import EnsembleConfig


def fully_connected_product(
    config: EnsembleConfig, parameters: Tensor, inputs: Tensor, targets: Tensor, vectors: Tensor
) -> Tensor:
    """Return the Hessian of the mean cross-entropy of each network, times its vector.

    Args:
        config: of the networks.
        parameters: (networks, P), layer by layer the weights, then the biases.
        inputs: (examples, pixels), the same for all networks.
        targets: (examples,) classes.
        vectors: (networks, P).

    Returns:
        (networks, P).

    Source:
        B. A. Pearlmutter, Neural Comput. 6 (1994) 147.
    """
    networks, examples = len(parameters), len(inputs)
    weights, biases = _layers(config, parameters)
    along_weights, along_biases = _layers(config, vectors)
    product = torch.empty_like(vectors)
    product_weights, product_biases = _layers(config, product)

    def first(matrices: Tensor) -> Tensor:
        return (matrices.reshape(-1, inputs.shape[1]) @ inputs.T).view(networks, -1, examples)

    z, rz = first(weights[0]), first(along_weights[0])
    if config.bias:
        z, rz = z + biases[0], rz + along_biases[0]
    activations = []  # of each hidden layer: h, Rh, the derivative at z, and R of that
    for layer in range(1, len(weights)):
        h, slope, curvature = _with_derivatives(config.activation, z)
        rh, rslope = slope * rz, None if curvature is None else curvature * rz
        activations.append((h, rh, slope, rslope))
        z = weights[layer] @ h
        rz = along_weights[layer] @ h + weights[layer] @ rh
        if config.bias:
            z, rz = z + biases[layer], rz + along_biases[layer]
    probabilities = torch.softmax(z, dim=1)
    delta = probabilities.clone()
    delta[:, targets, torch.arange(examples)] -= 1
    delta /= examples
    rdelta = probabilities * (rz - (probabilities * rz).sum(dim=1, keepdim=True)) / examples
    for layer in range(len(weights) - 1, 0, -1):
        h, rh, slope, rslope = activations[layer - 1]
        product_weights[layer].copy_(delta @ rh.mT + rdelta @ h.mT)
        if config.bias:
            product_biases[layer].copy_(rdelta.sum(dim=2, keepdim=True))
        back = weights[layer].mT @ delta
        rdelta = (along_weights[layer].mT @ delta + weights[layer].mT @ rdelta) * slope
        if rslope is not None:
            rdelta += rslope * back
        delta = slope * back
    product_weights[0].copy_((rdelta.reshape(-1, examples) @ inputs).view(product_weights[0].shape))
    if config.bias:
        product_biases[0].copy_(rdelta.sum(dim=2, keepdim=True))
    return product


def _layers(config: EnsembleConfig, parameters: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Views of the weights (networks, rows, columns) and the biases (networks, rows, 1) of each layer."""
    weights, biases, start = [], [], 0
    for rows, columns in config.shapes:
        weights.append(parameters[:, start : start + rows * columns].view(-1, rows, columns))
        start += rows * columns
        if config.bias:
            biases.append(parameters[:, start : start + rows, None])
            start += rows
    return weights, biases


def _with_derivatives(activation: str, z: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """An activation with its first and second derivative; None for one that is zero everywhere."""
    if activation == "relu":
        on = (z > 0).to(z.dtype)
        return z * on, on, None
    if activation == "tanh":
        h = torch.tanh(z)
        return h, 1 - h * h, -2 * h * (1 - h * h)
    if activation == "gelu":
        below, density = torch.special.ndtr(z), torch.exp(-0.5 * z * z) / sqrt(2 * pi)
        return z * below, below + z * density, density * (2 - z * z)
    if activation == "identity":
        return z, torch.ones_like(z), None
    raise ValueError(f"activation must be relu, tanh, gelu or identity, got {activation!r}")
