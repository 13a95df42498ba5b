"""The tensors of a network: names and shapes first, entries of one tensor at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....training.store.limits import check_size
from ...user_data.formats.stored_array import FileRefused, StoredArray
from ...user_data.read import stored_arrays

Network = str | PathLike[str] | Sequence[str | PathLike[str]] | Mapping[str, Any]


def tensors(network: Network) -> dict[str, StoredArray]:
    """Find the tensors of a network; none of them is read yet.

    Args:
        network: a file, an index or a folder of shards, several of them, a state dict, or a mapping from names to
            arrays. A name that stands in several files has the name of its file before it.

    Returns:
        Stored arrays by name.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: a file cannot be read, or two of the same name have tensors of the same name.

    >>> {name: tensor.shape for name, tensor in tensors({"w": np.ones((4, 5))}).items()}
    {'w': (4, 5)}
    """
    if isinstance(network, Mapping):
        return {
            str(name): StoredArray(str(name), tuple(np.shape(tensor)), 0, lambda tensor=tensor: tensor)  # type: ignore[misc]
            for name, tensor in network.items()
        }
    paths = [Path(network)] if isinstance(network, str | PathLike) else [Path(path) for path in network]
    found = [(path, replace(stored, name=stored.name or path.stem)) for path in paths for stored in stored_arrays(path)]
    count = Counter(stored.name for _, stored in found)
    named = [
        replace(stored, name=f"{path.stem}: {stored.name}") if count[stored.name] > 1 else stored
        for path, stored in found
    ]
    if double := [name for name, number in Counter(stored.name for stored in named).items() if number > 1]:
        raise ValueError(f"network must have one tensor of each name, got {double[0]!r} twice")
    return {stored.name: stored for stored in named}


def loaded(stored: StoredArray) -> NDArray[Any]:
    """Read the entries of a tensor as floating-point numbers.

    Args:
        stored: one of `tensors`.

    Returns:
        The entries, of the shape of the tensor.

    Raises:
        FileRefused: it is too large, cannot be read, or holds integers; the message does not repeat the name.

    >>> loaded(tensors({"codes": np.ones((4, 4), dtype=np.int8)})["codes"])
    Traceback (most recent call last):
        ...
    pigmm.studies.user_data.formats.stored_array.FileRefused: int8: integers are codes of quantised weights, ...
    """
    check_size(stored.name, stored.bytes)
    tensor: Any = stored.load()
    if hasattr(tensor, "detach"):
        if tensor.is_quantized:
            raise FileRefused(f"{tensor.dtype}: {_QUANTISED}")
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if tensor.is_floating_point() else tensor
    array = np.asarray(tensor)
    if array.dtype.kind in "iu":
        raise FileRefused(f"{array.dtype}: {_QUANTISED}")
    if array.dtype.kind != "f":
        raise FileRefused(f"{array.dtype}: weights are real numbers")
    return array


_QUANTISED = "integers are codes of quantised weights, whose scales stand elsewhere, or indices: give the weights"
