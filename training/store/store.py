"""An ensemble on disk: a zarr store that plain `xarray.open_zarr` reads, filled block by block.

    zarr.json, weight_k/, train_loss/, ..., network/, epoch/, step/
    blocks/skeleton.json                        checksums of the files that say what the arrays are (see layout.py)
    blocks/00000.done, blocks/00001.done, ...   a block counts if and only if its marker is there and whole
    blocks/lock                                 held by the process that trains
    blocks/session-*/                           what a cluster works with while it trains (see cluster.py)

A process may be killed at any moment: a block without a marker is trained again and overwrites what it had written.
Each chunk ends in a checksum, and the marker of its block holds it once more: a chunk that is damaged or missing is
never used, and its block is trained again. Reading needs no torch.
"""

from __future__ import annotations

import errno
import glob
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import ceil, prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import xarray as xr
import zarr

from ..config import EngineName, EnsembleConfig
from ..initialisation import Pilot
from ..snapshot import METRICS, Snapshot
from .checks import CheckedStore, Damage, ExpectedChunk, damaged
from .layout import (
    BLOCKS,
    CHECKSUM_BYTES,
    RECORD,
    Attributes,
    Skeleton,
    array_names,
    array_shape,
    checksum,
    chunk_files,
    chunk_shape,
    sealed,
    unsealed,
    write_skeleton,
)
from .limits import read_json
from .whole_files import flush_to_disk, write_whole
from .zarr_guard import GuardedStore

LOG = logging.getLogger(__name__)

# of the system, when there is no room: these say neither where nor what
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_ensemble(path: Path | str) -> xr.Dataset:
    """Open a finished ensemble as a lazy dataset backed by the store.

    Args:
        path: folder of the store.

    Returns:
        Variables `weight_k` (network, epoch, row_k, col_k) float32 for the stored layers, if there are biases `bias_k`
        (network, epoch, row_k), `train_loss`, `train_accuracy`, `test_loss`, `test_accuracy` (network, epoch) float32;
        coordinates `network` (int), `epoch` (float, 0 is the initialisation) and `step` (int, along epoch); attributes
        `configuration` and `versions` (JSON), `engine`, `threads`, `processor`, and after a pilot run `initialisation`,
        the law of each layer that it found, and `pilot`, its rounds (JSON). Coordinates are in memory, the rest is read
        when it is used.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: not an ensemble, or not finished.
        DamagedEnsembleError: files are damaged or missing; of what is read later, when it is read. A ValueError too.

    >>> open_ensemble("nowhere.zarr")
    Traceback (most recent call last):
    FileNotFoundError: no ensemble at nowhere.zarr
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no ensemble at {path}")
    store = EnsembleStore(path, read_configuration(path))
    if missing := store.missing_blocks():
        total = len(store.config.blocks)
        raise ValueError(
            f"{path} is not finished: {total - len(missing)} of {total} blocks are trained; "
            f"call train_ensemble again with the same configuration to go on"
        )
    if damages := [*store.damaged_skeleton(), *store.missing_chunks()]:
        raise damaged(path, damages)
    files = CheckedStore(GuardedStore(path, chunks_required=False), store.expected_chunks())
    ensemble: xr.Dataset = xr.open_zarr(files, chunks=None)
    return ensemble


def read_configuration(path: Path) -> EnsembleConfig:
    """Read the configuration that a store was made with.

    Args:
        path: folder of the store.

    Returns:
        The configuration.

    Raises:
        ValueError: `path` is not an ensemble.
    """
    return Skeleton.read(path).config


def drawn_configuration(path: Path) -> EnsembleConfig:
    """The configuration of a store with the law that the initial weights were drawn from.

    It differs from `read_configuration` where a pilot run found the variances, which the store keeps.

    Args:
        path: folder of the store.

    Returns:
        The configuration.

    Raises:
        ValueError: `path` is not an ensemble, or the variances are not there.
    """
    skeleton = Skeleton.read(path)
    config = skeleton.config
    if Pilot.parse(config.initialisation) is None:
        return config
    found = skeleton.attributes.get("initialisation")
    if not isinstance(found, str) or Pilot.parse(found) is not None:
        raise ValueError(f"{path} must have the variances of its pilot run as attribute initialisation, got {found!r}")
    return EnsembleConfig(**{**config.model_dump(), "initialisation": found})


def engine_of(path: Path) -> tuple[EngineName, int | None]:
    """Engine and number of threads of the ensemble at `path`; stores from before there were two engines are torch's."""
    attributes: Mapping[str, Any] = Skeleton.read(path).attributes
    return attributes.get("engine", "torch"), attributes.get("threads")


