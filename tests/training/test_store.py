"""The store: its layout, resumption bit for bit, and what it refuses."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from math import ceil
from pathlib import Path
from select import select
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from pigmm.training import EnsembleConfig, LabelledData, ensemble, open_ensemble, train_ensemble
from pigmm.training.config import EngineName
from pigmm.training.snapshot import METRICS, Snapshot
from pigmm.training.store.checks import DamagedEnsembleError
from pigmm.training.store.layout import Skeleton, write_skeleton
from pigmm.training.store.lock import exclusive
from pigmm.training.store.store import EnsembleStore


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a store by its name."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def interrupt_at(count: int) -> Callable[[int, int], None]:
    """A progress function that does what Ctrl-C does."""

    def report(done: int, total: int) -> None:
        if done == count:
            raise KeyboardInterrupt

    return report


def test_layout(small: EnsembleConfig, store_path: Path) -> None:
    config = small.model_copy(update={"layers": "all"})
    ensemble = train_ensemble(config, store_path, progress=False)
    assert xr.open_zarr(store_path).identical(ensemble)
    assert open_ensemble(store_path).identical(ensemble)
    assert set(ensemble.data_vars) == {
        *("weight_0", "weight_1", "weight_2", "weight_3"),
        *("train_loss", "train_accuracy", "test_loss", "test_accuracy"),
    }
    assert set(ensemble.coords) == {"network", "epoch", "step"}
    assert ensemble.weight_0.dims == ("network", "epoch", "row_0", "col_0")
    assert ensemble.weight_0.shape == (10, 3, 10, 784)
    assert ensemble.test_loss.dims == ("network", "epoch")
    assert all(variable.dtype == np.float32 for variable in ensemble.data_vars.values())
    assert all(np.isfinite(variable).all() for variable in ensemble.data_vars.values())
    np.testing.assert_array_equal(ensemble.epoch, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(ensemble.step, [0, 40, 80])
    np.testing.assert_array_equal(ensemble.network, range(10))
    assert EnsembleConfig(**json.loads(ensemble.attrs["configuration"])) == config
    assert set(json.loads(ensemble.attrs["versions"])) == {"pigmm", "torch", "numpy", "python"}
    assert ensemble.attrs["threads"] >= 1


def test_reading_needs_no_torch(small: EnsembleConfig, store_path: Path) -> None:
    train_ensemble(small, store_path, progress=False)
    program = (
        "import sys; from pigmm.training import EnsembleConfig, open_ensemble, untrained;"
        "print(untrained(open_ensemble(sys.argv[1])).size, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, store_path], capture_output=True, text=True, check=True)
    assert done.stdout == "10 False\n"


@pytest.mark.parametrize(
    "config",
    [
        EnsembleConfig(),
        EnsembleConfig(layers="all"),
        EnsembleConfig(hidden=(640, 640), networks=30, block_size=12),
        EnsembleConfig(hidden=(3000, 3000), networks=2, epochs=1),
        EnsembleConfig(networks=7),
    ],
    ids=["paper", "all layers", "wide", "very wide", "less than a block"],
)
def test_blocks_share_no_file_and_files_are_bounded(config: EnsembleConfig, store_path: Path) -> None:
    store = EnsembleStore.create(store_path, config, {})
    size = 0
    for _, array in zarr.open_group(store_path, mode="r").arrays():
        if array.ndim > 1:
            assert min(config.block_size, config.networks) % array.chunks[0] == 0
            chunk_bytes = 4 * np.prod(array.chunks)
            assert chunk_bytes <= 2**24 or array.chunks[:2] == (1, 1)
            size += int(chunk_bytes * np.prod(np.ceil(np.array(array.shape) / array.chunks)))
    assert store.bytes_on_disk() == size


def test_training_again_trains_nothing(small: EnsembleConfig, store_path: Path) -> None:
    train_ensemble(small, store_path, progress=False)
    before = {file: file.stat().st_mtime_ns for file in store_path.rglob("*")}
    calls: list[int] = []
    train_ensemble(small, store_path, progress=lambda done, total: calls.append(done))
    assert calls == []
    assert {file: file.stat().st_mtime_ns for file in store_path.rglob("*")} == before


def test_progress_counts_networks_and_epochs(small: EnsembleConfig, store_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    train_ensemble(small, store_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 20) for done in (0, 4, 8, 12, 16, 18, 20)]


def test_interrupted_by_an_exception_and_resumed(small: EnsembleConfig, tmp_path: Path) -> None:
    config = small.model_copy(update={"layers": "all"})
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(config, tmp_path / "a.zarr", progress=interrupt_at(12))  # in the middle of the second block
    with pytest.raises(ValueError, match="is not finished: 1 of 3 blocks are trained; call train_ensemble again"):
        open_ensemble(tmp_path / "a.zarr")

    calls: list[int] = []
    train_ensemble(config, tmp_path / "a.zarr", progress=lambda done, total: calls.append(done))
    assert calls == [8, 12, 16, 18, 20]
    train_ensemble(config, tmp_path / "b.zarr", progress=False)
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")


def test_block_without_marker_is_trained_again(small: EnsembleConfig, store_path: Path) -> None:
    train_ensemble(small, store_path, progress=False)
    finished = contents(store_path)
    (store_path / "blocks" / "00001.done").unlink()
    for half_written in (store_path / "weight_2" / "c" / "1").rglob("0"):
        if half_written.is_file():
            half_written.write_bytes(b"")
    train_ensemble(small, store_path, progress=False)
    assert contents(store_path) == finished


# goes on only when it is told to, so that nothing here depends on how fast the machine is
PROGRAM = """
import sys
from pigmm.training import EnsembleConfig, train_ensemble

