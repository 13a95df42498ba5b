"""The whole of it: configuration -> images -> blocks of networks -> store."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import xarray as xr

from .cluster.blocks import train_block_into
from .cluster.cluster import crew, train_on_cluster
from .config import EngineName, EnsembleConfig
from .data import LabelledData, images_of
from .engines.select import chosen_engine
from .environment import check_device, processor, versions
from .initialisation import Pilot
from .pilot import Round, run_pilot
from .progress import Report, console_progress
from .store.layout import is_ensemble
from .store.lock import exclusive
from .store.store import EnsembleStore, drawn_configuration, engine_of, open_ensemble

if TYPE_CHECKING:
    from distributed import Client

LOG = logging.getLogger(__name__)


def train_ensemble(
    config: EnsembleConfig,
    path: Path | str,
    progress: bool | Callable[[int, int], None] = True,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    data: LabelledData | None = None,
) -> xr.Dataset:
    """Train an ensemble into a zarr store at `path`, or go on with one, and open it (see open_ensemble).

    With `initialisation="stationary"` a pilot run in this process comes first (see `run_pilot`); what it found is kept
    with the store and is never sought again.

    A finished store is only opened; an interrupted one is completed block by block, with the bits it would have had
    without the interruption (same kind of processor and versions: they stand in the attributes, the processor of each
    block in its marker). Memory is bounded by a block, not by the ensemble.

    On a cluster (`pip install 'pigmm[cluster]'`) blocks are given out to workers, one at a time to each, which must see
    `path` under the same name. The bits are those of one machine, with as many threads as the attributes say if the
    engine is torch's. (Not quite so `orthogonal` initial weights of hundreds of units: they are LAPACK's and depend on
    the threads of BLAS, of which dask gives its workers one.) A block whose worker dies is trained by another; if this
    process dies, call it again.

    Args:
        config: of the ensemble.
        path: folder of the store.
        progress: True for a bar on a terminal and occasional lines elsewhere, False for silence, or a function called
            with (network-epochs done, in all); what it raises stops the training.
        scheduler: address of a dask scheduler, such as `tcp://node17:8786`, whose workers train; one of your own, for
            dask trusts what it connects to.
        workers: train in so many processes on this machine instead. In a script call it below
            `if __name__ == "__main__":`, as always where Python starts processes.
        data: your own images, with labels from 0 to 9, for a configuration with `dataset=data.describe(shape)`. A hash
            of them stands in the store, which refuses others.

    Returns:
        The ensemble, opened lazily: one variable for each stored layer, losses and accuracies (see `open_ensemble`).

    Raises:
        ValueError: the store was made with another configuration (names what differs), `path` holds something else,
            which is left as it is, or the engine, the device or the data cannot be used.
        FileNotFoundError: the data is neither there nor downloadable, or a worker does not see `path`.
        BlockingIOError: another process is training into this store.
        ConnectionError: the scheduler does not answer, or has no workers.
        ChildProcessError: the workers that trained one block all died.
        ModuleNotFoundError: a cluster is asked for and dask.distributed is not installed.
        OSError: not enough room on the disk (checked before starting), or `path` is not writable.

    >>> from tempfile import TemporaryDirectory
    >>> config = EnsembleConfig(networks=2, epochs=1, block_size=2)
    >>> with TemporaryDirectory() as folder:
    ...     ensemble = train_ensemble(config, f"{folder}/ensemble.zarr", progress=False)
    ...     dict(ensemble.weight_1.sizes)
    {'network': 2, 'epoch': 2, 'row_1': 10, 'col_1': 10}
    >>> train_ensemble(config, "ensemble.zarr", scheduler="tcp://node17:8786", workers=4)
    Traceback (most recent call last):
    ValueError: workers must be None with a scheduler, which has workers of its own, got 4
    """
    path = Path(path)
    if not is_sound(path, config):
        with crew(scheduler, workers) as client, _reporting(progress) as report:
            finish(config, path, report, client, data)
    return open_ensemble(path)


def store_at(path: Path, config: EnsembleConfig) -> EnsembleStore:
    """Return the store at a path, which need not exist yet.

    Args:
        path: folder of the store.
        config: of the ensemble.

    Returns:
        The store.

    Raises:
        ValueError: there is a store of another configuration.

    >>> len(store_at(Path("nowhere.zarr"), EnsembleConfig(networks=120)).missing_blocks())
    3
    """
    return EnsembleStore.resume(path, config) if is_ensemble(path) else EnsembleStore(path, config)


def is_sound(path: Path, config: EnsembleConfig) -> bool:
    """Tell whether an ensemble is finished and nothing of it is damaged. All of it is read.

    Args:
        path: folder of the store.
        config: of the ensemble.

    Returns:
        Whether it is complete and undamaged.

    >>> is_sound(Path("nowhere.zarr"), EnsembleConfig())
    False
    """
    store = store_at(path, config)
    return not store.missing_blocks() and not store.damages()


def finish(
    config: EnsembleConfig, path: Path, report: Report, client: Client | None, data: LabelledData | None = None
) -> None:
    """Train the missing networks of a store: here, or on the workers of a cluster.

    Args:
        config: of the ensemble.
        path: folder of the store.
        report: called with (network-epochs done, in all).
        client: of a dask cluster; None to train in this process.
        data: the user's own images; None for a named dataset.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     finish(EnsembleConfig(networks=2, epochs=1), Path(folder) / "ensemble.zarr", print, client=None)
    0 2
    2 2
    """
    store = store_at(path, config)
    store.check_room()
    if client is None:
        check_device(config.device)
    if not is_ensemble(path):
        engine = chosen_engine(config)  # says what is wrong with it before images are loaded
    images = images_of(config.dataset, config.data_root, data)
    if not is_ensemble(path):
        threads = torch.get_num_threads() if client is None else min(client.nthreads().values())
        origin = {"versions": json.dumps(versions()), "threads": threads, "processor": processor(), "engine": engine}
        if Pilot.parse(config.initialisation):
            origin |= _pilot_attributes(config, images, engine, report)
        try:
            EnsembleStore.create(path, config, origin)
        except (OSError, ValueError):
            if not is_ensemble(path):  # another process made it meanwhile
                raise
    store = EnsembleStore.resume(path, config)
    with exclusive(store.lock_file):
        # an unfinished store is finished by the engine that began it, whatever a later version would choose
        engine, threads = engine_of(path)
        if engine == "numba":  # its bits depend on no number of threads
            threads = None
        store.mend()
        store.remove_leftovers()
        store = EnsembleStore(path, _with_law_of(config, path))
        if client is None:
            _train_here(store, images, engine, threads, report)
        else:
            train_on_cluster(client, store, images, engine, threads, report)


def _pilot_attributes(
    config: EnsembleConfig, images: LabelledData, engine: EngineName, report: Report
) -> dict[str, str | int | None]:
    """Run the pilot, in this process; what it found stays with the store, so that no later call needs another."""

    def after_round(_: Round) -> None:
        report(0, config.networks * config.epochs)

    # torch's bits depend on the threads, which the attributes state
    found = run_pilot(config, images, engine, torch.get_num_threads() if engine == "torch" else None, after_round)
    if not found.converged:
        ratios = ", ".join(f"{ratio:.3f}" for ratio in found.rounds[-1].ratio)
        LOG.warning(
            "initialisation: %s did not converge; the last ratios by layer are %s", config.initialisation, ratios
        )
    return {"initialisation": found.initialisation, "pilot": found.to_json()}


def _with_law_of(config: EnsembleConfig, path: Path) -> EnsembleConfig:
    """The configuration with the law of the weights of the store at a path."""
    return config.model_copy(update={"initialisation": drawn_configuration(path).initialisation})


def _train_here(
    store: EnsembleStore, images: LabelledData, engine: EngineName, threads: int | None, report: Report
) -> None:
    config, missing = store.config, store.missing_blocks()
    total = config.networks * config.epochs
    done = total - config.epochs * sum(len(block) for block in missing)
    report(done, total)
    for block in missing:

        def after_step(step: int, done: int = done, block: range = block) -> None:
            report(done + len(block) * step // config.steps_per_epoch, total)

        train_block_into(store, images, engine, block, threads, after_step)
        done += len(block) * config.epochs
        store.mark_finished(block, processor())


def _reporting(progress: bool | Report) -> AbstractContextManager[Report]:
    if callable(progress):
        return nullcontext(progress)
    return console_progress() if progress else nullcontext(lambda done, total: None)
