"""Ensembles on a cluster: the bits of one machine, whoever is killed."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster

from pigmm.training import EnsembleConfig, LabelledData, open_ensemble, train_ensemble, train_ensembles
from pigmm.training.cluster import cluster as training_cluster
from pigmm.training.cluster.blocks import train_block_into
from pigmm.training.cluster.cluster import environment_kept, train_draft
from pigmm.training.environment import versions
from pigmm.training.store.store import EnsembleStore

# Seconds after which something hangs, also on the busiest machine.
HANGS = 120


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes of one thread each."""
    with (
        environment_kept(),
        LocalCluster(n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0") as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2)
        yield client


def arrays(folder: Path) -> dict[str, bytes]:
    """Every file of a store but the metadata of the whole, which says how many threads there were, and its record."""
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for name in ("zarr.json", "blocks/skeleton.json"):
        del files[name]
    return files


def workers_at_work(client: Client) -> list[str]:
    return [worker for worker, tasks in client.processing().items() if tasks]


def kill(client: Client, worker: str) -> None:
    os.kill(client.run(os.getpid, workers=[worker])[worker], signal.SIGKILL)


def interrupt_after(count: int) -> Callable[[int, int], None]:
    """A progress function that does what Ctrl-C does."""

    def report(done: int, total: int) -> None:
        if done >= count:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_same_bits_as_one_machine(client: Client, small: EnsembleConfig, tmp_path: Path, engine: str) -> None:
    config = small.model_copy(update={"engine": engine, "layers": "all"})
    calls: list[tuple[int, int]] = []
    there = train_ensemble(
        config, tmp_path / "there", lambda done, total: calls.append((done, total)), scheduler=client.scheduler.address
    )
    before = torch.get_num_threads()
    torch.set_num_threads(there.attrs["threads"])
    here = train_ensemble(config, tmp_path / "here", progress=False)
    torch.set_num_threads(before)
    assert there.identical(here)
    assert arrays(tmp_path / "there") == arrays(tmp_path / "here")
    assert (calls[0], calls[-1]) == ((0, 20), (20, 20))


def test_killed_worker_loses_nothing(client: Client, tmp_path: Path) -> None:
    """One of the two is killed in the middle of a block."""
    config = EnsembleConfig(networks=32, block_size=8, epochs=8, layers="all")
    victims: list[str] = []

    def kill_one(done: int, total: int) -> None:
        in_a_block = done % (config.block_size * config.epochs)
        if not victims and in_a_block:
            victims.append(random.Random(done).choice(workers_at_work(client)))
            kill(client, victims[-1])

    train_ensemble(config, tmp_path / "there", kill_one, scheduler=client.scheduler.address)
    assert len(victims) == 1
    train_ensemble(config, tmp_path / "here", progress=False)
    assert arrays(tmp_path / "there") == arrays(tmp_path / "here")


def test_a_block_that_kills_its_workers_is_given_up(
    client: Client, cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)  # else three workers die before
    config = EnsembleConfig(networks=2, block_size=2, epochs=2000)

    def kill_it(done: int, total: int) -> None:
        for worker in workers_at_work(client):
            kill(client, worker)

    with pytest.raises(ChildProcessError, match="the workers that trained networks 0 to 1 died"):
        train_ensemble(config, tmp_path / "there", kill_it, scheduler=client.scheduler.address)
    assert not list((tmp_path / "there" / "blocks").glob("*.done"))


def test_interrupted_and_finished_here(client: Client, small: EnsembleConfig, tmp_path: Path) -> None:
    config = small.model_copy(update={"epochs": 30})
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(config, tmp_path / "a", interrupt_after(4 * config.epochs), scheduler=client.scheduler.address)
    assert EnsembleStore(tmp_path / "a", config).missing_blocks()
    train_ensemble(config, tmp_path / "a", progress=False)
    train_ensemble(config, tmp_path / "b", progress=False)
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")


def test_interrupted_workers_stop(client: Client, small: EnsembleConfig, tmp_path: Path) -> None:
    config = small.model_copy(update={"epochs": 10_000})  # many minutes
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(config, tmp_path / "a", interrupt_after(1), scheduler=client.scheduler.address)
    deadline = time.monotonic() + HANGS
    while any(client.run(lambda dask_worker: len(dask_worker.active_threads)).values()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nothing_is_left_of_a_closed_session(
    client: Client, small: EnsembleConfig, tmp_path: Path, digits: LabelledData
) -> None:
    """A worker that writes while the folder is removed makes it anew, and takes it away when it notices."""
    config = small.model_copy(update={"epochs": 10_000})
    store = EnsembleStore.create(tmp_path / "a", config, {})
    with training_cluster._session(store, digits) as session:
        draft = client.submit(train_draft, str(session), config.model_dump_json(), "numba", (0, 4), 1, versions())
        while not list(session.glob("draft-*")):
            time.sleep(0.01)
    assert isinstance(draft.exception(timeout=HANGS), FileNotFoundError)
    assert not session.exists()


PROGRAM = """
import json, sys
from pigmm.training import EnsembleConfig, train_ensemble
if __name__ == "__main__":
    config = EnsembleConfig.model_validate_json(sys.argv[1])
    train_ensemble(config, sys.argv[2], progress=lambda done, total: print(done, flush=True), **json.loads(sys.argv[3]))
"""


def kill_coordinator_halfway(folder: Path, config: EnsembleConfig, where: dict[str, Any]) -> None:
    """Train in a process of its own at folder/a, and kill it when some blocks are finished."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, program, config.model_dump_json(), folder / "a", json.dumps(where)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not list((folder / "a" / "blocks").glob("*.done")):
            assert process.stdout.readline()
        process.kill()
        process.stdout.read()  # ends with the last process that might write to it
    assert 0 < len(EnsembleStore(folder / "a", config).missing_blocks()) < len(config.blocks)


@pytest.mark.thorough
def test_killed_coordinator_of_a_cluster(client: Client, tmp_path: Path) -> None:
    """What its workers still write is not counted, and the next coordinator has them."""
    config = EnsembleConfig(networks=64, block_size=8, epochs=20)
    kill_coordinator_halfway(tmp_path, config, {"scheduler": client.scheduler.address})
    train_ensemble(config, tmp_path / "a", progress=False, scheduler=client.scheduler.address)
    train_ensemble(config, tmp_path / "b", progress=False)
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")


@pytest.mark.thorough
def test_killed_coordinator(tmp_path: Path) -> None:
    """With workers of its own, which end with it; what they had half written is not counted, and goes away."""
    config = EnsembleConfig(networks=64, block_size=8, epochs=20)
    kill_coordinator_halfway(tmp_path, config, {"workers": 1})
    assert list((tmp_path / "a" / "blocks").glob("session-*"))
    train_ensemble(config, tmp_path / "a", progress=False)
    train_ensemble(config, tmp_path / "b", progress=False)
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")


def test_a_draft_does_not_count(small: EnsembleConfig, tmp_path: Path, digits: LabelledData) -> None:
    """What a worker leaves that outlived its coordinator is in nobody's way."""
    store = EnsembleStore.create(tmp_path / "a", small, {"threads": 1})
    session = store.session_folder()
    draft = EnsembleStore.create(session / "draft-1", small, {})
    train_block_into(draft, digits, "numba", range(4), 1, lambda step: None)
    draft.mark_finished(range(4), "")
    with pytest.raises(ValueError, match="0 of 3 blocks are trained"):
        open_ensemble(tmp_path / "a")
    train_ensemble(small, tmp_path / "a", progress=False)
    assert not session.exists()


def test_what_a_block_takes_over_replaces_what_was_there(small: EnsembleConfig, tmp_path: Path) -> None:
    train_ensemble(small, tmp_path / "a", progress=False)
    train_ensemble(small.model_copy(update={"seed": 1}), tmp_path / "b", progress=False)
    a, b = (EnsembleStore(tmp_path / name, small) for name in "ab")
    before, other = (open_ensemble(store.path).weight_2.values for store in (a, b))
    (a.path / "weight_2" / "c" / "1" / "0" / "0" / "half.partial").touch()
    moved = len(b.files(range(4, 8)))
    a.take_over(b, range(4, 8))
    a.mark_finished(range(4, 8), "")
    assert len(a.files(range(4, 8))) == moved
    assert not b.files(range(4, 8))
    after = open_ensemble(a.path).weight_2.values
    np.testing.assert_array_equal(after[4:8], other[4:8])
    np.testing.assert_array_equal(after[[0, 1, 2, 3, 8, 9]], before[[0, 1, 2, 3, 8, 9]])


def test_a_worker_that_cannot(client: Client, small: EnsembleConfig, tmp_path: Path) -> None:
    block = (small.model_dump_json(), "numba", (0, 4), None)
    with pytest.raises(FileNotFoundError, match="workers need the ensemble at the same path as the coordinator"):
        client.submit(train_draft, str(tmp_path / "session-x"), *block, versions()).result()
    assert not (tmp_path / "session-x").exists()
    with pytest.raises(ValueError, match=r"tcp://.*: torch 1\.0 is required, as on the coordinator, got"):
        client.submit(train_draft, str(tmp_path), *block, versions() | {"torch": "1.0"}).result()
    config = small.model_copy(update={"device": "abacus"})
    with pytest.raises(ValueError, match="device: a device of this torch is required, got 'abacus'"):
        train_ensemble(config, tmp_path / "there", progress=False, scheduler=client.scheduler.address)


MALFORMED = ["nonsense", "ftp://127.0.0.1:8786", "tcp://127.0.0.1:port", "tcp://[::1", "://", "inproc://a", "tcp://a b"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", *MALFORMED])
def test_no_scheduler_there(
    small: EnsembleConfig, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_cluster, "CONNECTION_SECONDS", 1.0)
    with pytest.raises(ConnectionError, match=re.escape(f"no dask scheduler answers at {address!r}")):
        train_ensemble(small, tmp_path / "there", progress=False, scheduler=address)
    assert not (tmp_path / "there").exists()


def test_an_address_that_says_nothing(small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, as a port of another service may, and waits."""
    monkeypatch.setattr(training_cluster, "CONNECTION_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=re.escape(f"answers at {address!r} (no answer in 1 s)")):
            train_ensemble(small, tmp_path / "there", progress=False, scheduler=address)
    assert not (tmp_path / "there").exists()


def test_workers_that_do_not_start(small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: Any) -> None:
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr("distributed.LocalCluster", fail)
    with pytest.raises(ChildProcessError, match=r"workers: 3 worker processes do not start .*Nanny failed to start"):
        train_ensemble(small, tmp_path / "there", progress=False, workers=3)


def test_all_workers_leave(small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler stays: it would wait for others without end. The same call goes on."""
    monkeypatch.setattr(training_cluster, "WORKER_SECONDS", 1.0)
    config = small.model_copy(update={"epochs": 100})
    with LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address=":0") as own:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", own.scheduler_address, "--no-nanny"]
        with subprocess.Popen([*command, "--no-dashboard"], stderr=subprocess.DEVNULL) as worker:

            def kill_it(done: int, total: int) -> None:
                if done:
                    worker.kill()

            while not own.scheduler.workers:
                assert worker.poll() is None
                time.sleep(0.05)
            with pytest.raises(ConnectionError, match=r"has had no worker for 1 s; finished networks are kept"):
                train_ensemble(config, tmp_path / "a", kill_it, scheduler=own.scheduler_address)
    assert not list((tmp_path / "a" / "blocks").glob("session-*"))
    train_ensemble(config, tmp_path / "a", progress=False)
    train_ensemble(config, tmp_path / "b", progress=False)
    assert arrays(tmp_path / "a") == arrays(tmp_path / "b")


def test_workers_that_end_one_after_another() -> None:
    watch = training_cluster._Watch()
    watch.see({"a", "b"})
    for number in range(training_cluster.WORKERS_WITHOUT_PROGRESS):
        watch.see({"a", f"{number}"})
    watch.progress(1)
    watch.see({"c"})
    watch.progress(1)  # a block that begins again is no progress
    for number in range(training_cluster.WORKERS_WITHOUT_PROGRESS - 1):
        watch.see({f"again {number}"})
    with pytest.raises(ChildProcessError, match="11 workers ended, one after another, before they had trained"):
        watch.see({"d"})


def test_a_closed_session_is_removed_while_a_worker_writes(
    small: EnsembleConfig, tmp_path: Path, digits: LabelledData, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, tries = shutil.rmtree, []

    def disturbed(folder: Path, **options: Any) -> None:
        tries.append(folder)
        if len(tries) > 1:
            remove(folder, **options)

    store = EnsembleStore.create(tmp_path / "a", small, {})
    with training_cluster._session(store, digits) as session:
        monkeypatch.setattr(shutil, "rmtree", disturbed)
    assert tries == [session, session]
    assert not session.exists()


def test_no_worker_there(small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_cluster, "WORKER_SECONDS", 0.2)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(ConnectionError, match=f"scheduler: {empty.scheduler_address} has had no worker"),
    ):
        train_ensemble(small, tmp_path / "there", progress=False, scheduler=empty.scheduler_address)
    assert not (tmp_path / "there").exists()


def test_sweep(client: Client, small: EnsembleConfig, tmp_path: Path) -> None:
    sweep = {f"seed {seed}": small.model_copy(update={"seed": seed}) for seed in range(2)}
    there = train_ensembles(sweep, tmp_path / "there", progress=False, scheduler=client.scheduler.address)
    here = train_ensembles(sweep, tmp_path / "here", progress=False)
    assert all(there[name].equals(here[name]) for name in sweep)


def test_a_finished_ensemble_needs_no_cluster(small: EnsembleConfig, tmp_path: Path) -> None:
    train_ensemble(small, tmp_path / "a", progress=False)
    assert train_ensemble(small, tmp_path / "a", progress=False, scheduler="tcp://127.0.0.1:1").sizes["network"] == 10


def test_workers_are_counted(small: EnsembleConfig, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        train_ensemble(small, tmp_path / "a", progress=False, workers=0)


def test_interrupted_from_a_terminal(tmp_path: Path) -> None:
    """Ctrl-C goes to all processes of the terminal: one line, no traceback of a worker, and nobody left."""
    command = [
        # a parent may have told its children to ignore the signal
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pigmm.studies.cli.main import main; main()",
        "train",
        "run",
        "--networks",
        "8",
        "--epochs",
        "20000",
    ]
    with subprocess.Popen(
        [sys.executable, "-c", *command, "--workers", "1"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        while not list(tmp_path.glob("run/ensemble.zarr/blocks/session-*/draft-*")):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        first, second = process.stderr.read().splitlines()  # ends with the last process that might write to it
    assert first == "training: 0 of 160000 network-epochs"
    assert second == "interrupted: the same command goes on from here"
    assert process.returncode == 130
    assert sorted(file.name for file in tmp_path.glob("run/ensemble.zarr/blocks/*")) == [
        "lock",
        "skeleton.json",
        "zarr.json",
    ]
