"""The compiled engine: small networks on a processor, one at a time on each core, each within its fast caches.

Networks of tens of units are too small for matrix libraries: here a step is a few explicit loops (`kernels`) over
the bright part of the images (`kernels.patches`). `plain.py` is the slow, obvious twin.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from ...simd.cores import cores
from ..config import EnsembleConfig
from ..data import LabelledData
from ..schedule import count_steps, snapshot_steps
from ..snapshot import Snapshot
from .kernels.patches import patch_places, patched
from .layout import Layout
from .network import Network, Result


def train_block(
    config: EnsembleConfig, images: LabelledData, networks: Sequence[int], threads: int | None = None
) -> Generator[Snapshot, None, None]:
    """Train networks, one at a time on each core.

    Args:
        config: of the ensemble.
        images: training and test images.
        networks: numbers of the networks.
        threads: of the processor; None for all cores.

    Yields:
        The snapshots of the configuration, of all these networks.

    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(epochs=1)
    >>> before, after = train_block(config, load_dataset("mnist-5k"), range(2))
    >>> after.weights[3].shape, bool((after.test_accuracy > before.test_accuracy).all())
    ((2, 10, 10), True)
    """
    layout = Layout.of(config)
    places = patch_places(config.image_shape)
    train = patched(images.train_inputs, images.train_labels, places)
    test = patched(images.test_inputs, images.test_labels, places)
    states = [Network(config, layout, places, network) for network in networks]
    steps = snapshot_steps(config.snapshots, config.epochs, count_steps(len(train.labels), config.batch_size))

    with ThreadPoolExecutor(threads or cores()) as pool:
        try:
            running = [pool.submit(state.at_start, train, test) for state in states]
            for first, last in pairwise((*steps, steps[-1])):
                # a snapshot ahead, so that no core waits for the slowest network or for the disk
                ahead = [
                    pool.submit(state.go_on, first, last, before, train, test)
                    for state, before in zip(states, running, strict=True)
                    if last > first
                ]
                yield _together(config, [future.result() for future in running])
                running = ahead
        finally:
            pool.shutdown(cancel_futures=True)


def _together(config: EnsembleConfig, results: Sequence[Result]) -> Snapshot:
    weights = {k: np.stack([result.weights[k] for result in results]) for k in config.stored_layers}
    return Snapshot(weights, {}, *np.array([result.metrics for result in results]).T)
