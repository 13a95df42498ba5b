"""Ensembles that the trainer made, at one epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .stored_array import FileRefused, StoredArray, label, reading


def ensemble_arrays(path: Path, epoch: float | None) -> Iterator[StoredArray]:
    """The stored layers of an ensemble.

    Args:
        path: of its store.
        epoch: None for the last.

    Yields:
        `weight_k` (networks, rows, columns) of each stored layer.

    Raises:
        FileRefused: there is no ensemble; it has no such epoch, is not finished or damaged; it names the variable.

    >>> list(ensemble_arrays(Path("nowhere.zarr"), None))
    Traceback (most recent call last):
        ...
    pigmm.studies.user_data.formats.stored_array.FileRefused: nowhere.zarr cannot be read: ...
    """
    from ....training import open_ensemble

    with reading(str(path)):
        ensemble = open_ensemble(path)
        if "epoch" not in ensemble.coords or not ensemble.sizes.get("epoch"):
            raise FileRefused(f"{path}: epoch must be a coordinate with an epoch at least")
        epochs = ensemble.epoch.to_numpy()
    chosen = epochs[-1] if epoch is None else epoch
    if chosen not in epochs:
        raise FileRefused(f"{path}: epoch must be one of {epochs.tolist()}, got {epoch:g}")
    for name, weights in ensemble.data_vars.items():
        if not str(name).startswith("weight_"):
            continue
        where = label(path, str(name))
        with reading(where):
            selected = weights.isel(epoch=int((epochs == chosen).argmax()))

        def load(where=where, selected=selected):  # type: ignore[no-untyped-def]
            with reading(where):
                return selected.to_numpy()

        yield StoredArray(str(name), selected.shape, selected.nbytes, load)
