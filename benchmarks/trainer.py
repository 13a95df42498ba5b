"""Time per network and epoch of the ensemble trainer, against two baselines measured in the same run.

    python benchmarks/trainer.py

The paper's network (784-10-10-10-10, Adam, batches of 100), on the bundled digits, or on the full MNIST where the
environment variable PIGMM_DATA_ROOT gives its folder. Every number includes the evaluation on the test set after each
epoch; the trainer's includes everything: data, initialisation, snapshots, the store. Takes about half a minute.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from pigmm.training import EnsembleConfig, LabelledImages, load_dataset, train_ensemble, train_plain


class ImageFolder(Dataset[tuple[torch.Tensor, int]]):
    """Images one by one through a transform, as torchvision's datasets give them."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images.reshape(-1, 28, 28), labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def ordinary_script(images: LabelledImages, config: EnsembleConfig) -> None:
    """One network, as a tutorial trains it."""
    train = DataLoader(ImageFolder(images.train_images, images.train_labels), config.batch_size, shuffle=True)
    test = DataLoader(ImageFolder(images.test_images, images.test_labels), config.batch_size)
    layers = [nn.Flatten(), nn.Linear(784, 10, bias=False)]
    for _ in range(3):
        layers += [nn.ReLU(), nn.Linear(10, 10, bias=False)]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    for _ in range(config.epochs):
        for x, y in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        with torch.no_grad():
            sum((model(x).argmax(1) == y).sum().item() for x, y in test)


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of several runs: what other work on the machine adds is left out."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print the table."""
    root = os.environ.get("PIGMM_DATA_ROOT")
    full = root is not None
    common = {"dataset": "mnist" if full else "mnist-5k", "data_root": root}
    one = EnsembleConfig(**common, epochs=1)
    many = EnsembleConfig(**common, networks=50, epochs=2 if full else 30)
    images = load_dataset(one.dataset, one.data_root)

    def ensemble() -> None:
        with TemporaryDirectory() as folder:
            train_ensemble(many, Path(folder) / "ensemble.zarr", progress=False)

    times = {
        "ordinary script": best(lambda: ordinary_script(images, one), repeats=2),
        "tight loop": best(lambda: list(train_plain(one, images, 0))),
        "ensemble trainer": best(ensemble) / (many.networks * many.epochs),
    }
    print(f"{one.dataset}, {torch.get_num_threads()} threads, {many.block_size} networks together")
    print(f"{'':18}{'s / network-epoch':>18}{'faster than script':>20}{'than tight loop':>17}")
    for name, value in times.items():
        ratios = (times[baseline] / value for baseline in ("ordinary script", "tight loop"))
        print("{:18}{:18.5f}{:19.1f}x{:16.1f}x".format(name, value, *ratios))


if __name__ == "__main__":
    main()
