"""Both engines by width and by how many networks are trained together, against two baselines at the same width.

    python benchmarks/engines.py

Networks 784-a-a-10 on the bundled digits, one epoch, everything counted but the reading of the images: initial weights,
evaluations, and for ensembles the store. A dash stands where an engine does not apply (the compiled one needs layers
of at most 64 units). What would take more than 20 seconds, judged by the line before, is not run.

The fraction of the peak counts the arithmetic of dense layers, 6 operations for a weight and an image (2 forward, 4
backward, of which the first layer needs 2), against the product of two large float32 matrices by torch, on all its
threads, in the same run. The compiled engine skips dark patches of the images, so that its fraction is of the dense
arithmetic that it replaces. Takes about six minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from trainer import best, ordinary_script

from pigmm.training import EnsembleConfig, LabelledData, load_dataset, train_ensemble, train_plain
from pigmm.training.engines.limits import WIDEST

WIDTHS = (10, 40, 160, 640)
TOGETHER = (1, 8, 64, 200)
TOO_LONG = 20.0  # seconds
COLUMNS = ("networks", "ms / network-epoch", "than script", "than tight loop", "of the peak")


def peak(size: int = 2048) -> float:
    """Operations a second of a product of two large matrices."""
    left, right = torch.randn(2, size, size)
    return 2 * size**3 / best(lambda: left @ right, repeats=10)


def ensemble(config: EnsembleConfig) -> None:
    """Train it into a store that is thrown away."""
    with TemporaryDirectory() as folder:
        train_ensemble(config, Path(folder) / "ensemble.zarr", progress=False)


def seconds(work: Callable[[], object]) -> float:
    """Of one run, or where it is short the fastest of three."""
    start = time.perf_counter()
    work()
    first = time.perf_counter() - start
    return first if first > TOO_LONG / 10 else min(first, best(work, repeats=2))


def operations(config: EnsembleConfig) -> int:
    """Of the dense layers of a network in an epoch, the evaluation left out."""
    first, *others = (rows * columns for rows, columns in config.shapes)
    return (4 * first + 6 * sum(others)) * config.training_images * config.epochs


def report_engine(name: str, config: EnsembleConfig, script: float, loop: float, flops: float) -> None:
    """A line for each number of networks trained together."""
    each = 0.0  # seconds a network of the line before
    for networks in TOGETHER:
        if config.engine == "numba" and max(config.hidden) > WIDEST:
            print(f"  {name:9}{networks:9}{'-':>19}")
        elif networks * each > TOO_LONG:
            print(f"  {name:9}{networks:9}{f'over {TOO_LONG:.0f} s':>19}")
        else:
            sized = config.model_copy(update={"networks": networks, "block_size": networks})
            each = seconds(lambda sized=sized: ensemble(sized)) / networks
            fraction = operations(config) / each / flops
            print(
                f"  {name:9}{networks:9}{1000 * each:19.2f}{script / each:12.1f}x{loop / each:15.1f}x{fraction:13.3f}",
                flush=True,
            )


def report_width(images: LabelledData, width: int, flops: float) -> None:
    """Baselines and both engines at one width."""
    one = EnsembleConfig(hidden=(width, width), epochs=1, networks=1)
    script = seconds(lambda: ordinary_script(images, one))
    loop = seconds(lambda: list(train_plain(one, images, 0)))
    print(f"784-{width}-{width}-10: script {1000 * script:.0f} ms, tight loop {1000 * loop:.0f} ms", flush=True)
    for name, engine in (("compiled", "numba"), ("torch", "torch")):
        report_engine(name, one.model_copy(update={"engine": engine}), script, loop, flops)


def main() -> None:
    """Measure and print the table."""
    images, flops = load_dataset("mnist-5k"), peak()
    ensemble(EnsembleConfig(hidden=(10, 10), networks=1, epochs=1, engine="numba"))  # compiles, or reads what was
    print(f"mnist-5k, {torch.get_num_threads()} threads; peak: {flops / 1e9:.0f} Gflop/s (float32 product, torch)")
    print(f"  {'engine':9}{COLUMNS[0]:>9}{COLUMNS[1]:>19}{COLUMNS[2]:>13}{COLUMNS[3]:>16}{COLUMNS[4]:>13}")
    for width in WIDTHS:
        report_width(images, width, flops)


if __name__ == "__main__":
    main()
