"""An ensemble on disk: a zarr store that plain `xarray.open_zarr` reads, filled block by block.

    zarr.json, weight_k/, train_loss/, ..., network/, epoch/, step/
    blocks/00000.done, blocks/00001.done, ...   a block counts if and only if its marker is there
    blocks/lock                                 held (flock) by the process that trains
    blocks/session-*/                           what a cluster works with while it trains (see cluster.py)

A process may be killed at any moment: a block without a marker is trained again and overwrites what it had written.
Reading needs no torch.
"""

from __future__ import annotations

import errno
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from uuid import uuid4

import numpy as np
import xarray as xr
import zarr
from zarr.errors import ZarrUserWarning

from ..config import EngineName, EnsembleConfig
from ..snapshot import METRICS, Snapshot

CHUNK_BYTES = 2**24  # of the largest stored layer: files of at most 16 MB, unless a single matrix is larger
BLOCKS = "blocks"  # a zarr group without members: a place inside the store that zarr knows about and leaves alone


def open_ensemble(path: Path | str) -> xr.Dataset:
    """A finished ensemble, as a lazy dataset backed by the store.

    Variables `weight_k` (network, epoch, row_k, col_k) float32 for the stored layers, if there are biases `bias_k`
    (network, epoch, row_k), `train_loss`, `train_accuracy`,
    `test_loss`, `test_accuracy` (network, epoch) float32; coordinates `network` (int), `epoch` (float, 0 is the
    initialisation) and `step` (int, along epoch); attributes `configuration` and `versions` (JSON), `engine`,
    `threads`, `processor`. Coordinates are in memory, the rest is read when it is used.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: not an ensemble, or not finished.

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
    ensemble: xr.Dataset = xr.open_zarr(path, chunks=None)
    return ensemble


def is_ensemble(path: Path) -> bool:
    """Whether there is an ensemble, finished or not, at `path`: stores come into being whole, metadata included.

    >>> is_ensemble(Path("nowhere.zarr"))
    False
    """
    return (path / "zarr.json").is_file()


def read_configuration(path: Path) -> EnsembleConfig:
    """The configuration that a store was made with.

    Raises:
        ValueError: `path` is not an ensemble.
    """
    try:
        attributes = json.loads((path / "zarr.json").read_bytes())["attributes"]
        return EnsembleConfig(**json.loads(attributes["configuration"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not an ensemble ({type(error).__name__}: {error})") from error


def engine_of(path: Path) -> tuple[EngineName, int | None]:
    """Engine and number of threads of the ensemble at `path`; stores from before there were two engines are torch's."""
    attributes = json.loads((path / "zarr.json").read_bytes())["attributes"]
    return attributes.get("engine", "torch"), attributes.get("threads")


