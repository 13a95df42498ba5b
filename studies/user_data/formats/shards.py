"""A network in several files, with an index in JSON that says which file has which tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ....training.store.limits import read_json
from .stored_array import FileRefused, StoredArray

SUFFIX = ".index.json"


def sharded_arrays(index: Path, read: Callable[[Path], Iterator[StoredArray]]) -> Iterator[StoredArray]:
    """The tensors of all files that an index names, such as `model.safetensors.index.json`.

    Args:
        index: of the file; the others lie beside it.
        read: gives the arrays of one of them.

    Yields:
        The arrays, file by file in the order of their names.

    Raises:
        FileRefused: the index is no map from tensors to files, a file is missing, or a tensor is not in its file; it
            names them.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     index = Path(folder) / "model.safetensors.index.json"
    ...     size = index.write_text('{"weight_map": {"a": "model-1.safetensors"}}')
    ...     list(sharded_arrays(index, lambda path: iter([])))
    Traceback (most recent call last):
        ...
    pigmm.studies.user_data.formats.stored_array.FileRefused: ... names model-1.safetensors, which is not beside it
    """
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(file, str) for file in places.values()):
        raise FileRefused(f"{index}: weight_map must be an object that gives the file of each tensor")
    files = sorted(set(places.values()))
    if outside := [file for file in files if Path(file).name != file]:
        raise FileRefused(f"{index}: files must lie beside the index, got {outside[0]!r}")
    if missing := [file for file in files if not (index.parent / file).is_file()]:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileRefused(f"{index} names {missing[0]}{more}, which is not beside it")
    found = set()
    for file in files:
        for stored in read(index.parent / file):
            found.add(stored.name)
            yield stored
    if lost := [name for name in places if name not in found]:
        raise FileRefused(f"{index}: the tensor {lost[0]} is not in {places[lost[0]]}")
