"""Time per network and epoch of the ensemble trainer, against two baselines measured in the same run.

    python benchmarks/trainer.py

The paper's network (784-10-10-10-10, Adam, batches of 100), on the bundled digits, or on the full MNIST where the
environment variable PIGMM_DATA_ROOT gives its folder. Every number includes the evaluation on the test set after each
epoch; the trainer's includes everything: data, initialisation, snapshots, the store. Takes about a minute, or three
on the full MNIST. A second table says where the compiled engine's time goes, and how near its products come to what
the processor does on numbers that stay in its nearest cache.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numba import njit
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from pigmm import simd
from pigmm.training import EnsembleConfig, LabelledData, load_dataset, train_ensemble, train_plain
from pigmm.training.engines.kernels.arrays import Parameters
from pigmm.training.engines.kernels.first_layer import apply_first_layer, update_first_layer
from pigmm.training.engines.kernels.optimiser import rule_of_step, update
from pigmm.training.engines.kernels.patches import patch_places, patched
from pigmm.training.engines.layout import Layout
from pigmm.training.engines.network import Network
from pigmm.training.streams import shuffling_order


class ImageFolder(Dataset[tuple[torch.Tensor, int]]):
    """Images one by one through a transform, as torchvision's datasets give them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images.reshape(-1, 28, 28), labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def ordinary_script(images: LabelledData, config: EnsembleConfig) -> None:
    """One network, as a tutorial trains it."""
    train = DataLoader(ImageFolder(images.train_inputs, images.train_labels), config.batch_size, shuffle=True)
    test = DataLoader(ImageFolder(images.test_inputs, images.test_labels), config.batch_size)
    layers: list[nn.Module] = [nn.Flatten()]
    for rows, columns in config.shapes:
        layers += [nn.Linear(columns, rows, bias=False), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    for _ in range(config.epochs):
        for x, y in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            sum((model(x).argmax(1) == y).sum().item() for x, y in test)


def best(work: Callable[[], object], repeats: int = 3, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of the fastest of several runs: what other work on the machine adds is left out."""
    times = []
    for _ in range(repeats):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


@njit(nogil=True)
def first_layer(model, images, order, batch, work):
    for begin in range(0, len(order), batch):
        apply_first_layer(model, images, order[begin : begin + batch], True, work)


@njit(nogil=True)
def first_layer_and_its_update(model, images, order, batch, rule, work):
    for begin in range(0, len(order), batch):
        chosen = order[begin : begin + batch]
        apply_first_layer(model, images, chosen, True, work)
        update_first_layer(model, images, len(chosen), rule, work)


@njit(nogil=True)
def products_in_cache(tile, count, numbers, result):
    """As many products of a vector from the nearest cache as the first layer of `count` patches takes, and no more."""
    block = simd.zeros(tile, np.float32)
    for k in range(count):
        block = simd.add_products(block, simd.load(numbers, 0), numbers, (k % 32) * len(tile) * 16, 16)
    simd.store(result, 0, simd.sums(block))


@njit(nogil=True)
def multiples_in_cache(tile, count, numbers, result):
    """The same for the products of its gradient: a number for a whole vector."""
    block = simd.zeros(tile, np.float32)
    for k in range(count):
        block = simd.add_multiples(block, simd.load(numbers, 0), numbers, (k % 128) * 16, 1)
    simd.store(result, 0, simd.sums(block))


@njit(nogil=True)
def adam_in_cache(tile, count, parameters, rule):
    for _ in range(count):
        for place in range(0, len(parameters.weights), 16):
            update(parameters, place, simd.load(parameters.weights, place), rule)


def report_parts(config: EnsembleConfig, images: LabelledData) -> None:
    """Where an epoch of one network on one core goes, in ms of the core's time."""
    places = patch_places((1, 28, 28))
    layout = Layout.of(config)
    train, test = (
        patched(pixels, labels, places)
        for pixels, labels in (
            (images.train_inputs, images.train_labels),
            (images.test_inputs, images.test_labels),
        )
    )
    network, work = Network(config, layout, places, 0), layout.workspace()
    order = shuffling_order(len(train.labels), 0, 0, 1)
    model, common = network.model, (network.model, train, order, config.batch_size)
    rule = rule_of_step(network.settings, 1)
    numbers, result = simd.aligned_zeros(32 * 16 * 16, np.float32), simd.aligned_zeros(16, np.float32)
    patches, steps = len(train.numbers), -(-len(order) // config.batch_size)

    def cost(function: Callable[..., object], *arguments: object) -> float:
        function(*arguments)
        return 1000 * best(lambda: function(*arguments), repeats=9, clock=time.thread_time)

    epoch = cost(network.train, order, train)
    forward = cost(first_layer, *common, work)
    both = cost(first_layer_and_its_update, *common, rule, work)
    small = Parameters(*(simd.aligned_zeros(640, np.float32) for _ in range(3)))  # stays in the nearest cache
    updates = len(model.first.weights) * steps // 640
    limit = {
        "first layer": cost(products_in_cache, model.tile, patches, numbers, result),
        "its gradient": cost(multiples_in_cache, model.tile, patches, numbers, result),
        "Adam": cost(adam_in_cache, model.tile, updates, small, rule),
    }
    rows = {
        "order of the images": cost(shuffling_order, len(order), 0, 0, 1),
        "first layer": forward,
        "its gradient and Adam": both - forward,
        "all other layers, loss": epoch - both,
        "test images": cost(network.evaluate, test),
    }
    print(f"\ncompiled engine, one network-epoch on one core: {sum(rows.values()):.2f} ms, of which")
    for name, value in rows.items():
        print(f"  {name:26}{value:7.2f}")
    print("the same products and updates on numbers in the nearest cache, nothing else: ", end="")
    print(", ".join(f"{name} {value:.2f}" for name, value in limit.items()))
    print(f"fraction of that limit reached in an epoch: {sum(limit.values()) / sum(rows.values()):.2f}")


def main() -> None:
    """Measure and print the table."""
    root = os.environ.get("PIGMM_DATA_ROOT")
    full = root is not None
    common = {"dataset": "mnist" if full else "mnist-5k", "data_root": root}
    one = EnsembleConfig(**common, epochs=1)
    many = EnsembleConfig(**common, networks=50, epochs=20 if full else 50)
    batched = many.model_copy(update={"engine": "torch", "epochs": 1 if full else 10})
    images = load_dataset(one.dataset, one.data_root)

    def ensemble(config: EnsembleConfig) -> float:
        def run() -> None:
            with TemporaryDirectory() as folder:
                train_ensemble(config, Path(folder) / "ensemble.zarr", progress=False)

        return best(run) / (config.networks * config.epochs)

    times = {
        "ordinary script": best(lambda: ordinary_script(images, one), repeats=2),
        "tight loop": best(lambda: list(train_plain(one, images, 0))),
        "torch engine": ensemble(batched),
        "numba engine": ensemble(many),
    }
    print(f"{one.dataset}, {torch.get_num_threads()} threads, {many.block_size} networks together")
    print(f"{'':18}{'s / network-epoch':>18}{'faster than script':>20}{'than tight loop':>17}")
    for name, value in times.items():
        ratios = (times[baseline] / value for baseline in ("ordinary script", "tight loop"))
        print("{:18}{:18.5f}{:19.1f}x{:16.1f}x".format(name, value, *ratios))
    report_parts(one, images)


if __name__ == "__main__":
    main()
