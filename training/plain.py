"""The obvious twin of the engines: one network, trained the way everybody writes it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .config import EnsembleConfig
from .data import LabelledImages, normalise
from .snapshot import Snapshot
from .streams import initial_weights, shuffling_order


def train_plain(
    config: EnsembleConfig, images: LabelledImages, network: int, dtype: torch.dtype = torch.float32
) -> Iterator[Snapshot]:
    """Train one network of the ensemble from its own initial weights in its own order; snapshots of one network.

    In float64 it tells how far a training in float32 can be trusted.

    >>> from .data import load_dataset
    >>> before, after = train_plain(EnsembleConfig(epochs=1), load_dataset("mnist-5k"), network=3)
    >>> after.weights[3].shape, bool(after.test_loss < before.test_loss)
    ((1, 10, 10), True)
    """
    x_train, y_train = torch.from_numpy(normalise(images.train_images)).to(dtype), torch.tensor(images.train_labels)
    x_test, y_test = torch.from_numpy(normalise(images.test_images)).to(dtype), torch.tensor(images.test_labels)

    linears = [nn.Linear(inputs, outputs, bias=False) for outputs, inputs in config.shapes]
    for layer, linear in enumerate(linears):
        weights = initial_weights(config.initialisation, config.shapes[layer], config.seed, network, layer)
        linear.weight.data = torch.from_numpy(weights).to(dtype)
    model = nn.Sequential()
    for linear in linears[:-1]:
        model.extend([linear, nn.ReLU()])
    model.append(linears[-1])

    optimizer: torch.optim.Optimizer
    if config.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)

    def snapshot(train: tuple[float, float]) -> Snapshot:
        weights = {k: linears[k].weight.detach().numpy()[None].copy() for k in config.stored_layers}
        return Snapshot(weights, *(np.array([value]) for value in (*train, *evaluate(model, x_test, y_test))))

    yield snapshot(evaluate(model, x_train, y_train))
    for epoch in range(1, config.epochs + 1):
        loss_sum = hits = 0.0
        order = torch.from_numpy(shuffling_order(len(y_train), config.seed, network, epoch))
        for chosen in torch.split(order, config.batch_size):
            x, y = x_train[chosen], y_train[chosen]
            optimizer.zero_grad()
            logits = model(x)
            loss = cross_entropy(logits, y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.item() * len(chosen)
            hits += (logits.argmax(1) == y).sum().item()
        yield snapshot((loss_sum / len(order), hits / len(order)))


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of a model on images (count, pixels) with labels (count,).

    >>> evaluate(nn.Identity(), torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([0, 1]))
    (0.6931471824645996, 0.5)
    """
    logits = model(x)
    return cross_entropy(logits, y).item(), (logits.argmax(1) == y).double().mean().item()
