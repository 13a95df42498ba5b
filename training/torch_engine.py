"""The torch engine: all networks of a block trained together, by batched matrix products.

The weights of a layer are one tensor (network, row, column). A batched product applies each network to its own batch,
the sum of the networks' losses has each network's gradient in that network's slice, and torch's optimisers act number
by number, so that one of them over the stacked weights is one for each network. `plain.py` is the slow, obvious twin.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from .config import EnsembleConfig
from .data import LabelledImages, normalise
from .snapshot import Snapshot
from .streams import initial_weights, shuffling_order

# An evaluation takes so many images at once that networks x images x widest layer (pixels included) stays below this:
# its memory is bounded, whatever the block and the widths, and its speed hardly depends on it.
EVALUATION_SIZE = 2**24


def train_block(
    config: EnsembleConfig, images: LabelledImages, networks: Sequence[int]
) -> Generator[Snapshot, None, None]:
    """Train the given networks together and yield a snapshot at initialisation and after each epoch.

    The shapes computed with, hence the bits, depend on len(networks): give the full block.

    >>> from .data import load_dataset
    >>> config = EnsembleConfig(epochs=1)
    >>> before, after = train_block(config, load_dataset("mnist-5k"), range(4))
    >>> after.weights[3].shape, bool((after.test_accuracy > before.test_accuracy).all())
    ((4, 10, 10), True)
    """
    train = _Examples.on(config.device, images.train_images, images.train_labels)
    test = _Examples.on(config.device, images.test_images, images.test_labels)
    weights = _initial_weights(config, networks)
    optimizer = _optimizer(config, weights)
    batch = train.inputs.new_empty(len(networks), config.batch_size, train.inputs.shape[1])

    yield _snapshot(config, weights, _evaluate(weights, train), _evaluate(weights, test))
    for epoch in range(1, config.epochs + 1):
        orders = np.stack([shuffling_order(len(train.labels), config.seed, network, epoch) for network in networks])
        running = _train_epoch(weights, optimizer, train, torch.from_numpy(orders).to(config.device), batch)
        yield _snapshot(config, weights, running, _evaluate(weights, test))


@dataclass(frozen=True)
class _Examples:
    """Normalised images (count, pixels) float32 and labels (count,) int64 on the device."""

    inputs: Tensor
    labels: Tensor

    @classmethod
    def on(cls, device: str, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> _Examples:
        return cls(torch.from_numpy(normalise(images)).to(device), torch.tensor(labels, device=device))


@dataclass(frozen=True)
class _Means:
    """Mean loss and accuracy of each network, (network,) float64."""

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def _initial_weights(config: EnsembleConfig, networks: Sequence[int]) -> list[Tensor]:
    return [
        torch.from_numpy(
            np.stack([initial_weights(config.initialisation, shape, config.seed, network, k) for network in networks])
        )
        .to(config.device)
        .requires_grad_()
        for k, shape in enumerate(config.shapes)
    ]


def _optimizer(config: EnsembleConfig, weights: list[Tensor]) -> torch.optim.Optimizer:
    # fused: one pass over the weights instead of one an operation
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.SGD
    return kind(weights, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _train_epoch(
    weights: list[Tensor], optimizer: torch.optim.Optimizer, train: _Examples, orders: Tensor, batch: Tensor
) -> _Means:
    """One pass over the training set in each network's own order (network, count); the running means."""
    networks, count = orders.shape
    loss = torch.zeros(networks, dtype=torch.float64, device=orders.device)
    hits = torch.zeros(networks, dtype=torch.int64, device=orders.device)
    for chosen in torch.split(orders, batch.shape[1], dim=1):
        flat = chosen.reshape(-1)
        # into the same memory at every step: a fresh block of this size costs more than its filling
        inputs = batch.view(-1, batch.shape[2])[: len(flat)]
        torch.index_select(train.inputs, 0, flat, out=inputs)
        labels = train.labels[chosen]

        logits = _forward(weights, inputs.view(*chosen.shape, -1).transpose(1, 2))
        losses = cross_entropy(logits, labels, reduction="none")
        optimizer.zero_grad()
        losses.mean(1).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

        loss += losses.detach().sum(1, dtype=torch.float64)
        hits += _hits(logits.detach(), labels)
    return _Means(loss.cpu().numpy() / count, hits.cpu().numpy() / count)


@torch.no_grad()
def _evaluate(weights: list[Tensor], examples: _Examples) -> _Means:
    """Every network on the same examples: their first layers side by side are one matrix."""
    networks = len(weights[0])
    rows = max(1, EVALUATION_SIZE // (networks * max(layer.shape[1] for layer in weights)))
    loss = torch.zeros(networks, dtype=torch.float64, device=examples.inputs.device)
    hits = torch.zeros(networks, dtype=torch.int64, device=examples.inputs.device)
    for inputs, labels in zip(torch.split(examples.inputs, rows), torch.split(examples.labels, rows), strict=True):
        first = torch.mm(weights[0].flatten(0, 1), inputs.T).view(networks, -1, len(inputs))
        logits = _forward(weights[1:], first.relu())
        labels = labels.expand(networks, -1)
        loss += cross_entropy(logits, labels, reduction="none").sum(1, dtype=torch.float64)
        hits += _hits(logits, labels)
    count = len(examples.labels)
    return _Means(loss.cpu().numpy() / count, hits.cpu().numpy() / count)


def _forward(weights: list[Tensor], inputs: Tensor) -> Tensor:
    """(network, unit, image) -> logits (network, class, image); images innermost, for they are the many."""
    *hidden, last = weights
    for layer in hidden:
        inputs = torch.bmm(layer, inputs).relu()
    return torch.bmm(last, inputs)


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images each network gets right, (network,) int64; of equal logits the first class is the answer."""
    # along the innermost axis torch's argmax is ten times as fast, the copy included
    return (logits.transpose(1, 2).contiguous().argmax(2) == labels).sum(1)


def _snapshot(config: EnsembleConfig, weights: list[Tensor], train: _Means, test: _Means) -> Snapshot:
    # copied: the optimiser goes on writing into the weights
    stored = {layer: weights[layer].detach().cpu().numpy().copy() for layer in config.stored_layers}
    return Snapshot(stored, train.loss, train.accuracy, test.loss, test.accuracy)