@dataclass(frozen=True)
class EnsembleStore:
    """The store of an ensemble that may be unfinished.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     store = EnsembleStore.create(Path(folder) / "e.zarr", EnsembleConfig(networks=120), attributes={})
    ...     store.mark_finished(range(50, 100), processor="x86_64 AVX2")
    ...     store.missing_blocks()
    (range(0, 50), range(100, 120))
    """

    path: Path
    config: EnsembleConfig

    @classmethod
    def create(cls, path: Path, config: EnsembleConfig, attributes: Mapping[str, str | int]) -> EnsembleStore:
        """Make an empty store at `path`, which must not exist or be an empty folder.

        It is made beside it and renamed, so that a store at `path` is always a whole one.

        Raises:
            OSError: `path` is not writable.
            ValueError: something else is at `path`.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise ValueError(f"{path} must be an ensemble, an empty folder or nothing; it is something else")
        draft = path.parent / f".{path.name}.{uuid4().hex}"
        try:
            _write_skeleton(draft, config, attributes)
            draft.rename(path)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return cls(path, config)

    @classmethod
    def resume(cls, path: Path, config: EnsembleConfig) -> EnsembleStore:
        """The store at `path`, if it was made with this configuration (but for data_root and device).

        Raises:
            ValueError: not an ensemble, or another one; names the fields that differ.
        """
        differences = read_configuration(path).differences(config)
        if differences:
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
        return _chunks(self.config)[1]

    def missing_blocks(self) -> tuple[range, ...]:
        """The blocks, as ranges of networks, that have no marker."""
        return tuple(block for block in self.config.blocks if not self._marker(block).exists())

    def write(self, block: range, first: int, snapshots: Sequence[Snapshot]) -> None:
        """Write consecutive snapshots of a block; networks beyond the block's range (the padding) are left out.

        Raises:
            OSError: the disk is full or not writable. Blocks already marked are in other files and stay whole.
        """
        with self._naming_what_failed(block):
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
        """Say that a block is completely written: a marker with its networks and processor, renamed into place."""
        marker = self._marker(block)
        draft = marker.with_suffix(".tmp")
        with self._naming_what_failed(block):
            draft.write_text(json.dumps({"first": block.start, "stop": block.stop, "processor": processor}) + "\n")
        draft.replace(marker)

    @contextmanager
    def _naming_what_failed(self, block: range) -> Iterator[None]:
        """The error of a disk that is full says neither where nor what."""
        try:
            yield
        except OSError as error:
            if error.filename is not None or error.errno is None:
                raise
            message = (
                f"{error.strerror} while networks {block.start} to {block.stop - 1} were written; what was finished "
                "before is kept, and the same call or command goes on"
            )
            raise OSError(error.errno, message, str(self.path)) from error

    def files(self, block: range) -> list[Path]:
        """The files that hold the arrays of a block, and no other's."""
        networks = _chunks(self.config)[0]
        chunks = range(block.start // networks, ceil(block.stop / networks))
        folders = [self.path / name / "c" / str(chunk) for name in _names(self.config) for chunk in chunks]
        return [file for folder in folders for file in folder.rglob("*") if file.is_file()]

    def take_over(self, draft: EnsembleStore, block: range) -> None:
        """Move the files of a block here from a store of the same configuration on the same file system."""
        for file in self.files(block):  # of an interrupted training; chunks of nothing but NaN have no file
            file.unlink()
        for file in draft.files(block):
            place = self.path / file.relative_to(draft.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            file.replace(place)

    def session_folder(self) -> Path:
        """A new name for what a cluster needs while it trains; nothing in it counts."""
        return self.path.absolute() / BLOCKS / f"session-{uuid4().hex}"

    def remove_sessions(self) -> None:
        """Those that were left behind; the caller holds the lock."""
        for folder in (self.path / BLOCKS).glob("session-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def bytes_on_disk(self) -> int:
        """Size of the finished store, without the few kB of metadata. Weights hardly compress, so they are not.

        >>> EnsembleStore(Path(), EnsembleConfig()).bytes_on_disk()  # 1000 networks, 51 snapshots of 3 x 10 x 10
        62016000
        """
        networks, epochs = _chunks(self.config)
        snapshots = (
            networks * ceil(self.config.networks / networks) * epochs * ceil(len(self.config.snapshot_steps) / epochs)
        )
        numbers = sum(
            rows * (columns + self.config.bias)
            for rows, columns in map(self.config.shapes.__getitem__, self.config.stored_layers)
        )
        return snapshots * 4 * (numbers + len(METRICS))

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


def _in_bytes(size: int) -> str:
    """A size with its unit.

    >>> _in_bytes(1_954_560_000_000), _in_bytes(4_321_000)
    ('1954.56 GB', '4.32 MB')
    """
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.2f} MB"


def _names(config: EnsembleConfig) -> list[str]:
    """Of the arrays with values of every network."""
    kinds = ("weight", "bias") if config.bias else ("weight",)
    return [*(f"{kind}_{k}" for kind in kinds for k in config.stored_layers), *METRICS]


def _chunks(config: EnsembleConfig) -> tuple[int, int]:
    """(networks, epochs) of a chunk: networks divides the block size, so that blocks share no file."""
    matrix = 4 * max(prod(config.shapes[k]) for k in config.stored_layers)
    block = min(config.block_size, config.networks)
    networks = max(n for n in range(1, block + 1) if block % n == 0 and (n == 1 or n * matrix <= CHUNK_BYTES))
    epochs = min(max(1, CHUNK_BYTES // (networks * matrix)), len(config.snapshot_steps))
    return networks, epochs


def _write_skeleton(path: Path, config: EnsembleConfig, attributes: Mapping[str, str | int]) -> None:
    """Coordinates, attributes and empty arrays."""
    steps = np.array(config.snapshot_steps)
    coordinates = xr.Dataset(
        coords={
            "network": ("network", np.arange(config.networks), {"long_name": "network"}),
            "epoch": (
                "epoch",
                steps / config.steps_per_epoch,
                {"long_name": "epochs of training, 0 is the initialisation"},
            ),
            "step": ("epoch", steps, {"long_name": "optimiser steps"}),
        },
        attrs={"configuration": config.model_dump_json(), **attributes},
    )
    coordinates.to_zarr(path, mode="w", zarr_format=3, consolidated=False)

    group = zarr.open_group(path, mode="r+")
    chunks = _chunks(config)

    def declare(name: str, long_name: str, dims: tuple[str, ...] = (), shape: tuple[int, ...] = ()) -> None:
        group.create_array(
            name,
            shape=(config.networks, len(steps), *shape),
            chunks=(*chunks, *shape),
            dtype="float32",
            fill_value=float("nan"),
            compressors=None,
            dimension_names=("network", "epoch", *dims),
            attributes={"long_name": long_name},
        )

    for k in config.stored_layers:
        dims = (f"row_{k}", f"col_{k}")
        declare(f"weight_{k}", f"weights of layer {k} (row: output unit, column: input unit)", dims, config.shapes[k])
        if config.bias:
            declare(f"bias_{k}", f"biases of layer {k}", dims[:1], config.shapes[k][:1])
    for name in METRICS:
        part, quantity = name.split("_")
        kind = "running mean since the snapshot before" if part == "train" else "with these weights"
        declare(name, f"{quantity} on the {part} set, {kind}")

    group.create_group(BLOCKS)
    with warnings.catch_warnings():
        # Readers of format 3 agree on how consolidated metadata is kept, its specification does not stand yet. The
        # metadata never changes, and with it xarray.open_zarr needs no listing of the folder and does not warn.
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(path)
