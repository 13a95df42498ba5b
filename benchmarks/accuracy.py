"""Do the networks of an ensemble learn as those of the plain loop do? A test of two samples of different networks.

    python benchmarks/accuracy.py

The paper's network (784-10-10-10-10, Adam, batches of 100) on the bundled digits, 50 epochs: 120 networks of the plain
loop, one after another on each core, against as many of the compiled engine. The seeds differ, so no network occurs
twice: equal distributions are tested, not equal networks. Takes about four minutes on two cores, nearly all for the
plain loop.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp, mannwhitneyu

from pigmm.simd.cores import cores
from pigmm.training import EnsembleConfig, LabelledData, load_dataset, train_ensemble, train_plain
from pigmm.training.progress import console_progress

PLAIN = EnsembleConfig(networks=120, seed=0)
COMPILED = PLAIN.model_copy(update={"engine": "numba", "seed": 1})
UNTRAINED = 0.2  # accuracy below which a network knows less than two classes of ten; see pigmm.training.untrained


@cache
def images() -> LabelledData:
    """The digits, once in each process."""
    return load_dataset(PLAIN.dataset)


def alone(network: int) -> float:
    """Final test accuracy of one network of the plain loop."""
    *_, end = train_plain(PLAIN, images(), network)
    return float(end.test_accuracy[0])


def one_by_one() -> NDArray[np.float64]:
    """Final test accuracies of the plain loop, (network,)."""
    with (
        # spawned, since torch's threads do not survive a fork; one of them each, which is fastest for small networks
        ProcessPoolExecutor(cores(), get_context("spawn"), torch.set_num_threads, (1,)) as pool,
        console_progress() as report,
    ):
        running = [pool.submit(alone, network) for network in range(PLAIN.networks)]
        report(0, PLAIN.networks * PLAIN.epochs)
        for done, _ in enumerate(as_completed(running), start=1):
            report(done * PLAIN.epochs, PLAIN.networks * PLAIN.epochs)
        return np.array([future.result() for future in running])


def together() -> NDArray[np.float64]:
    """Final test accuracies of the compiled engine, (network,)."""
    with TemporaryDirectory() as folder:
        ensemble = train_ensemble(COMPILED, Path(folder) / "ensemble.zarr")
        return ensemble.test_accuracy.isel(epoch=-1).values.astype(float)


def main() -> None:
    """Train, print what each sample is like, and the p-values."""
    samples = {"plain loop": one_by_one(), "compiled engine": together()}
    print(f"test accuracy after {PLAIN.epochs} epochs on {PLAIN.dataset}, {PLAIN.networks} networks each")
    print(f"{'':18}{'mean':>8}{'std. error':>12}{'sd':>8}{'median':>8}{'least':>8}{'largest':>9}{'untrained':>11}")
    for name, values in samples.items():
        spread = values.std(ddof=1)
        print(
            f"{name:18}{values.mean():8.4f}{spread / np.sqrt(len(values)):12.4f}{spread:8.4f}{np.median(values):8.4f}"
            f"{values.min():8.3f}{values.max():9.3f}{(values < UNTRAINED).sum():11}"
        )
    kolmogorov_smirnov, mann_whitney = ks_2samp(*samples.values()), mannwhitneyu(*samples.values())
    print(f"Kolmogorov-Smirnov: {kolmogorov_smirnov.statistic:.3f}, p = {kolmogorov_smirnov.pvalue:.2f}")
    print(f"Mann-Whitney: p = {mann_whitney.pvalue:.2f}")


if __name__ == "__main__":
    main()
