"""Files of safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .stored_array import FileRefused, StoredArray, label, reading

_BYTES = {"F64": 8, "F32": 4, "F16": 2} | {f"{sign}{8 * size}": size for sign in "IU" for size in (1, 2, 4, 8)}
_BYTES["BOOL"] = 1


def safetensors_arrays(path: Path) -> Iterator[StoredArray]:
    """The tensors of a .safetensors file. The library has compared declared sizes with that of the file.

    Args:
        path: of the file.

    Yields:
        The tensors, in the order of the library.

    Raises:
        FileRefused: the file is something else or damaged; a tensor that is loaded is of a type that numpy lacks
            (bfloat16, float8).

    >>> import numpy as np
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
    with reading(where), safe_open(path, framework="numpy") as content:
        array: NDArray[Any] = content.get_tensor(name)
        return array
