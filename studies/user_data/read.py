"""Matrices from .npy, .npz, .safetensors, .zarr and torch checkpoints; nothing in a file is unpickled or executed."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ...invariants.checks import checked_matrices
from ..notation.number_format import counted

Named = Iterator[tuple[str, NDArray[Any]]]
Ensembles = dict[str, NDArray[Any]]

_PICKLE_CODEC = re.compile(r'"(id|name)"\s*:\s*"[^"]*pickle')
_ARRAY_FILES = (".npy", ".npz", ".safetensors")
_BEGINNINGS = (b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")  # .npy, .npz, an empty .npz
_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin")


def read_matrices(
    paths: Sequence[Path],
    pattern: str = "*",
    epoch: float | None = None,
    skipped: Callable[[str, str], None] = lambda name, why: None,
) -> Ensembles:
    """Ensembles of matrices, (n, rows, columns) each, by name.

    An array of three axes is an ensemble of its own. Single matrices of one tensor name and shape, from whichever
    files, are one ensemble, in the order of the paths. Arrays of other dimensions (biases) are passed over. A RUN or
    an ensemble gives each stored layer at one epoch.

    Args:
        paths: files, zarr stores, ensembles, RUN folders.
        pattern: only tensors whose name matches, as in a shell.
        epoch: of ensembles (default: the last).
        skipped: called with each array that is passed over, and why.

    Raises:
        FileNotFoundError: a path does not exist.
        ValueError: a file cannot be read, holds pickled objects or NaN (says which), or nothing matches (says what
            there is).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     files = [Path(folder) / name for name in ("a.npy", "b.npy")]
    ...     for file in files:
    ...         np.save(file, np.eye(4))
    ...     {name: matrices.shape for name, matrices in read_matrices(files).items()}
    {'matrices': (2, 4, 4)}
    """
    whole: Ensembles = {}
    singles: dict[tuple[str, tuple[int, ...]], list[NDArray[Any]]] = {}
    seen: list[str] = []
    for path in paths:
        for name, array in _arrays(path, epoch):
            seen.append(f"{name or path.stem} {array.shape}")
            if not fnmatchcase(name or path.stem, pattern):
                skipped(seen[-1], f"the name does not match {pattern!r}")
                continue
            if array.ndim not in (2, 3):
                skipped(seen[-1], f"{counted(array.ndim, 'axis')}, where matrices have 2 or 3")
                continue
            try:
                checked_matrices(array, square=False)
            except ValueError as error:
                raise ValueError(f"{path}{f', {name}' if name else ''}: {error}") from None
            if array.ndim == 3:
                whole[_unused(f"{path.stem} {name}".strip(), whole)] = array
            else:
                singles.setdefault((name, array.shape), []).append(array)
    for (name, _), matrices in singles.items():
        whole[_unused(name or "matrices", whole)] = np.stack(matrices)
    if not whole:
        listed = "; ".join(seen[:20]) or "none"
        raise ValueError(f"no arrays (n, rows, columns) or (rows, columns) match {pattern!r}; there are: {listed}")
    return whole


def _arrays(path: Path, epoch: float | None) -> Named:
    """(tensor name, array) of one path; the name is empty where a file holds a single array without one."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        yield from _folder(path, epoch)
        return
    readers: dict[str, Callable[[Path], Named]] = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}
    reader = readers.get(path.suffix) or (_checkpoint if path.suffix in _CHECKPOINTS else None)
    if reader is None:
        known = ", ".join((*readers, ".zarr", *_CHECKPOINTS))
        raise ValueError(f"{path} must be one of {known} or a RUN folder")
    yield from reader(path)


def _npy(path: Path) -> Named:
    with _numpy(path) as content:
        yield "", content


def _npz(path: Path) -> Named:
    with _numpy(path) as content:
        for name in content.files:
            yield name, content[name]


@contextmanager
def _numpy(path: Path) -> Iterator[Any]:
    # opened here, for numpy leaves its own file open if it is no archive
    with path.open("rb") as file:
        if not file.peek(len(_BEGINNINGS[0])).startswith(_BEGINNINGS):  # numpy takes anything else for a pickle
            raise ValueError(f"{path} is not a file of numpy's (.npy or .npz): its first bytes are others")
        try:
            yield np.load(file, allow_pickle=False)
        except (ValueError, EOFError, BadZipFile) as error:
            raise _unreadable(path, error) from None


