"""Zarr stores of any making, of format 2 and 3, read through `GuardedStore`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....training.store.zarr_guard import GuardedStore
from .stored_array import FileRefused, StoredArray, label, reading

_FOREIGN = re.compile(r"Object at (.+?) is not recognized")


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr store.

    >>> is_zarr(Path("nowhere.zarr"))
    False
    """
    return any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup"))


def zarr_arrays(path: Path) -> Iterator[StoredArray]:
    """The arrays of a store, those of its groups included.

    A missing chunk is an error: zarr leaves out chunks that hold nothing but the fill value, and a store that lost one
    looks the same.

    Args:
        path: of the folder.

    Yields:
        The arrays; a store that is a single array gives one without a name.

    Raises:
        FileRefused: metadata or a chunk is refused or damaged; it names the file, or the variable and the block.
    """
    import zarr

    with reading(str(path)), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = zarr.open(GuardedStore(path), mode="r")
        arrays = [("", found)] if isinstance(found, zarr.Array) else list(found.members(max_depth=None))
    for warning in told:
        foreign = _FOREIGN.search(str(warning.message))
        if foreign and (path / foreign[1]).is_dir():
            raise FileRefused(f"{path}: the folder {foreign[1]} in it has no metadata of zarr")
    for name, array in arrays:
        if isinstance(array, zarr.Array):
            size = array.dtype.itemsize * array.size
            yield StoredArray(name, array.shape, size, lambda name=name, array=array: _load(path, name, array))  # type: ignore[misc]


def _load(path: Path, name: str, array: Any) -> NDArray[Any]:
    where = label(path, name)
    try:
        with reading(where):
            return np.asarray(array[...])
    except FileRefused:
        for block in np.ndindex(*array.cdata_shape):  # the first that cannot be read by itself is named
            with reading(f"{where}, block {'.'.join(map(str, block))}"):
                array.blocks[block]
        raise
