"""A zarr store whose metadata is checked in the very bytes that zarr parses, before zarr sees them.

Only numbers in chunks of known codecs are let through, so nothing in a store can run code; every size that the metadata
or a compressed chunk declares is checked before it is allocated.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any, Self

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from .limits import check_regular, check_size, parse_json

CODECS = ("bytes", "transpose", "blosc", "crc32c", "gzip", "zstd")  # of format 3
COMPRESSORS = ("blosc", "gzip", "lz4", "zlib", "zstd")  # of format 2
MOST_CHUNKS = 4_000_000

_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
_TYPE_3 = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)")
_TYPE_2 = re.compile(r"[<>|=]([iu][1248]|f[248]|b1)")
_MOST_AXES = 32


@dataclass(frozen=True)
class _Declared:
    """An array as its metadata declares it."""

    chunk_bytes: int
    compressor: str | None
    checksum: bool


class GuardedStore(LocalStore):
    """A folder as a zarr store, read only, that refuses everything but plain numbers.

    Refused are codecs other than `CODECS` and `COMPRESSORS`, filters, types that are no real numbers, chunks of no
    entries, of more bytes than PIGMM_READ_LIMIT or in a number of more than `MOST_CHUNKS`, chunks of another length
    than their metadata declares, pipes and devices.

    Args:
        root: of the store.
        read_only: must be true.
        chunks_required: whether missing chunks, and uncompressed ones of another length, are errors; otherwise whoever
            reads knows better which chunks there must be.

    Raises:
        ValueError: from the calls of zarr that read what is refused; it names the file.

    >>> import zarr
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     array = zarr.create_array(folder, shape=(4,), chunks=(2,), dtype="f8")
    ...     array[:2] = 1
    ...     zarr.open_array(GuardedStore(folder))[:].tolist()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: .../c/1: the chunk is missing; ...
    """

    def __init__(self, root: Path | str, *, read_only: bool = True, chunks_required: bool = True) -> None:
        if not read_only:
            raise ValueError("read_only must be true")
        super().__init__(root, read_only=True)
        self._chunks_required = chunks_required
        self._arrays: dict[str, _Declared] = {}

    def with_read_only(self, read_only: bool = True) -> Self:
        """The same store."""
        return type(self)(self.root, read_only=read_only, chunks_required=self._chunks_required)

    async def get(
        self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes under a key, checked."""
        self._check_before(key)
        return self._checked(key, await super().get(key, prototype, byte_range), byte_range)

    def get_sync(
        self, key: str, *, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes under a key, checked."""
        self._check_before(key)
        return self._checked(key, super().get_sync(key, prototype=prototype, byte_range=byte_range), byte_range)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """The bytes under several keys, checked."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    def _check_before(self, key: str) -> None:
        file = self.root / key
        if file.is_dir():  # no value, which zarr knows
            return
        check_regular(file)
        if file.is_file():
            check_size(str(file), file.stat().st_size)

    def _checked(self, key: str, value: Buffer | None, byte_range: ByteRequest | None) -> Buffer | None:
        folder, _, name = key.rpartition("/")
        where = str(self.root / key)
        if name in _METADATA:
            if value is not None:
                if byte_range is not None:
                    raise ValueError(f"{where}: metadata is read whole or not at all")
                self._arrays |= _declared(folder, name, parse_json(value.to_bytes(), where), where)
            return value
        declared = self._array_of(key)
        if declared is None:
            return value
        if value is None:
            if self._chunks_required:
                raise ValueError(
                    f"{where}: the chunk is missing; if it was left out because all its entries are the fill value, "
                    f"write the array with write_empty_chunks"
                )
            return None
        if declared.compressor is None and not self._chunks_required:
            return value
        if byte_range is not None:
            raise ValueError(f"{where}: chunks are read whole")
        _check_chunk(value.to_bytes(), declared, where)
        return value

    def _array_of(self, key: str) -> _Declared | None:
        parts = key.split("/")
        folders = ("/".join(parts[:n]) for n in range(len(parts) - 1, -1, -1))
        return next((self._arrays[folder] for folder in folders if folder in self._arrays), None)


def _declared(folder: str, name: str, content: dict[str, Any], where: str) -> dict[str, _Declared]:
    """The arrays that a file of metadata declares, by their folders; ValueError if one is refused."""
    if name == ".zarray":
        return {folder: _of_format_2(content, where)}
    found: dict[str, _Declared] = {}
    if name == ".zmetadata":
        for key, inner in _objects(content.get("metadata"), "metadata", where):
            path, _, kind = key.rpartition("/")
            if kind == ".zarray":
                found[_joined(folder, path)] = _of_format_2(inner, f"{where}, {key}")
    elif name == "zarr.json":
        if content.get("node_type") == "array":
            found[folder] = _of_format_3(content, where)
        consolidated = content.get("consolidated_metadata")
        if consolidated is not None:
            if not isinstance(consolidated, dict):
                raise ValueError(f"{where}: consolidated_metadata must be an object")
            for key, inner in _objects(consolidated.get("metadata"), "consolidated_metadata", where):
                found |= _declared(_joined(folder, key), name, inner, f"{where}, {key}")
    return found


def _joined(folder: str, path: str) -> str:
    return f"{folder}/{path}".strip("/")


def _objects(content: Any, name: str, where: str) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(content, dict) or not all(isinstance(inner, dict) for inner in content.values()):
        raise ValueError(f"{where}: {name} must be an object of objects")
    return list(content.items())


def _of_format_3(content: dict[str, Any], where: str) -> _Declared:
    kind = content.get("data_type")
    if not isinstance(kind, str) or not _TYPE_3.fullmatch(kind):
        raise ValueError(f"{where}: data_type must be real numbers, got {_short(kind)}")
    if content.get("storage_transformers"):
        raise ValueError(f"{where}: storage transformers are not read")
    codecs = content.get("codecs")
    if not isinstance(codecs, list):
        raise ValueError(f"{where}: codecs must be a list, got {_short(codecs)}")
    names = [codec.get("name") if isinstance(codec, dict) else codec for codec in codecs]
    for name in names:
        if name not in CODECS:
            raise ValueError(f"{where}: codecs must be among {', '.join(CODECS)}, got {_short(name)}")
    compressors = [name for name in names if name in COMPRESSORS]
    if len(compressors) > 1 or names.count("crc32c") > 1:
        raise ValueError(f"{where}: codecs must compress and sum up once at most, got {_short(names)}")
    checksum = "crc32c" in names
    if compressors and checksum and names.index("crc32c") < names.index(compressors[0]):
        raise ValueError(f"{where}: codecs must compress before they sum up, got {_short(names)}")
    grid = content.get("chunk_grid")
    options = grid.get("configuration") if isinstance(grid, dict) and grid.get("name") == "regular" else None
    if not isinstance(options, dict):
        raise ValueError(f"{where}: chunk_grid must be regular, got {_short(grid)}")
    entry = int(re.sub(r"\D", "", kind) or 8) // 8
    size = _chunk_bytes(content.get("shape"), options.get("chunk_shape"), entry, where)
    return _Declared(size, compressors[0] if compressors else None, checksum)


def _of_format_2(content: dict[str, Any], where: str) -> _Declared:
    kind = content.get("dtype")
    if not isinstance(kind, str) or not _TYPE_2.fullmatch(kind):
        raise ValueError(f"{where}: dtype must be real numbers, got {_short(kind)}")
    if content.get("filters"):
        raise ValueError(f"{where}: filters are not read, got {_short(content['filters'])}")
    compressor = content.get("compressor")
    name = compressor.get("id") if isinstance(compressor, dict) else compressor
    if (name is not None and name not in COMPRESSORS) or (compressor is not None and name is None):
        raise ValueError(f"{where}: compressor must be among {', '.join(COMPRESSORS)}, got {_short(compressor)}")
    size = _chunk_bytes(content.get("shape"), content.get("chunks"), int(kind[-1]), where)
    return _Declared(size, name, checksum=False)


def _chunk_bytes(shape: Any, chunks: Any, entry: int, where: str) -> int:
    for name, sizes, least in (("shape", shape, 0), ("chunks", chunks, 1)):
        fitting = isinstance(sizes, list) and len(sizes) <= _MOST_AXES
        if not fitting or not all(type(size) is int and least <= size < 2**63 for size in sizes):
            raise ValueError(f"{where}: {name} must be a list of integers of at least {least}, got {_short(sizes)}")
    if len(shape) != len(chunks):
        raise ValueError(f"{where}: chunks must have an entry an axis, got {_short(chunks)} for shape {_short(shape)}")
    count = prod(ceil(size / chunk) for size, chunk in zip(shape, chunks, strict=True))
    if count > MOST_CHUNKS:
        raise ValueError(f"{where}: at most {MOST_CHUNKS} chunks are read, got {count}")
    size: int = entry * prod(chunks)
    check_size(f"{where}, a chunk", size)
    return size


def _check_chunk(content: bytes, declared: _Declared, where: str) -> None:
    """Compare the length of a chunk, before it is decompressed, with what its array declares."""
    if declared.checksum:
        content = content[:-4]
    found = _length(content, declared.compressor, declared.chunk_bytes)
    if found != declared.chunk_bytes:
        raise ValueError(
            f"{where}: the chunk is damaged: it must hold {declared.chunk_bytes} bytes, "
            f"got {'what cannot be read' if found is None else found}"
        )


def _length(content: bytes, compressor: str | None, most: int) -> int | None:
    """How many bytes a chunk holds, as its first bytes declare it; None if they do not tell."""
    if compressor is None:
        return len(content)
    if compressor == "blosc":
        # the header tells both lengths, uncompressed and compressed
        whole = len(content) >= 16 and int.from_bytes(content[12:16], "little") == len(content)
        return int.from_bytes(content[4:8], "little") if whole else None
    if compressor == "lz4":
        return int.from_bytes(content[:4], "little") if len(content) >= 4 else None
    if compressor == "zstd":
        return _zstd_length(content)
    stream = zlib.decompressobj(wbits=47)  # gzip and zlib
    try:  # their formats declare no length: count, but not beyond one byte too many
        found = len(stream.decompress(content, most + 1))
    except zlib.error:
        return None
    return found if found > most or (stream.eof and not stream.unused_data) else None


def _zstd_length(content: bytes) -> int | None:
    """The content size that the header of a frame declares, if the frame is the only one (RFC 8878, section 3.1.1)."""
    if content[:4] != b"\x28\xb5\x2f\xfd" or len(content) < 6:
        return None
    descriptor = content[4]
    flag, single, checksum = descriptor >> 6, descriptor >> 5 & 1, descriptor >> 2 & 1
    if not flag and not single:
        return None
    begin = 5 + (1 - single) + (0, 1, 2, 4)[descriptor & 3]
    width = (1, 2, 4, 8)[flag]
    size = int.from_bytes(content[begin : begin + width], "little") + (256 if flag == 1 else 0)
    place, last = begin + width, False
    while not last and place + 3 <= len(content):
        header = int.from_bytes(content[place : place + 3], "little")
        last, repeated = bool(header & 1), header >> 1 & 3 == 1
        place += 3 + (1 if repeated else header >> 3)
    return size if last and place + 4 * checksum == len(content) else None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
