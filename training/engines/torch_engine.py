"""The torch engine: all networks of a block trained together, by batched matrix products.

The weights of a layer are one tensor (network, row, column). A batched product applies each network to its own batch,
the sum of the networks' losses has each network's gradient in that network's slice, and torch's optimisers act number
by number, so that one of them over the stacked weights is one for each network. `plain.py` is the slow, obvious twin.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, gelu

from ..config import EnsembleConfig
from ..data import Inputs, LabelledData, normalise
from ..schedule import count_steps, pieces, snapshot_steps
from ..snapshot import Snapshot
from ..streams import dropout_scales, initial_weights, shuffling_order

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": gelu,
    "identity": lambda x: x,
}

# An evaluation takes so many images at once that networks x images x widest layer (pixels included) stays below this:
# its memory is bounded, whatever the block and the widths, and its speed hardly depends on it.
EVALUATION_SIZE = 2**24


def train_block(
    config: EnsembleConfig, images: LabelledData, networks: Sequence[int], threads: int | None = None
) -> Generator[Snapshot, None, None]:
    """Train networks together.

    Args:
        config: of the ensemble.
        images: training and test images.
        networks: numbers of the networks: the full block, for the shapes computed with, hence the bits, depend on how
            many there are.
        threads: of the processor, on which the bits depend too; None for torch's present setting.

    Yields:
        The snapshots of the configuration, of all these networks.

    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(epochs=1)
    >>> before, after = train_block(config, load_dataset("mnist-5k"), range(4))
    >>> after.weights[3].shape, bool((after.test_accuracy > before.test_accuracy).all())
    ((4, 10, 10), True)
    """
    with _threads(threads):
        train = _Examples.on(config.device, images.train_inputs, images.train_labels)
        test = _Examples.on(config.device, images.test_inputs, images.test_labels)
        model = _Networks.initial(config, networks)
        optimizer = _optimizer(config, model)
        batch = train.inputs.new_empty(len(networks), config.batch_size, train.inputs.shape[1])

        yield _snapshot(config, model, _evaluate(model, train), _evaluate(model, test))
        steps_per_epoch = count_steps(len(train.labels), config.batch_size)
        epoch, orders = 0, np.empty((len(networks), 0), np.int64)
        for first, last in pairwise(snapshot_steps(config.snapshots, config.epochs, steps_per_epoch)):
            running = _Running.start(len(networks), config.device)
            for piece in pieces(first, last, steps_per_epoch):
                if piece.epoch != epoch:
                    epoch = piece.epoch
                    orders = np.stack([shuffling_order(len(train.labels), config.seed, n, epoch) for n in networks])
                chosen = orders[:, piece.begin * config.batch_size : piece.end * config.batch_size]
                step = (epoch - 1) * steps_per_epoch + piece.begin
                _train_piece(config, model, optimizer, train, torch.from_numpy(chosen), batch, networks, step, running)
            yield _snapshot(config, model, running.means(), _evaluate(model, test))


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Examples:
    """Inputs (count, features) float32 and labels (count,) int64 on the device."""

    inputs: Tensor
    labels: Tensor

    @classmethod
    def on(cls, device: str, images: Inputs, labels: NDArray[np.int64]) -> _Examples:
        return cls(torch.from_numpy(normalise(images)).to(device), torch.tensor(labels, device=device))


@dataclass(frozen=True)
class _Means:
    """Mean loss and accuracy of each network, (network,) float64."""

    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]


@dataclass
class _Running:
    """Sums of the losses (network,) float64 and of right answers (network,) int64, over `count` images."""

    loss: Tensor
    hits: Tensor
    count: int

    @classmethod
    def start(cls, networks: int, device: str | torch.device) -> _Running:
        return cls(
            torch.zeros(networks, dtype=torch.float64, device=device),
            torch.zeros(networks, dtype=torch.int64, device=device),
            0,
        )

    def add(self, losses: Tensor, logits: Tensor, labels: Tensor) -> None:
        self.loss += losses.sum(1, dtype=torch.float64)
        self.hits += _hits(logits, labels)
        self.count += labels.shape[1]

    def means(self) -> _Means:
        return _Means(self.loss.cpu().numpy() / self.count, self.hits.cpu().numpy() / self.count)


@dataclass(frozen=True)
class _Networks:
    """Weights (network, row, column) and biases (network, row, 1) of every layer; no biases if there are none."""

    weights: list[Tensor]
    biases: list[Tensor]
    activation: Callable[[Tensor], Tensor]

    @classmethod
    def initial(cls, config: EnsembleConfig, networks: Sequence[int]) -> _Networks:
        weights = [
            torch.from_numpy(
                np.stack([initial_weights(config.initialisation, shape, config.seed, n, k) for n in networks])
            )
            .to(config.device)
            .requires_grad_()
            for k, shape in enumerate(config.shapes)
        ]
        biases = [torch.zeros_like(layer[:, :, :1]).requires_grad_() for layer in weights if config.bias]
        return cls(weights, biases, ACTIVATIONS[config.activation])

    def apply_first(self, inputs: Tensor) -> Tensor:
        """The same images (pixel, image) for all networks: their first layers side by side are one matrix."""
        outputs = torch.mm(self.weights[0].flatten(0, 1), inputs).view(len(self.weights[0]), -1, inputs.shape[1])
        return outputs + self.biases[0] if self.biases else outputs

    def apply(self, layer: int, inputs: Tensor) -> Tensor:
        """(network, unit, image) -> (network, unit, image); images innermost, for they are the many."""
        if self.biases:
            return torch.baddbmm(self.biases[layer], self.weights[layer], inputs)
        return torch.bmm(self.weights[layer], inputs)

    def logits(self, outputs: Tensor, scales: Sequence[Tensor] = ()) -> Tensor:
        """What the first layer gives (network, unit, image) -> (network, class, image); `scales` are of dropout."""
        for layer in range(1, len(self.weights)):
            outputs = self.activation(outputs)
            if scales:
                outputs = outputs * scales[layer - 1]
            outputs = self.apply(layer, outputs)
        return outputs


def _optimizer(config: EnsembleConfig, model: _Networks) -> torch.optim.Optimizer:
    parameters = [*model.weights, *model.biases]
    # fused: one pass over the weights instead of one an operation
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, config.learning_rate, config.momentum, weight_decay=config.weight_decay, fused=True
        )
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True)


def _train_piece(
    config: EnsembleConfig,
    model: _Networks,
    optimizer: torch.optim.Optimizer,
    train: _Examples,
    orders: Tensor,
    batch: Tensor,
    networks: Sequence[int],
    step: int,
    running: _Running,
) -> None:
    """Steps after `step`, on the images that `orders` (network, count) gives each network."""
    for chosen in torch.split(orders.to(train.labels.device), batch.shape[1], dim=1):
        step += 1
        flat = chosen.reshape(-1)
        # into the same memory at every step: a fresh block of this size costs more than its filling
        inputs = batch.view(-1, batch.shape[2])[: len(flat)]
        torch.index_select(train.inputs, 0, flat, out=inputs)
        labels = train.labels[chosen]

        first = model.apply(0, inputs.view(*chosen.shape, -1).transpose(1, 2))
        logits = model.logits(first, _dropout_scales(config, networks, step, chosen) if config.dropout else ())
        losses = cross_entropy(logits, labels, reduction="none")
        optimizer.zero_grad()
        objective = losses.mean(1).sum()
        if config.l1:
            objective = objective + config.l1 * sum(layer.abs().sum() for layer in model.weights)
        objective.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        running.add(losses.detach(), logits.detach(), labels)


def _dropout_scales(config: EnsembleConfig, networks: Sequence[int], step: int, chosen: Tensor) -> Sequence[Tensor]:
    """For each hidden layer (network, unit, image)."""
    shape = (chosen.shape[1], sum(config.hidden))
    scales = np.stack([dropout_scales(config.dropout, shape, config.seed, network, step).T for network in networks])
    return torch.split(torch.from_numpy(scales).to(chosen.device), list(config.hidden), dim=1)


@torch.no_grad()
def _evaluate(model: _Networks, examples: _Examples) -> _Means:
    """Every network on the same examples."""
    networks = len(model.weights[0])
    rows = max(1, EVALUATION_SIZE // (networks * max(layer.shape[1] for layer in model.weights)))
    running = _Running.start(networks, examples.inputs.device)
    for inputs, labels in zip(torch.split(examples.inputs, rows), torch.split(examples.labels, rows), strict=True):
        logits = model.logits(model.apply_first(inputs.T))
        labels = labels.expand(networks, -1)
        running.add(cross_entropy(logits, labels, reduction="none"), logits, labels)
    return running.means()


def _hits(logits: Tensor, labels: Tensor) -> Tensor:
    """How many images each network gets right, (network,) int64; of equal logits the first class is the answer."""
    # along the innermost axis torch's argmax is ten times as fast, the copy included
    return (logits.transpose(1, 2).contiguous().argmax(2) == labels).sum(1)


def _snapshot(config: EnsembleConfig, model: _Networks, train: _Means, test: _Means) -> Snapshot:
    # copied: the optimiser goes on writing into the weights
    weights = {k: model.weights[k].detach().cpu().numpy().copy() for k in config.stored_layers}
    biases = {k: model.biases[k].detach().squeeze(2).cpu().numpy().copy() for k in config.stored_layers if config.bias}
    return Snapshot(weights, biases, train.loss, train.accuracy, test.loss, test.accuracy)
