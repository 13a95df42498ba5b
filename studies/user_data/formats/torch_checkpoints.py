"""Checkpoints of torch, read with `weights_only=True`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

from numpy.typing import NDArray

from ....training.store.limits import check_size
from .stored_array import FileRefused, StoredArray, label, reading

_DEEPEST = 50
_MOST = 100_000


def torch_arrays(path: Path) -> Iterator[StoredArray]:
    """The tensors in the dictionaries of a checkpoint, named by their keys with dots between.

    Args:
        path: of the file.

    Yields:
        The tensors; bfloat16 and float8, which numpy lacks, as float32. Entries stay in the file until they are
        loaded, but for checkpoints written before version 1.6 of torch.

    Raises:
        FileRefused: the file is something else, damaged, or holds other objects than tensors; dictionaries hold
            themselves, are nested more than 50 deep or have more than 100000 entries; a tensor that is loaded is
            sparse, quantised, or without entries of its own (meta).
        ModuleNotFoundError: torch is not installed.

    >>> import torch
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     torch.save({"state": {"weight": torch.zeros(4, 4)}, "epoch": 3}, f"{folder}/a.pt")
    ...     [array.name for array in torch_arrays(Path(folder) / "a.pt")]
    ['state.weight']
    """
    import torch

    visited = 0

    def tensors(value: Any, name: str, depth: int) -> Iterator[StoredArray]:
        nonlocal visited
        visited += 1
        if visited > _MOST or depth > _DEEPEST:
            limit = f"{_MOST} entries" if visited > _MOST else f"{_DEEPEST} dictionaries in each other"
            raise FileRefused(f"{path} holds more than {limit}")
        if isinstance(value, torch.Tensor):
            size = value.element_size() * value.numel()
            yield StoredArray(name, tuple(value.shape), size, lambda: _as_numpy(label(path, name), value))
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from tensors(inner, f"{name}.{key}" if name else str(key), depth + 1)

    # all are counted before the first is loaded: few bytes can hold very many names of one tensor
    yield from list(tensors(_content(path), "", 0))


def _content(path: Path) -> Any:
    from pickle import UnpicklingError

    import torch

    with path.open("rb") as file:
        beginning = file.read(2)
    if not beginning.startswith((b"PK", b"\x80")):  # an archive, or as it was before version 1.6
        raise FileRefused(f"{path} is not a torch checkpoint: its first bytes are others")
    try:
        size, mapped = path.stat().st_size, False
        if beginning == b"PK":
            with ZipFile(path) as archive:
                members = archive.infolist()
            mapped = all(member.compress_type == ZIP_STORED for member in members)
            # entries that stay in the file need no memory
            stay = [mapped and "/data/" in member.filename for member in members]
            size = sum(member.file_size for member, there in zip(members, stay, strict=True) if not there)
        check_size(str(path), size)
        # torch warns of pickle protocols before it refuses what it cannot read
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError:
        raise FileRefused(
            f"{path} holds pickled objects besides tensors, which is refused because unpickling runs code: "
            f"save the state_dict, or safetensors"
        ) from None
    except Exception as error:  # what is no checkpoint at all fails in whatever way its bytes lead to
        if isinstance(error, ValueError) and str(error).startswith(str(path)):
            raise
        reason = " ".join(repr(error).split())[:400]
        raise FileRefused(f"{path} is a damaged torch checkpoint ({reason})") from None


def _as_numpy(where: str, tensor: Any) -> NDArray[Any]:
    import torch

    if tensor.is_quantized or tensor.layout is not torch.strided or tensor.device.type != "cpu":
        kind = "quantised" if tensor.is_quantized else "sparse" if tensor.device.type == "cpu" else tensor.device.type
        raise FileRefused(f"{where}: must be a dense tensor of numbers, got a {kind} one")
    with reading(where):
        plain = tensor.detach().resolve_conj().resolve_neg()
        known = not plain.is_floating_point() or plain.dtype in (torch.float16, torch.float32, torch.float64)
        array: NDArray[Any] = (plain if known else plain.to(torch.float32)).numpy()
        return array
