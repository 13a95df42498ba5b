"""Files of numpy: .npy, and .npz, which is a zip archive of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .stored_array import FileRefused, StoredArray, label, reading

_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06")  # the second is an empty one
_ENCRYPTED = 1
_METHODS = (ZIP_STORED, ZIP_DEFLATED)  # numpy's own; Python unpacks the others without a limit
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_PICKLED = "holds pickled objects, which is refused because unpickling runs code"


def numpy_arrays(path: Path) -> Iterator[StoredArray]:
    """The arrays of a .npy or .npz file; which of them it is, its first bytes tell.

    Args:
        path: of the file.

    Yields:
        One array without a name, or the members of the archive.

    Raises:
        FileRefused: the file is something else, cut off, encrypted, or holds pickled objects; it names the member.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/a.npz", x=np.zeros((2, 4, 4)))
    ...     [(array.name, array.shape) for array in numpy_arrays(Path(folder) / "a.npz")]
    [('x', (2, 4, 4))]
    """
    with path.open("rb") as file:
        beginning = file.read(len(npy.MAGIC_PREFIX))
    if beginning == npy.MAGIC_PREFIX:
        with reading(str(path)), path.open("rb") as file:
            shape, dtype = _header(file, str(path))
            there, declared = os.fstat(file.fileno()).st_size - file.tell(), dtype.itemsize * prod(shape)
            if there != declared:
                raise FileRefused(f"{path} is damaged: its header declares {declared} bytes of entries, got {there}")
        yield StoredArray("", shape, declared, lambda: _load(path))
    elif beginning.startswith(_ARCHIVES):
        yield from _members(path)
    else:
        raise FileRefused(f"{path} is not a file of numpy's (.npy or .npz): its first bytes are others")


def _members(path: Path) -> Iterator[StoredArray]:
    with reading(str(path)), ZipFile(path) as archive:
        members = archive.infolist()
    if double := [name for name, count in Counter(member.filename for member in members).items() if count > 1]:
        raise FileRefused(f"{path} holds several members of the name {double[0]!r}")
    for member in members:
        name = member.filename.removesuffix(".npy")
        where = label(path, name)
        if member.flag_bits & _ENCRYPTED:
            raise FileRefused(f"{where}: is encrypted")
        if member.compress_type not in _METHODS:
            raise FileRefused(
                f"{where}: must be stored or deflated, as numpy does, got method {member.compress_type} of compression"
            )
        with reading(where), ZipFile(path) as archive, archive.open(member) as file:
            shape, dtype = _header(file, where)
        declared = dtype.itemsize * prod(shape)
        yield StoredArray(name, shape, declared, lambda where=where, member=member: _load_member(path, where, member))  # type: ignore[misc]


def _header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype; the file is left at the first entry."""
    if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
        raise FileRefused(f"{where}: is no array of numpy's: its first bytes are others")
    version = tuple(file.read(2))
    if version not in _HEADERS:
        raise FileRefused(f"{where}: must be of version 1.0 or 2.0 of the format, got {'.'.join(map(str, version))}")
    shape, _, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise FileRefused(f"{where}: {_PICKLED}")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise FileRefused(f"{where}: must have a shape of integers that are not negative, got {shape}")
    return shape, dtype


def _load(path: Path) -> NDArray[Any]:
    with reading(str(path)), path.open("rb") as file:
        return npy.read_array(file, allow_pickle=False)


def _load_member(path: Path, where: str, member: ZipInfo) -> NDArray[Any]:
    with reading(where), ZipFile(path) as archive, archive.open(member) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        if file.read(1):  # which also compares the checksum of the archive
            raise FileRefused(f"{where}: is damaged: it goes on after the entries that its header declares")
        return array
