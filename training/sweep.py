"""Several ensembles, one store each: a sweep over widths, initialisations, or whatever else a configuration has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import xarray as xr

from .cluster.cluster import crew
from .config import EnsembleConfig
from .data import LabelledData
from .engines.select import chosen_engine
from .ensemble import finish, is_sound
from .progress import NamedReport, table_progress
from .store.store import open_ensemble


def train_ensembles(
    configs: Mapping[str, EnsembleConfig],
    folder: Path | str,
    progress: bool | NamedReport = True,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    data: LabelledData | None = None,
) -> dict[str, xr.Dataset]:
    """Train ensembles one after another, each into `folder`/NAME.zarr, and open them.

    What is finished is not done again, so that the same call goes on after an interruption; a configuration may be
    added between two calls. All stores are looked at before the first is trained.

    Args:
        configs: name -> configuration.
        folder: where the stores are written.
        progress: True for a table on a terminal (lines elsewhere), False for silence, or a function called with (name,
            network-epochs done, in all).
        scheduler: as of `train_ensemble`, for all.
        workers: as of `train_ensemble`, for all.
        data: as of `train_ensemble`, for all.

    Returns:
        Name -> ensemble, opened lazily.

    Raises:
        ValueError: a name is not one of a file, or a store was made with another configuration; see train_ensemble.

    >>> from tempfile import TemporaryDirectory
    >>> sweep = {f"seed-{seed}": EnsembleConfig(networks=2, epochs=1, seed=seed) for seed in range(2)}
    >>> with TemporaryDirectory() as folder:
    ...     ensembles = train_ensembles(sweep, folder, progress=False)
    ...     {name: dict(ensemble.weight_2.sizes) for name, ensemble in ensembles.items()}
    {'seed-0': {'network': 2, 'epoch': 2, 'row_2': 10, 'col_2': 10},
     'seed-1': {'network': 2, 'epoch': 2, 'row_2': 10, 'col_2': 10}}
    """
    for name in configs:
        if not name or Path(name).name != name:
            raise ValueError(f"configs: a name must be that of a file, without folders, got {name!r}")
    paths = {name: Path(folder) / f"{name}.zarr" for name in configs}
    unfinished = [name for name, config in configs.items() if not is_sound(paths[name], config)]
    for name in unfinished:
        chosen_engine(configs[name])  # raises if there is none
    if unfinished:
        with crew(scheduler, workers) as client, _reporting(progress, configs, unfinished) as report:
            for name in unfinished:
                finish(configs[name], paths[name], partial(report, name), client, data)
    return {name: open_ensemble(path) for name, path in paths.items()}


def _reporting(
    progress: bool | NamedReport, configs: Mapping[str, EnsembleConfig], unfinished: list[str]
) -> AbstractContextManager[Callable[[str, int, int], None]]:
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext(lambda name, done, total: None)
    return table_progress({name: config.networks * config.epochs for name, config in configs.items()}, unfinished)
