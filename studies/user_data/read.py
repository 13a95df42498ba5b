"""Matrices from .npy, .npz, .safetensors, .zarr and torch checkpoints; nothing in a file is unpickled or executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...invariants.checks import checked_matrices
from ...training.store.limits import check_regular, check_size, read_json
from ..notation.number_format import counted
from .formats.ensembles import ensemble_arrays
from .formats.numpy_files import numpy_arrays
from .formats.safetensors_files import safetensors_arrays
from .formats.shards import SUFFIX as INDEX
from .formats.shards import sharded_arrays
from .formats.stored_array import FileRefused, StoredArray, label
from .formats.torch_checkpoints import torch_arrays
from .formats.zarr_stores import is_zarr, zarr_arrays
from .kinds import check_first_axis

Ensembles = dict[str, NDArray[Any]]

_CHECKPOINTS = (".pt", ".pth", ".ckpt", ".bin")
_READERS: dict[str, Callable[[Path], Iterator[StoredArray]]] = {
    ".npy": numpy_arrays,
    ".npz": numpy_arrays,
    ".safetensors": safetensors_arrays,
    **dict.fromkeys(_CHECKPOINTS, torch_arrays),
}


def read_matrices(
    paths: Sequence[Path],
    pattern: str = "*",
    epoch: float | None = None,
    skipped: Callable[[str, str], None] = lambda name, why: None,
    kind: str | None = None,
) -> Ensembles:
    """Read ensembles of matrices.

    An array of three axes is an ensemble of its own. Single matrices of one tensor name and shape, from whichever
    files, are one ensemble, in the order of the paths. Arrays of other dimensions (biases) are passed over. A RUN or
    an ensemble gives each stored layer at one epoch.

    Args:
        paths: files, zarr stores, ensembles, RUN folders.
        pattern: only tensors whose name matches, as in a shell.
        epoch: of ensembles (default: the last).
        skipped: called with each array that is passed over, and why.
        kind: of matrices, as the user says; if not, arrays in files that seem to count their matrices by the last
            axis are refused.

    Returns:
        (n, rows, columns) each, by name.

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
    size = 0
    for path in paths:
        for stored in stored_arrays(path, epoch):
            name, where = stored.name, label(path, stored.name)
            seen.append(f"{name or path.stem} {stored.shape}")
            if not fnmatchcase(name or path.stem, pattern):
                skipped(seen[-1], f"the name does not match {pattern!r}")
                continue
            if len(stored.shape) not in (2, 3):
                skipped(seen[-1], f"{counted(len(stored.shape), 'axis')}, where matrices have 2 or 3")
                continue
            if kind is None and path.is_file():
                check_first_axis(where, stored.shape)
            size += stored.bytes
            check_size(where if size == stored.bytes else f"{where}, with the arrays before it", size)
            array = stored.load()
            try:
                checked_matrices(array, square=False)
            except ValueError as error:
                raise FileRefused(f"{where}: {error}") from None
            if array.ndim == 3:
                whole[_unused(f"{path.stem} {name}".strip(), whole)] = array
            else:
                singles.setdefault((name, array.shape), []).append(array)
    for (name, _), matrices in singles.items():
        whole[_unused(name or "matrices", whole)] = np.stack(matrices)
    if not whole:
        listed = "; ".join(seen[:20]) or "none"
        where = f"{paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}" if paths else "no paths"
        raise ValueError(
            f"{where}: no arrays (n, rows, columns) or (rows, columns) match {pattern!r}; there are: {listed}"
        )
    return whole


def stored_arrays(path: Path, epoch: float | None = None) -> Iterator[StoredArray]:
    """The arrays stored at one path, none of them read yet.

    Args:
        path: a file, the index of a network in several files or a folder with one, a zarr store, an ensemble or a RUN
            folder.
        epoch: of an ensemble (default: the last).

    Yields:
        The arrays; each is read by its `load`.

    Raises:
        FileNotFoundError: there is nothing at the path.
        ValueError: what is there is none of these, or cannot be read; one line that names it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "a.npy", np.eye(4))
    ...     [array.shape for array in stored_arrays(Path(folder) / "a.npy")]
    [(4, 4)]
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        yield from _folder(path, epoch)
        return
    check_regular(path)
    if path.name.endswith(INDEX):
        yield from sharded_arrays(path, stored_arrays)
    elif path.suffix in _READERS:
        yield from _READERS[path.suffix](path)
    else:
        raise FileRefused(f"{path} must be one of {', '.join((*_READERS, INDEX, '.zarr'))} or a RUN folder")


def _folder(path: Path, epoch: float | None) -> Iterator[StoredArray]:
    from ..runs.folder import CONFIGURATION, RunFolder

    if (path / CONFIGURATION).exists():
        yield from ensemble_arrays(RunFolder.open(path).ensemble, epoch)
    elif not is_zarr(path) and (indices := sorted(path.glob(f"*{INDEX}"))):
        if len(indices) > 1:
            raise FileRefused(f"{path} holds several indices: give one, such as {indices[0]}")
        yield from sharded_arrays(indices[0], stored_arrays)
    elif not is_zarr(path):
        files = sorted({file.suffix for file in path.iterdir() if file.suffix in _READERS})
        hint = f"; to take the files in it, give {path}/*{files[0]}" if files else ""
        raise FileRefused(f"{path} is a folder, but neither a zarr store nor a RUN{hint}")
    elif _is_of_networks(path):
        yield from ensemble_arrays(path, epoch)
    else:
        yield from zarr_arrays(path)


def _is_of_networks(path: Path) -> bool:
    try:
        return "configuration" in read_json(path / "zarr.json")["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _unused(name: str, taken: Ensembles) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
