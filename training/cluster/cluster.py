"""Blocks of networks on the workers of a dask cluster, all for one store on a file system that everybody sees.

    coordinator   holds the store's lock, gives out blocks, and is the only one who changes the store
    worker        trains one block at a time, into a draft of its own below the coordinator's session

    blocks/session-*/open           there as long as the coordinator is
    blocks/session-*/images/*.npy   what the workers train on
    blocks/session-*/draft-*        a block, in the layout of the store

The coordinator moves a finished draft's files into the store by renaming, and then marks the block. So nothing that a
worker does counts without the holder of the lock: not what it had half written when it was killed, not what it writes
after its coordinator died, nor a second copy of a block whose first worker was only thought to be dead. A session that
was left behind is removed by whoever trains into the store next; workers look for `open` at every snapshot, and if it
is gone remove what they wrote and stop.

Messages between the processes are dask's own, which unpickles what comes from the scheduler's address: connect to
schedulers of your own only. Weights and images do not travel in them, they go through files that are never unpickled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import numpy as np

from ...simd.cores import cores
from ..config import EngineName, EnsembleConfig
from ..data import LabelledData
from ..environment import check_device, processor, versions
from ..optional_dependencies import missing_extra
from ..progress import Report
from ..store.store import EnsembleStore
from .blocks import train_block_into

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

#: Seconds in which a scheduler must answer.
CONNECTION_SECONDS = 5.0
#: Seconds that a cluster may be without any worker, at the beginning and later.
WORKER_SECONDS = 60.0
#: Workers that may join, in place of others, until the next network-epoch is trained.
WORKERS_WITHOUT_PROGRESS = 10
#: Seconds in which the workers leave a session's folder that is closed.
CLOSING_SECONDS = 5.0
SECONDS_BETWEEN_MESSAGES = 0.2  # of one worker about its progress
RETRIES = 2  # of a block whose training failed with an error, such as one of the file system

_PARTS = ("train_inputs", "train_labels", "test_inputs", "test_labels")
_one_at_a_time = threading.Lock()  # of a worker's process, which dask may give as many tasks as it has threads


@contextmanager
def crew(scheduler: str | None = None, workers: int | None = None) -> Iterator[Client | None]:
    """Connect to the cluster at an address, or start one of so many worker processes on this machine.

    Args:
        scheduler: address of a scheduler, such as tcp://host:8786.
        workers: number of processes on this machine.

    Yields:
        A client; None if neither is asked for.

    Raises:
        ValueError: both are asked for, or no workers.
        ConnectionError: no scheduler answers within `CONNECTION_SECONDS`, or it has no workers for `WORKER_SECONDS`.
        ChildProcessError: worker processes of this machine do not start.
        ModuleNotFoundError: dask.distributed is not installed.

    >>> with crew() as client:
    ...     print(client)
    None
    >>> with crew(scheduler="tcp://127.0.0.1:8786", workers=2):
    ...     pass
    Traceback (most recent call last):
    ValueError: workers must be None with a scheduler, which has workers of its own, got 2
    """
    if scheduler is None and workers is None:
        yield None
        return
    if scheduler is not None and workers is not None:
        raise ValueError(f"workers must be None with a scheduler, which has workers of its own, got {workers}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise missing_extra(error) from None
    if workers is None:
        assert scheduler is not None
        with _connected(scheduler) as client:
            yield client
    else:
        with (
            environment_kept(),
            _local_cluster(workers) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client


@contextmanager
def _local_cluster(workers: int) -> Iterator[LocalCluster]:
    """So many worker processes on this machine, which share its cores."""
    from distributed import LocalCluster

    try:
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=max(1, cores() // workers),
            memory_limit=0,  # a block bounds it
            dashboard_address="127.0.0.1:0",
            preload=[f"{__package__}.local_worker"],
            silence_logs=logging.CRITICAL,
        )
    except (RuntimeError, TimeoutError) as error:  # as dask says that a process of its does not start
        raise ChildProcessError(
            f"workers: {workers} worker processes do not start on this machine ({error}); the same call or command "
            "goes on, with fewer workers perhaps"
        ) from None
    with cluster:
        yield cluster


@contextmanager
def environment_kept() -> Iterator[None]:
    """Take back what dask sets in the environment for its workers, such as OMP_NUM_THREADS.

    >>> with environment_kept():
    ...     os.environ["PIGMM_EXAMPLE"] = "set"
    >>> "PIGMM_EXAMPLE" in os.environ
    False
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    from distributed import Client

    try:
        # a client by itself waits much longer for an address that takes connections and says nothing
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _identity(scheduler)).result()
        client = Client(scheduler, timeout=CONNECTION_SECONDS, set_as_default=False)
    except Exception as error:  # each malformed address fails in a way of its own
        reason = str(error) or f"no answer in {CONNECTION_SECONDS:.0f} s"
        raise ConnectionError(f"scheduler: no dask scheduler answers at {scheduler!r} ({reason})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise ConnectionError(f"scheduler: {scheduler} has had no worker for {WORKER_SECONDS:.0f} s") from None
        yield client


async def _identity(scheduler: str) -> None:
    """Ask a scheduler who it is; TimeoutError if there is no answer in `CONNECTION_SECONDS`."""
    from distributed.core import rpc
    from distributed.security import Security

    async with rpc(scheduler, connection_args=Security().get_connection_args("client")) as remote:
        await asyncio.wait_for(remote.identity(), CONNECTION_SECONDS)


def train_on_cluster(
    client: Client,
    store: EnsembleStore,
    images: LabelledData,
    engine: EngineName,
    threads: int | None,
    report: Report,
) -> None:
    """Train the missing blocks of a store, whose lock the caller holds, on the workers of a cluster.

    Args:
        client: connected to the cluster.
        store: with missing blocks.
        images: to train and test with; sent to each worker once.
        engine: "numba" or "torch".
        threads: of the processor, for every worker; None: as many as it has.
        report: called with the epochs trained so far and their total, over all networks.

    Raises:
        ChildProcessError: the workers of a block died again and again, or `WORKERS_WITHOUT_PROGRESS` of any.
        ConnectionError: the scheduler is gone, or has had no worker for `WORKER_SECONDS`.
        ValueError: a worker has other versions, or cannot use the device.
        FileNotFoundError: a worker does not see the store.

    >>> from tempfile import TemporaryDirectory
    >>> from pigmm.training.data import load_dataset
    >>> config = EnsembleConfig(networks=2, epochs=1)
    >>> with TemporaryDirectory() as folder, crew(workers=1) as client:
    ...     store = EnsembleStore.create(Path(folder) / "e.zarr", config, attributes={})
    ...     train_on_cluster(client, store, load_dataset(config.dataset), "numba", 1, report=print)
    ...     store.missing_blocks()
    0 2
    2 2
    ()
    """
    config, missing = store.config, store.missing_blocks()
    total = config.networks * config.epochs
    done = total - config.epochs * sum(len(block) for block in missing)
    report(done, total)
    reported = done
    waiting = deque(missing)
    running: dict[Any, tuple[Future[Any], range]] = {}  # by dask's keys
    partly: dict[Any, int] = {}  # network-epochs of the blocks that are being trained
    events: Queue[Future[Any] | dict[str, Any]] = Queue()
    watch = _Watch()
    with _session(store, images) as session, _listening(client, session.name, events.put):
        try:
            while waiting or running:
                # one block a worker: what waits here goes to a worker that joins, and is not lost with one that leaves
                workers = _addresses(client)
                watch.see(workers)
                while waiting and len(running) < max(1, len(workers)):
                    block = waiting.popleft()
                    future = client.submit(
                        train_draft,
                        str(session),
                        config.model_dump_json(),
                        engine,
                        (block.start, block.stop),
                        threads,
                        versions(),
                        pure=False,
                        retries=RETRIES,
                    )
                    running[future.key] = future, block
                    future.add_done_callback(events.put)
                for event in _those_that_came(events):
                    if isinstance(event, dict):
                        if event["key"] in running:
                            partly[event["key"]] = event["done"]
                        continue
                    _, block = running[event.key]
                    _take_over(store, block, _result(event, block))
                    del running[event.key]
                    partly.pop(event.key, None)
                    done += len(block) * config.epochs
                if (now := done + sum(partly.values())) != reported:
                    reported = now
                    watch.progress(now)
                    report(now, total)
        finally:
            with suppress(OSError):  # the scheduler may be gone
                client.cancel([future for future, _ in running.values()])


class Draft(NamedTuple):
    """A worker's account of the block that it has trained: place, number of files, and the worker."""

    folder: str
    files: int
    processor: str


def train_draft(
    session: str,
    configuration: str,
    engine: EngineName,
    networks: tuple[int, int],
    threads: int | None,
    required: dict[str, str],
) -> Draft:
    """What a worker does: train the networks from .. to before .. into a draft below the session's folder.

    >>> train_draft("session", "{}", "numba", (0, 2), None, {})  # only on a worker
    Traceback (most recent call last):
    ValueError: No worker found
    """
    from distributed import get_worker

    worker, folder, block = get_worker(), Path(session), range(*networks)
    key = worker.get_current_task()
    config = EnsembleConfig(**json.loads(configuration))
    _check_versions(worker.address, required)
    check_device(config.device)
    last_message = 0.0

    def after_step(step: int) -> None:
        nonlocal last_message
        _check_open(folder, worker.address)
        if time.monotonic() - last_message >= SECONDS_BETWEEN_MESSAGES:
            last_message = time.monotonic()
            worker.log_event(folder.name, {"key": key, "done": len(block) * step // config.steps_per_epoch})

    with _one_at_a_time:
        _check_open(folder, worker.address)
        images = LabelledData(*(np.load(folder / "images" / f"{part}.npy", allow_pickle=False) for part in _PARTS))
        path = folder / f"draft-{uuid4().hex}"
        try:
            draft = EnsembleStore.create(path, config, {})
            train_block_into(draft, images, engine, block, threads or worker.state.nthreads, after_step)
            _check_open(folder, worker.address)
        except BaseException:
            # writing makes folders: a session that was closed and removed meanwhile would be there again
            shutil.rmtree(path if (folder / "open").exists() else folder, ignore_errors=True)
            raise
    return Draft(str(draft.path), len(draft.files(block)), processor())


@contextmanager
def _session(store: EnsembleStore, images: LabelledData) -> Iterator[Path]:
    """The folder through which coordinator and workers exchange arrays."""
    folder = store.session_folder()
    (folder / "images").mkdir(parents=True)
    try:
        for part in _PARTS:
            np.save(folder / "images" / f"{part}.npy", getattr(images, part), allow_pickle=False)
        (folder / "open").touch()
        yield folder
    finally:
        (folder / "open").unlink(missing_ok=True)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the folder of a closed session; a worker may still be writing, and makes what was removed anew.

    What is there after `CLOSING_SECONDS` the next session removes.
    """
    deadline = time.monotonic() + CLOSING_SECONDS
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


@contextmanager
def _listening(client: Client, topic: str, handler: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Hand over the messages that workers log under a topic."""
    client.subscribe_topic(topic, lambda event: handler(event[1]))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            client.unsubscribe_topic(topic)


def _those_that_came(events: Queue[Any]) -> Iterator[Any]:
    """Wait a second for the first; then those that are there too."""
    with suppress(Empty):
        yield events.get(timeout=1.0)
        while True:
            yield events.get_nowait()


class _Watch:
    """Over the workers: none for too long, or one after another that ends without having trained anything."""

    def __init__(self) -> None:
        self._last_seen = time.monotonic()
        self._known: set[str] | None = None
        self._joined = 0
        self._farthest = 0

    def progress(self, done: int) -> None:
        """So many network-epochs are trained, those of blocks at work included."""
        if done > self._farthest:
            self._farthest, self._joined = done, 0

    def see(self, workers: set[str]) -> None:
        """Take note of the workers that are there now.

        Args:
            workers: their addresses.

        Raises:
            ConnectionError: there have been none for `WORKER_SECONDS`.
            ChildProcessError: `WORKERS_WITHOUT_PROGRESS` have come since anything was trained.
        """
        if workers:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > WORKER_SECONDS:
            raise ConnectionError(
                f"the cluster has had no worker for {WORKER_SECONDS:.0f} s; finished networks are kept, and the same "
                "call or command goes on"
            )
        self._joined += len(workers - self._known) if self._known is not None else 0
        self._known = workers | (self._known or set())
        if self._joined > WORKERS_WITHOUT_PROGRESS:
            raise ChildProcessError(
                f"{self._joined} workers ended, one after another, before they had trained anything; is their memory "
                "enough? Finished networks are kept, and the same call or command goes on"
            )


def _addresses(client: Client) -> set[str]:
    """Of the workers that there are now."""
    try:
        return set(client.nthreads())
    except OSError as error:
        raise _gone(error) from None


def _result(future: Future[Any], block: range) -> Draft:
    from distributed import KilledWorker

    if future.status == "finished":
        draft: Draft = future.result()
        return draft
    if future.status != "error":
        raise _gone(future.status)
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise ChildProcessError(
            f"the workers that trained networks {block.start} to {block.stop - 1} died, one after another, the last at "
            f"{error.last_worker.address}; is their memory enough? The other networks are kept"
        ) from None
    raise error


def _gone(reason: object) -> ConnectionError:
    return ConnectionError(f"the connection to the dask scheduler is lost ({reason}); train again to go on")


def _take_over(store: EnsembleStore, block: range, draft: Draft) -> None:
    made = EnsembleStore(Path(draft.folder), store.config)
    if len(made.files(block)) != draft.files:  # a network file system may show the files of others late
        raise FileNotFoundError(f"{draft.folder} must show {draft.files} files, but has {len(made.files(block))}")
    store.take_over(made, block)
    store.mark_finished(block, draft.processor)
    shutil.rmtree(made.path, ignore_errors=True)


def _check_versions(worker: str, required: dict[str, str]) -> None:
    """Python's own does not matter for the bits."""
    for name, here in versions().items():
        if name != "python" and here != required[name]:
            raise ValueError(f"{worker}: {name} {required[name]} is required, as on the coordinator, got {here}")


def _check_open(session: Path, worker: str) -> None:
    if not (session / "open").exists():
        raise FileNotFoundError(
            f"{worker} does not see {session}: workers need the ensemble at the same path as the coordinator"
        )