def report(done, total):
    print(done, flush=True)
    sys.stdin.readline()

train_ensemble(EnsembleConfig.model_validate_json(sys.argv[1]), sys.argv[2], progress=report)
"""


def start(config: EnsembleConfig, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, config.model_dump_json(), str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def go_on(process: subprocess.Popen[str]) -> None:
    """Wait until it says how far it is, and let it work on."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdin.write("\n")
    process.stdin.flush()


def kill_once(config: EnsembleConfig, path: Path, chance: random.Random) -> str:
    """Begin or go on, kill after some progress, and say whether it was starting, training, writing, or done."""
    started = time.time()
    with start(config, path) as process:
        moment = chance.random()
        if moment < 0.2:
            time.sleep(chance.uniform(0, 3))  # while it starts: before there is a store, or while it is made
        else:
            for _ in range(chance.randint(1, 3 * config.epochs)):
                go_on(process)
            if moment > 0.6:
                # until it writes, or waits for us again
                while not is_half_written(config, path, started) and not select([process.stdout], [], [], 1e-4)[0]:
                    pass
            time.sleep(chance.expovariate(1000))
        at_work = process.poll() is None
        process.kill()
    if not at_work:
        return "done"
    return "writing" if is_half_written(config, path, started) else "training" if path.exists() else "starting"


def is_half_written(config: EnsembleConfig, path: Path, since: float) -> bool:
    """Whether the first block that is not marked has files of a later time."""
    store = EnsembleStore(path, config)
    with suppress(FileNotFoundError):  # renamed while we look
        return any(file.stat().st_mtime > since for block in store.missing_blocks()[:1] for file in store.files(block))
    return True


@pytest.mark.parametrize(("engine", "share"), [("numba", 1.0), ("torch", 0.25)])
def test_killed_at_random_moments_and_resumed(
    tmp_path: Path, engine: EngineName, share: float, request: pytest.FixtureRequest
) -> None:
    """One kill, or twenty with --thorough, two seconds each."""
    kills = ceil(share * (20 if request.config.getoption("--thorough") else 1))
    # none of them comes to the end: a kill lets it train three blocks at most
    config = EnsembleConfig(networks=12 * kills + 4, block_size=4, epochs=3, layers="all", engine=engine)
    chance = random.Random(0)
    killed_while = Counter(kill_once(config, tmp_path / "killed.zarr", chance) for _ in range(kills))
    print(engine, dict(killed_while))
    assert not killed_while["done"]

    killed, whole = (train_ensemble(config, tmp_path / f"{name}.zarr", progress=False) for name in ("killed", "whole"))
    assert killed.equals(whole)
    for leftover in (tmp_path / "killed.zarr").rglob("*.partial"):  # files that were being written
        leftover.unlink()
    assert contents(tmp_path / "killed.zarr") == contents(tmp_path / "whole.zarr")


def test_killed_and_locked(tmp_path: Path) -> None:
    config = EnsembleConfig(networks=24, block_size=8, epochs=2)
    killed = tmp_path / "killed.zarr"
    with start(config, killed) as process:
        for _ in range(3):  # at the start, and after both epochs of the first block
            go_on(process)
        assert process.stdout is not None
        assert process.stdout.readline()  # in the second
        with pytest.raises(BlockingIOError, match="another process works here"):
            train_ensemble(config, killed, progress=False)
        process.send_signal(signal.SIGKILL)
    assert EnsembleStore.resume(killed, config).missing_blocks() == config.blocks[1:]
    train_ensemble(config, killed, progress=False)  # the lock ended with its holder


