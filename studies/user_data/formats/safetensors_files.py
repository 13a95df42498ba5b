"""Files of safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....training.store.limits import parse_json
from .stored_array import FileRefused, StoredArray, label, reading

# bfloat16, which numpy lacks, becomes float32
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 4} | {
    f"{sign}{8 * size}": size for sign in "IU" for size in (1, 2, 4, 8)
}
_BYTES["BOOL"] = 1


def safetensors_arrays(path: Path) -> Iterator[StoredArray]:
    """The tensors of a .safetensors file. The library has compared declared sizes with that of the file.

    Args:
        path: of the file.

    Yields:
        The tensors, in the order of the library; bfloat16, which numpy lacks, as float32.

    Raises:
        FileRefused: the file is something else or damaged; a tensor that is loaded is of a type that numpy lacks
            (float8).

    >>> from safetensors.numpy import save_file
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save_file({"x": np.zeros((4, 4))}, f"{folder}/a.safetensors")
    ...     [(array.name, array.bytes) for array in safetensors_arrays(Path(folder) / "a.safetensors")]
    [('x', 128)]
    """
    from safetensors import safe_open

    with reading(str(path)), safe_open(path, framework="numpy") as content:
        found = []
        for name in content.keys():  # noqa: SIM118 (not a dictionary)
            part = content.get_slice(name)
            found.append((name, tuple(part.get_shape()), str(part.get_dtype())))
    for name, shape, kind in found:
        size = _BYTES.get(kind, 8) * prod(shape)
        yield StoredArray(name, shape, size, lambda name=name, kind=kind: _load(path, name, kind))  # type: ignore[misc]


def _load(path: Path, name: str, kind: str) -> NDArray[Any]:
    from safetensors import safe_open

    where = label(path, name)
    if kind not in _BYTES:
        raise FileRefused(f"{where}: must be of a type that numpy has, got {kind}: save it as float32")
    with reading(where):
        if kind == "BF16":
            return _bfloat16(path, name)
        with safe_open(path, framework="numpy") as content:
            array: NDArray[Any] = content.get_tensor(name)
            return array


def _bfloat16(path: Path, name: str) -> NDArray[np.float32]:
    """The upper halves of float32, at the place that the header gives; the library has compared it with the file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = parse_json(file.read(length), str(path))[name]
        start, end = entry["data_offsets"]
        halves = np.fromfile(file, dtype="<u2", count=(end - start) // 2, offset=start)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
