"""Finished runs beside each other: their tables, their differences, and their shortfall from the paper's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...training import EnsembleConfig
from ...training.store.limits import read_json
from ..analysis.layers.initial_law import InitialLaw
from ..analysis.layers.layer import Tables
from ..analysis.network_subsets import ALL
from ..analysis.selection import where
from ..paper.size import NOT_STUDIED
from ..runs.files import read_table
from ..runs.folder import CONFIGURATION, RunFolder

#: What makes a folder one of several runs: the study's name, and the names of its runs in their order.
SEVERAL = "paper.json"

_TABLES = ("training", "networks", "parameters", "comparison", "distances", "initialisation", "nested_models")
_OPTIONAL = ("gaussianity",)
# what tables of earlier versions do not have
_COLUMNS = {"initialisation": ("published_deviation",)}


@dataclass(frozen=True)
class FinishedRun:
    """A finished run, and its name among others.

    Args:
        path: its folder.
        label: short, on figures and in tables.
        config: of the ensemble.
        drawn: the same with the law that the initial weights were drawn from, which a pilot run may have found.
        tables: of the analysis, those that a comparison needs.
    """

    path: Path
    label: str
    config: EnsembleConfig
    drawn: EnsembleConfig
    tables: Tables

    def table(self, name: str, layer: int | None = None, subset: str = ALL) -> pd.DataFrame:
        """The rows of a table about all networks (or another subset), of one layer if one is given."""
        rows = where(self.tables[name], subset=subset)
        return rows if layer is None else where(rows, layer=layer)

    @property
    def square_layers(self) -> list[int]:
        """The stored layers with the 13-parameter model, ascending."""
        parameters = self.tables["parameters"]
        return sorted(int(layer) for layer in parameters[parameters.parameter == "mu_1"].layer.unique())

    def initial_law(self, layer: int) -> InitialLaw:
        """The law of a layer's entries before training."""
        return InitialLaw.of_layer(self.drawn, layer)

    def initial_norm(self, layer: int) -> float:
        """Root mean square of the matrices' Frobenius norm at initialisation."""
        return self.initial_law(layer).norm(self.config.shapes[layer])


def finished_runs(paths: Sequence[Path]) -> list[FinishedRun]:
    """Read the runs at the given paths; a folder of several runs stands for all of them.

    Args:
        paths: RUN folders, or folders of several.

    Returns:
        The runs, with their tables.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: a path is not a RUN, or its tables are not there, or of an earlier version; says what to do.

    >>> finished_runs([])
    Traceback (most recent call last):
    ValueError: at least one RUN is required, got none
    """
    folders = [RunFolder.open(run) for path in paths for run in run_paths(path)]
    if not folders:
        raise ValueError("at least one RUN is required, got none")
    labels = run_labels([folder.config for folder in folders], [folder.path for folder in folders])
    return [
        FinishedRun(folder.path, label, folder.config, folder.drawn, _read(folder))
        for folder, label in zip(folders, labels, strict=True)
    ]


def run_paths(path: Path) -> list[Path]:
    """The path itself, or those of its runs if it is a folder of several.

    >>> run_paths(Path("runs/first"))
    [PosixPath('runs/first')]
    """
    if (path / CONFIGURATION).exists() or not (path / SEVERAL).exists():
        return [path]
    names = read_json(path / SEVERAL).get("runs")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{path / SEVERAL}: runs must be a list of names, got {names!r}")
    return [path / name for name in names]


def run_labels(configs: Sequence[EnsembleConfig], paths: Sequence[Path]) -> list[str]:
    """Names for runs by the options in which they differ; the names of their folders where these do not tell.

    >>> run_labels([EnsembleConfig(), EnsembleConfig(weight_decay=0.01)], [Path("a"), Path("b")])
    ['weight decay 0.0', 'weight decay 0.01']
    >>> run_labels([EnsembleConfig()], [Path("runs/a")])
    ['a']
    """
    differing = [
        name
        for name in EnsembleConfig.model_fields
        if name not in NOT_STUDIED and len({getattr(config, name) for config in configs}) > 1
    ]
    told = [", ".join(_option(name, getattr(config, name)) for name in differing) for config in configs]
    named = [
        label if label and told.count(label) == 1 else f"{label} ({path.name})" if label else path.resolve().name
        for label, path in zip(told, paths, strict=True)
    ]
    return [label if named.count(label) == 1 else f"{label}, {number}" for number, label in enumerate(named, start=1)]


def _option(name: str, value: object) -> str:
    text = "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{name.replace('_', ' ')} {text}"


def _read(folder: RunFolder) -> Tables:
    tables: Tables = {}
    for name in (*_TABLES, *_OPTIONAL):
        file = folder.tables / f"{name}.csv"
        if file.exists():
            tables[name] = read_table(file)
            if missing := [column for column in _COLUMNS.get(name, ()) if column not in tables[name]]:
                raise ValueError(
                    f"{file} has no column {', '.join(missing)}, for an earlier version made it: make the tables "
                    f"afresh by `pigmm report {folder.path}`"
                )
        elif name in _TABLES:
            raise ValueError(
                f"{folder.path} has no tables/{name}.csv: finish the study, or make its tables afresh by `pigmm report`"
            )
    return tables