def test_nothing_is_left_of_a_process_that_was_killed_while_it_made_the_store(
    small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda *arguments, **options: None)  # as if there had been no time for it
    monkeypatch.setattr(Path, "rename", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        EnsembleStore.create(tmp_path / "e.zarr", small, {})
    monkeypatch.undo()
    (tmp_path / ".e.zarr.notes").mkdir()
    assert len(list(tmp_path.iterdir())) == 2
    train_ensemble(small, tmp_path / "e.zarr", progress=False)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".e.zarr.notes", "e.zarr"]


def test_one_training_process_at_a_time(small: EnsembleConfig, store_path: Path) -> None:
    store = EnsembleStore.create(store_path, small, {})
    with exclusive(store.lock_file), pytest.raises(BlockingIOError, match=f"holds {store.lock_file}"):
        train_ensemble(small, store_path, progress=False)
    train_ensemble(small, store_path, progress=False)


def test_another_configuration_is_refused(small: EnsembleConfig, store_path: Path) -> None:
    EnsembleStore.create(store_path, small, {})
    other = small.model_copy(update={"epochs": 3, "optimizer": "sgd", "data_root": Path("elsewhere")})
    with pytest.raises(ValueError, match="made with another configuration") as error:
        train_ensemble(other, store_path, progress=False)
    assert str(error.value).endswith("configuration: epochs (2 there, 3 now), optimizer ('adam' there, 'sgd' now)")


def test_place_of_the_data_and_device_are_not_identity(small: EnsembleConfig, store_path: Path) -> None:
    train_ensemble(small, store_path, progress=False)
    train_ensemble(small.model_copy(update={"data_root": Path("elsewhere"), "device": "cpu:0"}), store_path, False)


def test_other_things_at_the_path_are_left_alone(small: EnsembleConfig, tmp_path: Path) -> None:
    folder, file, group = tmp_path / "folder", tmp_path / "file", tmp_path / "group"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")
    file.write_text("mine")
    zarr.open_group(group, mode="w").attrs["owner"] = "me"
    for path in (folder, file):
        with pytest.raises(ValueError, match="must be an ensemble, an empty folder or nothing"):
            train_ensemble(small, path, progress=False)
        with pytest.raises(ValueError, match="is not an ensemble"):
            open_ensemble(path)
    for refused in (lambda: train_ensemble(small, group, progress=False), lambda: open_ensemble(group)):
        with pytest.raises(ValueError, match=r"is not an ensemble \(KeyError: 'configuration'\)"):
            refused()
    assert (folder / "letter.txt").read_text() == file.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "group"]
    with pytest.raises(FileNotFoundError, match="no ensemble at"):
        open_ensemble(tmp_path / "nothing")


def test_an_empty_folder_is_used(small: EnsembleConfig, store_path: Path) -> None:
    store_path.mkdir()
    assert train_ensemble(small, store_path, progress=False).sizes["network"] == 10


def test_too_large_for_the_disk(store_path: Path) -> None:
    config = EnsembleConfig(networks=10**6, layers="all")
    with pytest.raises(OSError, match=r"the ensemble needs 1954\.56 GB more"):
        train_ensemble(config, store_path, progress=False)
    assert not store_path.exists()


def test_a_failed_write_leaves_finished_blocks_whole(small: EnsembleConfig, store_path: Path) -> None:
    """The second block cannot be written: its place is taken by something that is not a folder."""
    with pytest.raises(KeyboardInterrupt):
        train_ensemble(small, store_path, progress=interrupt_at(12))
    before = contents(store_path)
    (store_path / "weight_3" / "c" / "1").touch()
    with pytest.raises(OSError, match="weight_3"):
        train_ensemble(small, store_path, progress=False)
    (store_path / "weight_3" / "c" / "1").unlink()
    assert before.items() <= contents(store_path).items()
    assert train_ensemble(small, store_path, progress=False).sizes["network"] == 10


def test_unusable_device(small: EnsembleConfig, store_path: Path) -> None:
    with pytest.raises(ValueError, match="device: a device of this torch is required, got 'abacus'"):
        train_ensemble(small.model_copy(update={"device": "abacus"}), store_path, progress=False)
    assert not store_path.exists()


