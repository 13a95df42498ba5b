"""Layers side by side: the epochs of all layers are shared out among processes, and come back in order.

An epoch depends on its own matrices and on fixed seeds, so that tables are the same whatever the number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from operator import itemgetter
from threading import Thread
from time import sleep

import numpy as np
import xarray as xr
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ...simd.cores import cores
from ...training import EnsembleConfig
from .layers.initial_law import InitialLaw
from .layers.layer import Tables, analyse_layer, epochs_of, joined, slabs
from .questions import how_many_tests

# Snapshots of a task: few enough that progress is seen and no process waits long for another.
_EPOCHS = 4
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

    def tasks() -> Iterator[tuple[int, xr.DataArray]]:
        for layer in layers:
            for slab in slabs(ensemble[f"weight_{layer}"]):  # read here, where the store is open
                for start in range(0, slab.sizes["epoch"], _EPOCHS):
                    yield layer, slab.isel(epoch=slice(start, start + _EPOCHS))

    # arrays are sent as they are, so that no copy is left on a disk
    pool = Parallel(n_jobs=processes, return_as="generator", pre_dispatch=2 * processes, batch_size=1, max_nbytes=None)
    results = pool(delayed(_some_epochs)(layer, part, works[layer]) for layer, part in tasks())
    for layer, own in groupby(results, key=itemgetter(0)):
        parts = []
        for _, epochs, tables in own:
            parts.append(tables)
            for _ in range(epochs):
                advance()
        yield layer, joined(parts)


def _some_epochs(layer: int, weights: xr.DataArray, work: Callable[..., Tables]) -> tuple[int, int, Tables]:
    _end_with_parent()
    with threadpool_limits(1, user_api="blas"):  # products of small matrices only wait for each other's threads
        return layer, weights.sizes["epoch"], work(weights)


@cache
def _end_with_parent() -> None:
    """Let this process end with the one that started it, also if that is killed: loky would wait for minutes."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            sleep(0.5)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
