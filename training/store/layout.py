"""The files of a store: arrays and chunks, and the skeleton, the files that describe the arrays.

The skeleton follows from the configuration and the attributes. `blocks/skeleton.json`, its record, holds both once
more, and a checksum of each of its files: damage is noticed, and the skeleton can be written again. A store that an
earlier version made has no record, and no checksums in its chunks.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec
from zarr.errors import ZarrUserWarning

from ..config import EnsembleConfig
from ..snapshot import METRICS
from .limits import parse_json, read_bytes, read_json
from .whole_files import write_whole

CHUNK_BYTES = 2**24  # of the largest stored layer: files of at most 16 MB, unless a single matrix is larger
CHECKSUM_BYTES = 4  # at the end of a chunk's file, by zarr's codec crc32c
_NAME = re.compile(r"(?:\w[\w.]*/)*\w[\w.]*")  # of a file of the skeleton, which is below the store
_LARGEST_FILE = 2**30  # of the skeleton: an epoch in it has 16 bytes, so that this is far more than any has
BLOCKS = "blocks"  # a zarr group without members: a place inside the store that zarr knows about and leaves alone
RECORD = f"{BLOCKS}/skeleton.json"

Attributes = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Skeleton:
    """The configuration, attributes and files that a store declares.

    Args:
        config: of the ensemble.
        attributes: `versions`, `engine`, `threads`, `processor`.
        checksummed: whether the files of chunks end in a checksum.
        files: checksums of the skeleton's files by their name below the store; empty if there is no sound record.
    """

    config: EnsembleConfig
    attributes: Attributes
    checksummed: bool
    files: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> Skeleton:
        """Read the skeleton of the store at `path`, from its record, or if that is not sound from zarr's metadata.

        Args:
            path: folder of the store.

        Returns:
            The skeleton.

        Raises:
            ValueError: `path` is not an ensemble.
        """
        try:
            content = unsealed(read_json(path / RECORD))
            configuration = EnsembleConfig(**content["configuration"])
            if all(_NAME.fullmatch(name) for name in content["files"]):
                return cls(configuration, content["attributes"], content["checksummed"], content["files"])
        except (OSError, KeyError, TypeError, AttributeError, ValueError):
            pass
        try:
            metadata = read_json(path / "zarr.json")
            attributes = dict(metadata["attributes"])
            config = EnsembleConfig(**parse_json(attributes.pop("configuration").encode(), "configuration"))
            attributes.pop("coordinates", None)  # xarray's own
            codecs = metadata["consolidated_metadata"]["metadata"][METRICS[0]]["codecs"]
            return cls(config, attributes, any(codec["name"] == "crc32c" for codec in codecs), {})
        except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path} is not an ensemble ({type(error).__name__}: {error})") from error

    def damaged_files(self, path: Path) -> Iterator[tuple[str, str]]:
        """Files of the skeleton at `path` that are not what they were, with the reason."""
        if self.checksummed and not self.files:
            yield RECORD, "is damaged or missing"
        for name, expected in self.files.items():
            try:
                if checksum(read_bytes(path / name, _LARGEST_FILE)) != expected:
                    yield name, "does not match its checksum"
            except (OSError, ValueError):
                yield name, "is missing"


def is_ensemble(path: Path) -> bool:
    """Whether there is an ensemble, finished or not, at `path`: stores come into being whole, metadata included.

    >>> is_ensemble(Path("nowhere.zarr"))
    False
    """
    return (path / "zarr.json").is_file() or (path / RECORD).is_file()


def checksum(content: Any) -> int:
    """CRC-32C of bytes or of an array of them (RFC 3720, as in zarr's codec).

    >>> f"{checksum(b'123456789'):x}"
    'e3069283'
    """
    return int(google_crc32c.value(content))


def sealed(content: Mapping[str, Any]) -> bytes:
    """Write JSON with a checksum of itself.

    Args:
        content: without the key `checksum`.

    Returns:
        One line of JSON with the key `checksum`.

    >>> sealed({"first": 0})
    b'{"checksum": 632895231, "first": 0}\\n'
    """
    text = {"checksum": checksum(json.dumps(content, sort_keys=True).encode()), **content}
    return (json.dumps(text) + "\n").encode()


def unsealed(sealed_content: Mapping[str, Any]) -> dict[str, Any]:
    """Take the checksum off JSON that was `sealed`.

    Args:
        sealed_content: the parsed JSON.

    Returns:
        The content without the key `checksum`.

    Raises:
        ValueError: it is not what was written.

    >>> unsealed(json.loads(sealed({"first": 0})))
    {'first': 0}
    """
    content = {name: value for name, value in sealed_content.items() if name != "checksum"}
    if checksum(json.dumps(content, sort_keys=True).encode()) != sealed_content.get("checksum"):
        raise ValueError("the content does not match its checksum")
    return content


def array_names(config: EnsembleConfig) -> list[str]:
    """List the names of the arrays with values of every network.

    >>> array_names(EnsembleConfig(hidden=(4, 4), bias=True))[:2]
    ['weight_1', 'bias_1']
    """
    kinds = ("weight", "bias") if config.bias else ("weight",)
    return [*(f"{kind}_{k}" for kind in kinds for k in config.stored_layers), *METRICS]


def chunk_shape(config: EnsembleConfig) -> tuple[int, int]:
    """(networks, epochs) of a chunk: networks divides the block size, so that blocks share no file.

    >>> chunk_shape(EnsembleConfig())
    (50, 51)
    """
    matrix = 4 * max(prod(config.shapes[k]) for k in config.stored_layers)
    block = min(config.block_size, config.networks)
    networks = max(n for n in range(1, block + 1) if block % n == 0 and (n == 1 or n * matrix <= CHUNK_BYTES))
    epochs = min(max(1, CHUNK_BYTES // (networks * matrix)), len(config.snapshot_steps))
    return networks, epochs


def array_shape(config: EnsembleConfig, name: str) -> tuple[int, ...]:
    """Shape of what one network has at one epoch in the array `name`.

    >>> array_shape(EnsembleConfig(), "weight_1"), array_shape(EnsembleConfig(), "test_loss")
    ((10, 10), ())
    """
    kind, _, layer = name.partition("_")
    if kind not in ("weight", "bias"):
        return ()
    shape = config.shapes[int(layer)]
    return shape if kind == "weight" else shape[:1]


def chunk_files(config: EnsembleConfig, block: range) -> Iterator[tuple[str, int]]:
    """Each file of a block below the store, with the bytes of the numbers in it.

    >>> list(chunk_files(EnsembleConfig(networks=60), range(50, 60)))[0]
    ('weight_1/c/1/0/0/0', 1020000)
    """
    networks, epochs = chunk_shape(config)
    places = range(block.start // networks, ceil(block.stop / networks))
    times = range(ceil(len(config.snapshot_steps) / epochs))
    for name in array_names(config):
        shape = array_shape(config, name)
        for place, time in product(places, times):
            yield "/".join([name, "c", str(place), str(time), *"0" * len(shape)]), 4 * networks * epochs * prod(shape)


def write_skeleton(path: Path, config: EnsembleConfig, attributes: Attributes, checksummed: bool) -> None:
    """Write coordinates, attributes, empty arrays, and the record of all these.

    Args:
        path: of the store, which is not there yet.
        config: of the ensemble.
        attributes: of the ensemble, but for the configuration.
        checksummed: whether chunks have checksums; False for stores of earlier versions.
    """
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

    def declare(name: str, long_name: str, dims: tuple[str, ...] = ()) -> None:
        shape = array_shape(config, name)
        group.create_array(
            name,
            shape=(config.networks, len(steps), *shape),
            chunks=(*chunk_shape(config), *shape),
            dtype="float32",
            fill_value=float("nan"),
            compressors=Crc32cCodec() if checksummed else None,
            dimension_names=("network", "epoch", *dims),
            attributes={"long_name": long_name},
        )

    for k in config.stored_layers:
        dims = (f"row_{k}", f"col_{k}")
        declare(f"weight_{k}", f"weights of layer {k} (row: output unit, column: input unit)", dims)
        if config.bias:
            declare(f"bias_{k}", f"biases of layer {k}", dims[:1])
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
    files = sorted(file for file in path.rglob("*") if file.is_file())
    record = {
        "configuration": config.model_dump(mode="json"),
        "attributes": dict(attributes),
        "checksummed": checksummed,
        "files": {file.relative_to(path).as_posix(): checksum(file.read_bytes()) for file in files},
    }
    write_whole(path / RECORD, sealed(record), durable=True)