def _safetensors(path: Path) -> Named:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as content:
            for name in content.keys():  # noqa: SIM118 (not a dictionary)
                yield name, content.get_tensor(name)
    except (SafetensorError, TypeError) as error:  # TypeError: bfloat16, which numpy lacks
        raise _unreadable(path, error) from None


def _checkpoint(path: Path) -> Named:
    from pickle import UnpicklingError

    import torch

    with path.open("rb") as file:
        if not file.peek(1).startswith((b"PK", b"\x80")):  # an archive, or as it was before version 1.6
            raise ValueError(f"{path} is not a torch checkpoint: its first bytes are others")
    try:
        # torch warns of pickle protocols before it refuses what it cannot read
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise ValueError(
            f"{path} holds pickled objects besides tensors, which is refused because unpickling runs code: "
            f"save the state_dict, or safetensors"
        ) from None
    except Exception as error:  # what is no checkpoint at all fails in whatever way its bytes lead to
        raise ValueError(f"{path} is a damaged torch checkpoint ({error!r})") from None

    def tensors(value: Any, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
        if isinstance(value, torch.Tensor):
            tensor = value.detach()
            # numpy has no bfloat16
            yield name, (tensor.to(torch.float32) if tensor.is_floating_point() else tensor).numpy()
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield from tensors(inner, f"{name}.{key}" if name else str(key))

    yield from tensors(content, "")


def _folder(path: Path, epoch: float | None) -> Named:
    from ...training.store.layout import is_ensemble
    from ..runs.folder import CONFIGURATION, RunFolder

    if (path / CONFIGURATION).exists():
        yield from _ensemble(RunFolder.open(path).ensemble, epoch)
    elif not is_ensemble(path) and not any((path / name).exists() for name in (".zarray", ".zgroup")):
        files = sorted({file.suffix for file in path.iterdir() if file.suffix in (*_ARRAY_FILES, *_CHECKPOINTS)})
        hint = f"; to take the files in it, give {path}/*{files[0]}" if files else ""
        raise ValueError(f"{path} is a folder, but neither a zarr store nor a RUN{hint}")
    elif _is_of_networks(path):
        yield from _ensemble(path, epoch)
    else:
        yield from _zarr(path)


def _is_of_networks(path: Path) -> bool:
    try:
        return "configuration" in json.loads((path / "zarr.json").read_bytes()).get("attributes", {})
    except (OSError, ValueError):
        return False


def _ensemble(path: Path, epoch: float | None) -> Named:
    from ...training import open_ensemble

    ensemble = open_ensemble(path)
    epochs = ensemble.epoch.to_numpy()
    chosen = epochs[-1] if epoch is None else epoch
    if chosen not in epochs:
        raise ValueError(f"epoch must be one of {epochs.tolist()}, got {epoch:g}")
    for name, weights in ensemble.data_vars.items():
        if str(name).startswith("weight_"):
            yield str(name), weights.sel(epoch=chosen).to_numpy()


def _zarr(path: Path) -> Named:
    import zarr

    # before zarr sees it: a codec of old stores unpickles their chunks
    for metadata in (file for name in (".zarray", ".zmetadata", "zarr.json") for file in path.rglob(name)):
        if _PICKLE_CODEC.search(metadata.read_text()):
            raise _unreadable(metadata, ValueError("its chunks are pickled"))
    try:
        found = zarr.open(path, mode="r")
        arrays = [("", found)] if isinstance(found, zarr.Array) else found.members(max_depth=None)
        for name, array in arrays:
            if isinstance(array, zarr.Array):
                yield name, np.asarray(array[...])
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> ValueError:
    if "allow_pickle" in str(error) or "pickled" in str(error):
        return ValueError(f"{path} holds pickled objects, which is refused because unpickling runs code")
    return ValueError(f"{path} cannot be read: {error}")


def _unused(name: str, taken: Ensembles) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