@dataclass(frozen=True)
class EnsembleStore:
    """The store of an ensemble that may be unfinished.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     store = EnsembleStore.create(Path(folder) / "e.zarr", EnsembleConfig(networks=120), attributes={})
    ...     store.missing_blocks()
    (range(0, 50), range(50, 100), range(100, 120))
    """

    path: Path
    config: EnsembleConfig

    @classmethod
    def create(cls, path: Path, config: EnsembleConfig, attributes: Attributes) -> EnsembleStore:
        """Make an empty store at `path`, which must not exist or be an empty folder.

        The store is made beside the path and renamed, so a store at `path` is always a whole one.

        Args:
            path: folder of the new store.
            config: of the ensemble.
            attributes: further facts about the run, such as versions; they become attributes of the zarr group.

        Returns:
            The store.

        Raises:
            OSError: `path` is not writable.
            ValueError: something else is at `path`.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise ValueError(f"{path} must be an ensemble, an empty folder or nothing; it is something else")
        draft = path.parent / f".{path.name}.{uuid4().hex}"
        try:
            with _naming_what_failed(path, "the empty arrays were written"):
                write_skeleton(draft, config, attributes, checksummed=True)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return cls(path, config)

    @classmethod
    def resume(cls, path: Path, config: EnsembleConfig) -> EnsembleStore:
        """Open the store at `path`, made with all or a part of this configuration (but for data_root and device).

        If the store has fewer networks than the configuration, the others are missing blocks; `mend` makes room for
        them.

        Args:
            path: folder of the store.
            config: of the ensemble that is asked for.

        Returns:
            The store.

        Raises:
            ValueError: not an ensemble, or another one; names the fields that differ.
        """
        there = read_configuration(path)
        differences = there.differences(config)
        if differences and not there.grows_to(config):
            listed = ", ".join(f"{name} ({was!r} there, {now!r} now)" for name, (was, now) in differences.items())
            raise ValueError(f"{path} was made with another configuration: {listed}")
        return cls(path, config)

    @property
    def lock_file(self) -> Path:
        """The file that a training process holds locked."""
        return self.path / BLOCKS / "lock"

    @property
    def snapshots_per_chunk(self) -> int:
        """Snapshots to be written together."""
        return chunk_shape(self.config)[1]

    def missing_blocks(self) -> tuple[range, ...]:
        """The blocks, as ranges of networks, that have no whole marker."""
        found = self._markers()
        return tuple(block for block in self.config.blocks if self._marked(block, found) is None)

    @property
    def identity(self) -> str:
        """Hash of the ensemble's content: configuration, engine, versions, and the checksums of finished blocks."""
        digest = sha256()
        skeleton = Skeleton.read(self.path)
        config = skeleton.config.model_dump(mode="json", exclude={"data_root", "device"})
        digest.update(json.dumps([config, dict(skeleton.attributes)], sort_keys=True).encode())
        found = self._markers()
        for block in self.config.blocks:
            digest.update(json.dumps(self._marked(block, found), sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def expected_chunks(self) -> dict[str, ExpectedChunk]:
        """The checksums of the files of all finished blocks, by their names below the store."""
        checksummed = Skeleton.read(self.path).checksummed
        expected, found = {}, self._markers()
        for block in self.config.blocks:
            if (marked := self._marked(block, found)) is not None:
                sums = marked.get("checksums", {})
                for name, size in chunk_files(self.config, block):
                    expected[name] = ExpectedChunk(block, size, checksummed, sums.get(name))
        return expected

    def damaged_skeleton(self) -> list[Damage]:
        """Files of the skeleton that are damaged or missing."""
        return [Damage(*found) for found in Skeleton.read(self.path).damaged_files(self.path)]

    def missing_chunks(self) -> list[Damage]:
        """Files of finished blocks that are not there."""
        chunks = self.expected_chunks().items()
        return [
            Damage(name, "is missing", chunk.networks) for name, chunk in chunks if not (self.path / name).is_file()
        ]

    def damages(self) -> list[Damage]:
        """All damage that can be found: every file is read. None of blocks that are not finished."""
        found = self.damaged_skeleton()
        for name, chunk in self.expected_chunks().items():
            if (fault := chunk.fault_of(self.path / name)) is not None:
                found.append(Damage(name, fault, chunk.networks))
        return found

    def mend(self) -> None:
        """Prepare the store for the training of missing blocks; the caller holds the lock.

        The skeleton is written again if it is damaged, or if the configuration has more networks than the store. Blocks
        of which a file is damaged lose their marker. Each damage is said by a warning of the logger.
        """
        damages = self.damages()
        for damage in damages:
            LOG.warning("%s: %s; the damaged part is made again", self.path, damage)
        there = Skeleton.read(self.path)
        if there.config.networks != self.config.networks or any(damage.networks is None for damage in damages):
            self._write_skeleton_again(there)
        for block in {damage.networks for damage in damages if damage.networks is not None}:
            self._marker(block).unlink(missing_ok=True)

    def _write_skeleton_again(self, there: Skeleton) -> None:
        """The record first: whatever comes after it is known as damaged if we are killed before it is written."""
        draft = self.session_folder()
        try:
            config = there.config.model_copy(update={"networks": self.config.networks})
            write_skeleton(draft, config, there.attributes, there.checksummed)
            files = [file for file in draft.rglob("*") if file.is_file()]
            for file in sorted(files, key=lambda file: file != draft / RECORD):
                place = self.path / file.relative_to(draft)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def write(self, block: range, first: int, snapshots: Sequence[Snapshot]) -> None:
        """Write consecutive snapshots of a block; networks beyond the block's range (the padding) are left out.

        The first snapshot of a block first removes what the store has of the block, because zarr reads a chunk before
        it fills a part of it.

        Args:
            block: numbers of the networks.
            first: place of the first snapshot among the epochs of the store, 0 for the initial weights.
            snapshots: of consecutive epochs.

        Raises:
            OSError: the disk is full or not writable. Blocks already marked are in other files and stay whole.
        """
        with _naming_what_failed(self.path, _written(block)):
            if first == 0:
                self._remove(block)
            # a chunk of nothing but NaN, of networks that diverged, has a file too: one that is not there is missing
            with zarr.config.set({"array.write_empty_chunks": True}):
                self._write(block, first, snapshots)

    def _write(self, block: range, first: int, snapshots: Sequence[Snapshot]) -> None:
        group = zarr.open_group(self.path, mode="r+")
        region = slice(block.start, block.stop), slice(first, first + len(snapshots))
        values = {name: [getattr(snapshot, name) for snapshot in snapshots] for name in METRICS}
        values |= {f"weight_{k}": [snapshot.weights[k] for snapshot in snapshots] for k in self.config.stored_layers}
        if self.config.bias:
            values |= {f"bias_{k}": [snapshot.biases[k] for snapshot in snapshots] for k in self.config.stored_layers}
        for name, states in values.items():
            array = group[name]
            assert isinstance(array, zarr.Array)
            array[region] = np.stack(states, axis=1, dtype=np.float32)[: len(block)]

    def mark_finished(self, block: range, processor: str) -> None:
        """Say that a block is completely written: a marker with its networks, processor and checksums.

        All of it is on the disk before the marker has its name.
        """
        checksummed = Skeleton.read(self.path).checksummed
        with _naming_what_failed(self.path, _written(block)):
            sums = {}
            for name, _ in chunk_files(self.config, block):
                content = (self.path / name).read_bytes()
                sums[name] = checksum(content[:-CHECKSUM_BYTES] if checksummed else content)
                flush_to_disk(self.path / name)
            marked = {"first": block.start, "stop": block.stop, "processor": processor, "checksums": sums}
            write_whole(self._marker(block), sealed(marked), durable=True)

    def files(self, block: range) -> list[Path]:
        """The files that hold the arrays of a block, and no other's."""
        networks = chunk_shape(self.config)[0]
        chunks = range(block.start // networks, ceil(block.stop / networks))
        folders = [self.path / name / "c" / str(chunk) for name in array_names(self.config) for chunk in chunks]
        return [file for folder in folders for file in folder.rglob("*") if file.is_file()]

    def take_over(self, draft: EnsembleStore, block: range) -> None:
        """Move the files of a block here from a store of the same configuration on the same file system."""
        self._remove(block)
        for file in draft.files(block):
            place = self.path / file.relative_to(draft.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)

    def _remove(self, block: range) -> None:
        for file in self.files(block):
            file.unlink()

    def session_folder(self) -> Path:
        """A new name for what a cluster needs while it trains; nothing in it counts."""
        return self.path.absolute() / BLOCKS / f"session-{uuid4().hex}"

    def remove_leftovers(self) -> None:
        """Remove sessions and drafts that ended processes left; the caller holds the lock.

        A process that is just making a draft of a store for this place comes too late with it in any case.
        """
        drafts = self.path.absolute().parent.glob(f".{glob.escape(self.path.name)}.{'[0-9a-f]' * 32}")
        for folder in (*(self.path / BLOCKS).glob("session-*"), *drafts):
            shutil.rmtree(folder, ignore_errors=True)

    def bytes_on_disk(self) -> int:
        """Size of the finished store, without the few kB of metadata. Weights hardly compress, so they are not.

        >>> EnsembleStore(Path(), EnsembleConfig()).bytes_on_disk()  # 1000 networks, 51 snapshots of 3 x 10 x 10
        62016000
        """
        networks, epochs = chunk_shape(self.config)
        snapshots = (
            networks * ceil(self.config.networks / networks) * epochs * ceil(len(self.config.snapshot_steps) / epochs)
        )
        numbers = sum(prod(array_shape(self.config, name)) for name in array_names(self.config))
        return snapshots * 4 * numbers

    def check_room(self) -> None:
        """Compare what the missing blocks need with what is free where the store is, or will be.

        Raises:
            OSError: there is not enough room.
        """
        required = self.bytes_on_disk() * len(self.missing_blocks()) // len(self.config.blocks)
        folder = next(place for place in (self.path, *self.path.absolute().parents) if place.exists())
        free = shutil.disk_usage(folder).free
        if required > free:
            message = f"the ensemble needs {_in_bytes(required)} more, {_in_bytes(free)} are free"
            raise OSError(errno.ENOSPC, message, str(folder))

    def _marker(self, block: range) -> Path:
        return self.path / BLOCKS / f"{block.start // self.config.block_size:05d}.done"

    def _markers(self) -> set[str]:
        """Names of the markers that are there: one listing, however many blocks a configuration declares."""
        return {file.name for file in (self.path / BLOCKS).glob("*.done")}

    def _marked(self, block: range, names: set[str]) -> dict[str, Any] | None:
        """What the marker of a block says; None if it is not among the names, not whole, or of other networks."""
        marker = self._marker(block)
        if marker.name not in names:
            return None
        try:
            marked: dict[str, Any] = read_json(marker)
            if marked.keys() != {"first", "stop", "processor"}:  # as an earlier version wrote it
                marked = unsealed(marked)
            return marked if (marked["first"], marked["stop"]) == (block.start, block.stop) else None
        except (OSError, KeyError, ValueError):
            return None


def _in_bytes(size: int) -> str:
    """A size with its unit.

    >>> _in_bytes(1_954_560_000_000), _in_bytes(4_321_000)
    ('1954.56 GB', '4.32 MB')
    """
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.2f} MB"


def _written(block: range) -> str:
    return f"networks {block.start} to {block.stop - 1} were written; what was finished before is kept"


@contextmanager
def _naming_what_failed(path: Path, what: str) -> Iterator[None]:
    """Name the path of the store, and what was done, in the error of a full disk, which has neither."""
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and error.errno not in _FULL):
            raise
        message = f"{os.strerror(error.errno)} while {what}, and the same call or command goes on"
        raise OSError(error.errno, message, str(path)) from error
