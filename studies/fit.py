"""Fit matrices from anywhere: read -> fit -> compare -> tables, models and a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..fitting import BlockGaussian, compare
from .figures import largest
from .files import file_name, write_text
from .layer_analysis import graphs_of_degrees
from .matrices import read_matrices
from .pages import Table, linked, render
from .provenance import package_version
from .selection import where
from .study import write_tables
from .style import Illustration, house_style
from .summaries import LARGEST
from .symbols import parameter_text

CAPTIONS = {
    "parameters": "The fitted parameters of every population.",
    "comparison": "Cubic and quartic invariants: predicted by the fitted model, and measured.",
}


@dataclass(frozen=True)
class Section:
    """What a page says of one population."""

    name: str
    text: str
    parameters: Table
    figures: tuple[Illustration, ...]


def fit_paths(paths: Sequence[Path], output: Path, pattern: str = "*", epoch: float | None = None) -> Path:
    """Fit a model to each population of matrices in the given files, and write what it says.

    Square matrices get the 13-parameter model, rectangular ones that of S_M x S_N with 5. Written are
    output/fit.json (what was asked for), output/tables/{parameters,comparison}.csv, output/models/*.json and
    output/report.html.

    Args:
        paths, pattern, epoch: see `read_matrices`.
        output: a new or empty folder, or one that an earlier fit made.

    Returns:
        The path of the page.

    Raises:
        ValueError: the folder is something else; the matrices cannot be read or fitted (says which).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/words.npy", np.random.default_rng(0).normal(size=(20, 4, 4)))
    ...     fit_paths([Path(folder) / "words.npy"], Path(folder) / "fit").name
    'report.html'
    """
    populations = read_matrices(paths, pattern, epoch)
    models = {name: _fitted(name, matrices) for name, matrices in populations.items()}
    parameters = pd.concat([_parameters(name, m, populations[name]) for name, m in models.items()], ignore_index=True)
    comparison = pd.concat([_comparison(name, m, populations[name]) for name, m in models.items()], ignore_index=True)
    tables = {"parameters": parameters, "comparison": comparison}

    _claim(output, {"paths": [str(path) for path in paths], "tensor": pattern, "epoch": epoch})
    write_tables(output / "tables", tables)
    shutil.rmtree(output / "models", ignore_errors=True)
    (output / "models").mkdir()
    for name, model in models.items():
        model.save(output / "models" / f"{file_name(name)}.json")
    page = render(
        "fit.html",
        title=f"Gaussian models of {', '.join(path.name for path in paths[:3])}{' …' if len(paths) > 3 else ''}",
        version=package_version(),
        populations=[(name, _what(matrices)) for name, matrices in populations.items()],
        sections=[_section(name, matrices, parameters, comparison) for name, matrices in populations.items()],
        tables=linked(tables, CAPTIONS),
    )
    write_text(output / "report.html", page)
    return output / "report.html"


def _claim(output: Path, request: dict[str, Any]) -> None:
    """Make the folder, or make sure that it is an earlier fit's, and note in it what is asked for."""
    note = output / "fit.json"
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} must be a folder, but it is a file")
    if output.is_dir() and any(output.iterdir()):
        try:
            own = json.loads(note.read_bytes())["made by"].startswith("pigmm fit")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            own = False
        if not own:
            raise ValueError(f"{output} is not empty and not the output of a fit: give another folder by --output")
    write_text(note, json.dumps({"made by": f"pigmm fit {package_version()}", **request}, indent=1) + "\n")


def _fitted(name: str, matrices: NDArray[Any]) -> BlockGaussian:
    try:
        return BlockGaussian.fit(matrices)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _parameters(name: str, model: BlockGaussian, matrices: NDArray[Any]) -> pd.DataFrame:
    count = len(matrices)
    return pd.DataFrame(
        {
            "population": name,
            "rows": matrices.shape[1],
            "columns": matrices.shape[2],
            "matrices": count,
            "parameter": model.names,
            "estimate": model.parameters,
            "standard_error": model.influence(matrices).std(axis=0, ddof=1) / np.sqrt(count),
        }
    )


def _comparison(name: str, model: BlockGaussian, matrices: NDArray[Any]) -> pd.DataFrame:
    table = compare(model, matrices, graphs_of_degrees((3, 4), model.space.decomposition.family))
    table.insert(0, "population", name)
    return table


def _section(name: str, matrices: NDArray[Any], parameters: pd.DataFrame, comparison: pd.DataFrame) -> Section:
    own = where(comparison, population=name).dropna(subset="z")
    order = own.z.abs().sort_values(ascending=False, kind="stable").index
    top = own.loc[order[:LARGEST]]
    estimates = where(parameters, population=name)
    shown = pd.DataFrame(
        {
            "parameter": [parameter_text(parameter) for parameter in estimates.parameter],
            "estimate": estimates.estimate,
            "standard error": estimates.standard_error,
        }
    )
    first = top.iloc[0]
    text = (
        f"{(own.z.abs() > 2).sum()} of {len(own)} cubic and quartic invariants are more than two standard errors from "
        f"what the fitted Gaussian model predicts (one in twenty if the matrices are Gaussian); the largest is "
        f"{first.formula} with z = {first.z:+.1f}, predicted {first.predicted:.4g}, measured {first.measured:.4g}."
    )
    with house_style():
        figures = (largest(top, name, (matrices.shape[1], matrices.shape[2])),)
    return Section(name, text, Table.head(f"Parameters of {name}", "", shown, rows=len(shown)), figures)


def _what(matrices: NDArray[Any]) -> str:
    return f"{matrices.shape[0]} matrices {matrices.shape[1]} × {matrices.shape[2]}, {matrices.dtype}"
