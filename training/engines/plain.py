"""The obvious twin of the engines: one network, trained the way everybody writes it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..config import EnsembleConfig
from ..data import LabelledData, normalise
from ..schedule import count_steps, snapshot_steps
from ..snapshot import Snapshot
from ..streams import dropout_scales, initial_weights, shuffling_order


def train_plain(
    config: EnsembleConfig, images: LabelledData, network: int, dtype: torch.dtype = torch.float32
) -> Iterator[Snapshot]:
    """Train one network of an ensemble from its own initial weights in its own order.

    In float64 it tells how far a training in float32 can be trusted.

    Args:
        config: of the ensemble.
        images: training and test images.
        network: number of the network.
        dtype: in which everything is computed.

    Yields:
        The snapshots of the configuration, of one network.

    >>> from pigmm.training.data import load_dataset
    >>> before, after = train_plain(EnsembleConfig(epochs=1), load_dataset("mnist-5k"), network=3)
    >>> after.weights[3].shape, bool(after.test_loss < before.test_loss)
    ((1, 10, 10), True)
    """
    x_train, y_train = torch.from_numpy(normalise(images.train_inputs)).to(dtype), torch.tensor(images.train_labels)
    x_test, y_test = torch.from_numpy(normalise(images.test_inputs)).to(dtype), torch.tensor(images.test_labels)

    linears = [nn.Linear(inputs, outputs, bias=config.bias) for outputs, inputs in config.shapes]
    for layer, linear in enumerate(linears):
        weights = initial_weights(config.initialisation, config.shapes[layer], config.seed, network, layer)
        linear.weight.data = torch.from_numpy(weights).to(dtype)
        if config.bias:
            linear.bias.data = torch.zeros(len(weights), dtype=dtype)
    activation = {"relu": nn.ReLU(), "tanh": nn.Tanh(), "gelu": nn.GELU(), "identity": nn.Identity()}[config.activation]
    dropouts = [_Dropout() for _ in config.hidden]
    model = nn.Sequential()
    for linear, dropout in zip(linears[:-1], dropouts, strict=True):
        model.extend([linear, activation, dropout])
    model.append(linears[-1])

    optimizer: torch.optim.Optimizer
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)
    elif config.optimizer == "adamw":
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, weight_decay=decay, momentum=config.momentum)

    def snapshot(train: tuple[float, float]) -> Snapshot:
        weights = {k: linears[k].weight.detach().numpy()[None].copy() for k in config.stored_layers}
        biases = {k: linears[k].bias.detach().numpy()[None].copy() for k in config.stored_layers if config.bias}
        model.train(False)
        return Snapshot(weights, biases, *(np.array([value]) for value in (*train, *evaluate(model, x_test, y_test))))

    model.train(False)
    yield snapshot(evaluate(model, x_train, y_train))
    steps_per_epoch = count_steps(len(y_train), config.batch_size)
    for first, last in pairwise(snapshot_steps(config.snapshots, config.epochs, steps_per_epoch)):
        loss_sum = hits = seen = 0.0
        model.train()
        for step in range(first, last):
            epoch, place = divmod(step, steps_per_epoch)
            if place == 0 or step == first:
                order = shuffling_order(len(y_train), config.seed, network, epoch + 1)
            chosen = torch.from_numpy(order[place * config.batch_size : (place + 1) * config.batch_size])
            if config.dropout:
                shape = (len(chosen), sum(config.hidden))
                scales = torch.from_numpy(dropout_scales(config.dropout, shape, config.seed, network, step + 1))
                for dropout, part in zip(
                    dropouts, torch.split(scales.to(dtype), list(config.hidden), dim=1), strict=True
                ):
                    dropout.scales = part
            x, y = x_train[chosen], y_train[chosen]
            optimizer.zero_grad()
            logits = model(x)
            loss = cross_entropy(logits, y)
            penalty = config.l1 * sum(linear.weight.abs().sum() for linear in linears)
            (loss + penalty).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.item() * len(chosen)
            hits += (logits.argmax(1) == y).sum().item()
            seen += len(chosen)
        yield snapshot((loss_sum / seen, hits / seen))


class _Dropout(nn.Module):
    """In training, multiply with the scales of the step."""

    scales = torch.ones(())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scales if self.training else x


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Evaluate a model on images.

    Args:
        model: images -> logits.
        x: (count, pixels).
        y: (count,) labels.

    Returns:
        Mean cross-entropy and accuracy.

    >>> evaluate(nn.Identity(), torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1]))
    (0.6931471824645996, 0.5)
    """
    logits = model(x)
    return cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()
