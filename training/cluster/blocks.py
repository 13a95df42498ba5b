"""Train one block of networks into a store: the step that one machine repeats and a cluster gives out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from ..config import EngineName
from ..data import LabelledData
from ..engines.select import load_engine
from ..snapshot import Snapshot
from ..store.store import EnsembleStore


def train_block_into(
    store: EnsembleStore,
    images: LabelledData,
    engine: EngineName,
    block: range,
    threads: int | None,
    after_step: Callable[[int], None],
) -> None:
    """Train the networks of a block and write them; the block is not marked as finished.

    Args:
        store: where they are written.
        images: to train and test with.
        engine: "numba" or "torch".
        block: numbers of the networks.
        threads: of the processor. With None the numba engine takes all cores, and torch keeps its present setting.
        after_step: called with the number of each optimiser step after which a snapshot is taken, the initial one
            excepted. An error that it raises stops the training.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from pigmm.training.config import EnsembleConfig
    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(networks=2, epochs=2)
    >>> with TemporaryDirectory() as folder:
    ...     store = EnsembleStore.create(Path(folder) / "e.zarr", config, attributes={})
    ...     train_block_into(store, load_dataset(config.dataset), "numba", range(2), threads=1, after_step=print)
    40
    80
    """
    config = store.config
    # torch's bits depend on the shapes that it computes with, so it trains full blocks only
    networks = range(block.start, block.start + config.block_size) if engine == "torch" else block
    pending: list[Snapshot] = []
    # closed, so that an interrupted engine does not work on until it is collected
    with closing(load_engine(engine)(config, images, networks, threads)) as snapshots:
        for k, (step, snapshot) in enumerate(zip(config.snapshot_steps, snapshots, strict=True)):
            pending.append(snapshot)
            if len(pending) == store.snapshots_per_chunk or k == len(config.snapshot_steps) - 1:
                store.write(block, k + 1 - len(pending), pending)
                pending = []
            if step:
                after_step(step)
