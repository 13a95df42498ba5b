"""Layers side by side: the epochs of all layers are shared out among processes, and come back in order.

An epoch depends on its own matrices and on fixed seeds, so that tables are the same whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...simd.cores import cores
from ...training import EnsembleConfig
from ..runs.shared_out import SharedOut, Task
from .layers.initial_law import InitialLaw
from .layers.layer import Tables, analyse_layer, epochs_of, joined, slabs
from .questions import how_many_tests

# Snapshots of a task: few enough that progress is seen and no process waits long for another. And tasks that wait for
# each process.
_EPOCHS, _AHEAD = 4, 3
# A process takes seconds to start: below so many snapshots, and bytes of weights, one is faster.
_MANY_SNAPSHOTS, _MANY_BYTES = 64, 1 << 26


def worth_processes(ensemble: xr.Dataset, layers: Sequence[int]) -> int:
    """Choose the number of processes for layers: that of the cores where there is much to do, else this one.

    Args:
        ensemble: as `open_ensemble` gives it.
        layers: those to analyse.

    Returns:
        At least 1.

    >>> worth_processes(xr.Dataset({"weight_1": (("network", "epoch"), np.zeros((2, 3)))}), [1])
    1
    """
    snapshots = len(layers) * ensemble.sizes["epoch"]
    size = sum(ensemble[f"weight_{layer}"].nbytes for layer in layers)
    return cores() if snapshots >= _MANY_SNAPSHOTS or size >= _MANY_BYTES else 1


def analyse_layers(
    ensemble: xr.Dataset,
    config: EnsembleConfig,
    layers: Sequence[int],
    masks: Mapping[str, NDArray[np.bool_]],
    advance: Callable[[], None] = lambda: None,
    replicates: int | None = None,
    processes: int = 1,
) -> Iterator[tuple[int, Tables]]:
    """The tables of some layers, each as soon as it is complete.

    Args:
        ensemble: as `open_ensemble` gives it.
        config: what it was made with.
        layers: those to analyse.
        masks: networks (network,) of each subset.
        advance: called for each epoch of each layer.
        replicates: as of `analyse_layer`.
        processes: how many at once; 1 is this one.

    Yields:
        The number of a layer, and its tables, in the order of `layers`.
    """
    works = {
        layer: partial(
            analyse_layer,
            law=InitialLaw.of_layer(config, layer),
            masks=masks,
            replicates=replicates,
            output=layer == len(config.shapes) - 1,
            judged=how_many_tests(config),
            epochs=epochs_of(ensemble[f"weight_{layer}"]),
        )
        for layer in layers
    }
    if processes == 1:
        for layer, work in works.items():
            yield layer, work(ensemble[f"weight_{layer}"], advance=advance)
        return

    slab = lru_cache(maxsize=2)(partial(_slab, ensemble))  # where the two ends of the work are
    places = [
        (layer, first, start, min(start + _EPOCHS, end))
        for layer in layers
        for first, end in slabs(ensemble[f"weight_{layer}"])
        for start in range(first, end, _EPOCHS)
    ]

    def task(layer: int, first: int, start: int, end: int) -> Task[Tables]:
        return partial(works[layer], slab(layer, first).isel(epoch=slice(start - first, end - first)))

    def finished(number: int) -> None:
        *_, start, end = places[number]
        for _ in range(start, end):
            advance()

    results = SharedOut([partial(task, *place) for place in places], processes, _AHEAD, finished)
    for layer, own in groupby(zip(places, results, strict=True), key=lambda found: found[0][0]):
        yield layer, joined([tables for _, tables in own])


def _slab(ensemble: xr.Dataset, layer: int, first: int) -> xr.DataArray:
    """The slab of a layer that begins with an epoch, in memory."""
    weights = ensemble[f"weight_{layer}"]
    return weights.isel(epoch=slice(*next(slab for slab in slabs(weights) if slab[0] == first))).load()
