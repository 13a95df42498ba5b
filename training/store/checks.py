"""Chunks of a finished ensemble are checked as they are read: a damaged or missing one is an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore, WrapperStore

from .layout import CHECKSUM_BYTES, checksum
from .limits import read_bytes


class DamagedEnsembleError(ValueError):
    """Files of an ensemble are damaged or missing."""


@dataclass(frozen=True)
class ExpectedChunk:
    """The size and checksum that a chunk's file must have.

    Args:
        networks: whose values are in it.
        bytes: of its numbers.
        checksummed: whether the checksum stands after the numbers.
        checksum: of the numbers, by the marker of the block; None if an earlier version wrote it.
    """

    networks: range
    bytes: int
    checksummed: bool
    checksum: int | None

    def fault(self, content: Any) -> str | None:
        """Describe the damage of a file of this content (bytes, or an array of them); None if there is none."""
        size = self.bytes + CHECKSUM_BYTES * self.checksummed
        if len(content) != size:
            return f"has {len(content)} bytes instead of {size}"
        found = checksum(content[: self.bytes])
        if self.checksummed and found.to_bytes(CHECKSUM_BYTES, "little") != bytes(content[self.bytes :]):
            return "does not match its checksum"
        if self.checksum is not None and self.checksum != found:
            return "is not the file that was written: its checksum is another"
        return None

    def fault_of(self, file: Path) -> str | None:
        """Describe the damage of a file; None if there is none. No more of it is read than it must have."""
        size = self.bytes + CHECKSUM_BYTES * self.checksummed
        try:
            there = file.stat().st_size
            if file.is_file() and there > size:
                return f"has {there} bytes instead of {size}"
            return self.fault(read_bytes(file, size))
        except FileNotFoundError:
            return "is missing"
        except ValueError:
            return "is no regular file"
        except OSError as error:
            return f"cannot be read ({error.strerror})"


@dataclass(frozen=True)
class Damage:
    """A damaged or missing file of a store.

    Args:
        file: its name below the store.
        fault: the damage in words.
        networks: whose values are lost with it; None: it belongs to no block.

    >>> print(Damage("weight_1/c/0/0/0/0", "is missing", range(50)))
    weight_1/c/0/0/0/0 (weight_1 of networks 0 to 49) is missing
    """

    file: str
    fault: str
    networks: range | None = None

    def __str__(self) -> str:
        if self.networks is None:
            return f"{self.file} {self.fault}"
        first, last = self.networks.start, self.networks.stop - 1
        return f"{self.file} ({self.file.split('/')[0]} of networks {first} to {last}) {self.fault}"


def damaged(path: Path, damages: list[Damage]) -> DamagedEnsembleError:
    """The error about damages of the store at `path`, in one line."""
    more = f" and {len(damages) - 2} more files" if len(damages) > 2 else ""
    listed = "; ".join(str(damage) for damage in damages[:2])
    return DamagedEnsembleError(
        f"{path} is damaged and not used: {listed}{more}; `pigmm study` or `pigmm train` with the options of the run, "
        "or train_ensemble, makes what is damaged again, with the same bits"
    )


class CheckedStore(WrapperStore[LocalStore]):
    """The files of a store for reading, through zarr; chunks are checked.

    Args:
        store: the files.
        chunks: the expected size and checksum of each chunk's file, by its name below the store.
    """

    def __init__(self, store: LocalStore, chunks: Mapping[str, ExpectedChunk]) -> None:
        super().__init__(store)
        self._chunks = chunks

    def with_read_only(self, read_only: bool = False) -> CheckedStore:
        """The same files, to be read only or not."""
        return CheckedStore(self._store.with_read_only(read_only), self._chunks)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The content of a file, or a part of it; None if it is not there and no chunk of a block.

        Args:
            key: of the chunk in the store.
            prototype: of the buffer, as zarr gives it.
            byte_range: the part to read; None for all.

        Returns:
            The bytes; None if there is no such key.

        Raises:
            DamagedEnsembleError: it is a chunk that is damaged or missing.
        """
        content = await super().get(key, prototype)
        if (expected := self._chunks.get(key)) is not None:
            fault = "is missing" if content is None else expected.fault(content.as_numpy_array())
            if fault is not None:
                raise damaged(self._store.root, [Damage(key, fault, expected.networks)])
        return content if byte_range is None else await super().get(key, prototype, byte_range)
