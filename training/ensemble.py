"""The whole of it: configuration -> images -> blocks of networks -> store."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from importlib.metadata import version
from pathlib import Path

import torch
import xarray as xr

from .config import EngineName, EnsembleConfig
from .data import LabelledImages, load_dataset
from .engines import chosen_engine, load_engine
from .lock import exclusive
from .progress import Report, console_progress
from .snapshot import Snapshot
from .store import EnsembleStore, engine_of, is_ensemble, open_ensemble


def train_ensemble(
    config: EnsembleConfig, path: Path | str, progress: bool | Callable[[int, int], None] = True
) -> xr.Dataset:
    """Train an ensemble into a zarr store at `path`, or go on with one, and open it (see open_ensemble).

    A finished store is only opened; an interrupted one is completed block by block, with the bits it would have had
    without the interruption (same kind of processor and versions, and for torch's engine the same thread count: they
    stand in the attributes). Memory is bounded by a block, not by the ensemble.

    Args:
        progress: True for a bar on a terminal and occasional lines elsewhere, False for silence, or a function called
            with (network-epochs done, in all); what it raises stops the training.

    Raises:
        ValueError: the store was made with another configuration (names what differs), `path` holds something else,
            which is left as it is, or the engine, the device or the data cannot be used.
        FileNotFoundError: the data is neither there nor downloadable.
        BlockingIOError: another process is training into this store.
        OSError: not enough room on the disk (checked before starting), or `path` is not writable.

    >>> from tempfile import TemporaryDirectory
    >>> config = EnsembleConfig(networks=2, epochs=1, block_size=2)
    >>> with TemporaryDirectory() as folder:
    ...     ensemble = train_ensemble(config, f"{folder}/ensemble.zarr", progress=False)
    ...     dict(ensemble.weight_1.sizes)
    {'network': 2, 'epoch': 2, 'row_1': 10, 'col_1': 10}
    """
    path = Path(path)
    existing = is_ensemble(path)
    store = EnsembleStore.resume(path, config) if existing else EnsembleStore(path, config)
    if store.missing_blocks():
        store.check_room()
        _check_device(config.device)
        # an unfinished store is finished by the engine that began it, whatever a later version would choose
        engine = engine_of(path) if existing else chosen_engine(config)
        images = load_dataset(config.dataset, config.data_root)
        if not existing:
            EnsembleStore.create(path, config, _origin() | {"engine": engine})
        with exclusive(store.lock_file), _reporting(progress) as report:
            _train_missing_blocks(store, images, engine, report)
    return open_ensemble(path)


def _train_missing_blocks(store: EnsembleStore, images: LabelledImages, engine: EngineName, report: Report) -> None:
    config, missing, train_block = store.config, store.missing_blocks(), load_engine(engine)
    total = config.networks * config.epochs
    done = total - config.epochs * sum(len(block) for block in missing)
    report(done, total)
    for block in missing:
        # torch's bits depend on the shapes that it computes with, so it trains full blocks only
        networks = range(block.start, block.start + config.block_size) if engine == "torch" else block
        pending: list[Snapshot] = []
        # closed, so that an interrupted engine does not work on until it is collected
        with closing(train_block(config, images, networks)) as snapshots:
            for k, (step, snapshot) in enumerate(zip(config.snapshot_steps, snapshots, strict=True)):
                pending.append(snapshot)
                if len(pending) == store.snapshots_per_chunk or k == len(config.snapshot_steps) - 1:
                    store.write(block, k + 1 - len(pending), pending)
                    pending = []
                if step:
                    report(done + len(block) * step // config.steps_per_epoch, total)
        done += len(block) * config.epochs
        store.mark_finished(block)


def _reporting(progress: bool | Report) -> AbstractContextManager[Report]:
    if callable(progress):
        return nullcontext(progress)
    return console_progress() if progress else nullcontext(lambda done, total: None)


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA fails by assertion
        raise ValueError(f"device: a device of this torch is required, got {device!r} ({error})") from None


def _origin() -> dict[str, str | int]:
    """What else the bits depend on."""
    versions = {name: version(name) for name in ("pigmm", "torch", "numpy")} | {"python": platform.python_version()}
    return {
        "versions": json.dumps(versions),
        "threads": torch.get_num_threads(),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