def damage(file: Path, kind: str) -> None:
    """Do to a file what disks and people do."""
    content = bytearray(file.read_bytes())
    if kind == "delete":
        file.unlink()
        return
    if kind == "flip":
        content[len(content) // 2] ^= 1
    file.write_bytes({"flip": content, "truncate": content[:-7], "empty": b""}[kind])


DAMAGES = ("flip", "truncate", "empty", "delete")


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("variable", ["weight_1", "test_loss"])
def test_a_damaged_chunk_is_named_never_used_and_trained_again(
    small: EnsembleConfig, store_path: Path, caplog: pytest.LogCaptureFixture, variable: str, kind: str
) -> None:
    train_ensemble(small, store_path, progress=False)
    whole = contents(store_path)
    ensemble = open_ensemble(store_path)
    file = next(file for file in (store_path / variable / "c" / "1").rglob("*") if file.is_file())
    damage(file, kind)

    named = re.escape(f"{file.relative_to(store_path).as_posix()} ({variable} of networks 4 to 7)")
    with pytest.raises(DamagedEnsembleError, match=named):
        ensemble[variable].load()
    with pytest.raises(DamagedEnsembleError, match=named):
        open_ensemble(store_path)[variable].load()
    damages = EnsembleStore(store_path, small).damages()
    assert [damage.networks for damage in damages] == [range(4, 8)]
    # the other networks can be read
    if kind != "delete":
        open_ensemble(store_path)[variable][:4].load()

    calls: list[int] = []
    train_ensemble(small, store_path, progress=lambda done, total: calls.append(done))
    assert calls == [12, 16, 20]
    assert re.search(named, caplog.text)
    assert contents(store_path) == whole


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_skeleton_is_named_and_written_again(small: EnsembleConfig, tmp_path: Path, kind: str) -> None:
    train_ensemble(small, tmp_path / "whole.zarr", progress=False)
    whole = contents(tmp_path / "whole.zarr")
    for name in ("zarr.json", "weight_1/zarr.json", "epoch/c/0", "blocks/skeleton.json"):
        path = Path(shutil.copytree(tmp_path / "whole.zarr", tmp_path / name.replace("/", "-")))
        damage(path / name, kind)
        with pytest.raises(DamagedEnsembleError, match=re.escape(name)):
            open_ensemble(path)
        train_ensemble(small, path, progress=False)
        assert contents(path) == whole


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_marker_does_not_count(small: EnsembleConfig, store_path: Path, kind: str) -> None:
    train_ensemble(small, store_path, progress=False)
    whole = contents(store_path)
    damage(store_path / "blocks" / "00001.done", kind)
    with pytest.raises(ValueError, match="is not finished: 2 of 3 blocks"):
        open_ensemble(store_path)
    train_ensemble(small, store_path, progress=False)
    assert contents(store_path) == whole


def test_a_chunk_that_was_written_anew_or_moved_is_not_the_ensembles(small: EnsembleConfig, store_path: Path) -> None:
    """With a checksum that is right: the marker of the block knows another."""
    train_ensemble(small, store_path, progress=False)
    whole = contents(store_path)
    zarr.open_group(store_path, mode="r+")["weight_1"][0, 0, 0, 0] = np.nan
    with pytest.raises(DamagedEnsembleError, match="is not the file that was written"):
        open_ensemble(store_path).weight_1.load()
    train_ensemble(small, store_path, progress=False)
    assert contents(store_path) == whole

    first, second = (store_path / "weight_1" / "c" / block / "0" / "0" / "0" for block in "01")
    shutil.copy(first, second)
    with pytest.raises(DamagedEnsembleError, match="is not the file that was written"):
        open_ensemble(store_path).weight_1.load()


def test_networks_that_diverged_have_files(store_path: Path) -> None:
    """A chunk of nothing but NaN is stored, so that one that is missing is known as missing."""
    config = EnsembleConfig(networks=2, epochs=1, block_size=2, optimizer="sgd", learning_rate=1e30)
    store = EnsembleStore.create(store_path, config, {})
    nothing = {name: np.full(2, np.nan, np.float32) for name in METRICS}
    weights = {k: np.full((2, 10, 10), np.nan, np.float32) for k in config.stored_layers}
    store.write(range(2), 0, [Snapshot(weights=weights, biases={}, **nothing)] * 2)
    store.mark_finished(range(2), "")
    assert not store.damages()
    assert np.isnan(open_ensemble(store_path).weight_1).all()
    (store_path / "weight_1" / "c" / "0" / "0" / "0" / "0").unlink()
    with pytest.raises(DamagedEnsembleError, match="is missing"):
        open_ensemble(store_path)


def as_an_earlier_version_made_it(path: Path, config: EnsembleConfig) -> None:
    """Without checksums: not in chunks, not in markers, and no record of the skeleton."""
    train_ensemble(config, path, progress=False)
    values = {name: variable.values for name, variable in open_ensemble(path).load().items()}
    there = Skeleton.read(path)
    old = path.with_name("old")
    write_skeleton(old, config, there.attributes, checksummed=False)
    group = zarr.open_group(old, mode="r+")
    for name, value in values.items():
        group[name][...] = value
    for block in config.blocks:
        marked = json.loads((path / "blocks" / f"{block.start // config.block_size:05d}.done").read_bytes())
        del marked["checksums"], marked["checksum"]
        (old / "blocks" / f"{block.start // config.block_size:05d}.done").write_text(json.dumps(marked) + "\n")
    (old / "blocks" / "skeleton.json").unlink()
    shutil.rmtree(path)
    old.rename(path)


def test_stores_of_earlier_versions_open_and_grow(small: EnsembleConfig, tmp_path: Path) -> None:
    path = tmp_path / "old.zarr"
    as_an_earlier_version_made_it(path, small)
    new = train_ensemble(small, tmp_path / "new.zarr", progress=False)
    assert open_ensemble(path).equals(new)
    assert not EnsembleStore(path, small).damages()
    larger = small.model_copy(update={"networks": 14})
    assert train_ensemble(larger, path, progress=False).isel(network=slice(10)).equals(new)
    chunk = path / "weight_1" / "c" / "0" / "0" / "0" / "0"
    damage(chunk, "truncate")
    with pytest.raises(DamagedEnsembleError, match="bytes instead of"):
        open_ensemble(path).weight_1.load()
    chunk.unlink()
    train_ensemble(larger, path, progress=False)
    # what this version trains in such a store has its checksum in the marker
    damage(chunk, "flip")
    with pytest.raises(DamagedEnsembleError, match="is not the file that was written"):
        open_ensemble(path).weight_1.load()


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_an_ensemble_grows(tmp_path: Path, engine: EngineName) -> None:
    """Only what is missing is trained, and the store is the one that training all at once makes."""
    config = EnsembleConfig(networks=8, block_size=4, epochs=2, engine=engine)
    larger = config.model_copy(update={"networks": 18})
    train_ensemble(config, tmp_path / "grown.zarr", progress=False)
    calls: list[int] = []
    train_ensemble(larger, tmp_path / "grown.zarr", progress=lambda done, total: calls.append(done))
    assert calls[0] == 16
    train_ensemble(larger, tmp_path / "whole.zarr", progress=False)
    assert contents(tmp_path / "grown.zarr") == contents(tmp_path / "whole.zarr")
    with pytest.raises(ValueError, match=r"networks \(18 there, 8 now\)"):
        train_ensemble(config, tmp_path / "grown.zarr", progress=False)


def test_killed_while_it_grows(small: EnsembleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any number of files of the new skeleton: the same call goes on."""
    larger = small.model_copy(update={"networks": 14})
    train_ensemble(small, tmp_path / "small.zarr", progress=False)
    whole = train_ensemble(larger, tmp_path / "whole.zarr", progress=False)
    replace = Path.replace
    for moment in range(0, 30, 4):
        path = Path(shutil.copytree(tmp_path / "small.zarr", tmp_path / f"{moment}.zarr"))
        moved = 0

        def until(file: Path, target: Path, moment: int = moment) -> Path:
            nonlocal moved
            if "session-" in str(file) and file.suffix != ".partial":
                moved += 1
                if moved > moment:
                    raise KeyboardInterrupt
            return replace(file, target)

        monkeypatch.setattr(Path, "replace", until)
        with suppress(KeyboardInterrupt):
            train_ensemble(larger, path, progress=False)
        monkeypatch.undo()
        assert train_ensemble(larger, path, progress=False).equals(whole)
        assert contents(path) == contents(tmp_path / "whole.zarr")


def test_a_store_that_appears_while_images_are_loaded(
    small: EnsembleConfig, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process made it meanwhile, and trains."""
    images_of = ensemble.images_of
    with ExitStack() as held:

        def slowly(*arguments: Any) -> LabelledData:
            store = EnsembleStore.create(store_path, small, {"engine": "numba", "threads": 1})
            held.enter_context(exclusive(store.lock_file))
            return images_of(*arguments)

        monkeypatch.setattr(ensemble, "images_of", slowly)
        with pytest.raises(BlockingIOError, match="another process works here"):
            train_ensemble(small, store_path, progress=False)
