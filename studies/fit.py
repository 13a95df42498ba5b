"""Fit matrices from anywhere: read -> fit -> compare -> tables, models and a page."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from ..fitting import BlockGaussian, MatrixSpace, RectangularSpace, SquareSpace, SymmetricSpace, compare
from .figures import largest
from .files import file_name, write_text
from .layer_analysis import graphs_of_degrees
from .matrices import Populations, read_matrices
from .pages import Table, linked, render
from .provenance import package_version
from .selection import where
from .study import replace_files, write_tables
from .style import Illustration, house_style
from .summaries import LARGEST
from .symbols import LEGEND, formula_html, parameter_html, parameter_text
from .verdicts import BOUND_IN_WORDS, bound, too_few, verdict
from .wording import counted, number, rounded, with_error

CAPTIONS = {
    "parameters": "The fitted parameters of every population.",
    "comparison": "Cubic and quartic invariants: predicted by the fitted model, and measured.",
}


#: The kinds of matrices that --kind takes, and the permutations that each is invariant under.
KINDS: dict[str, Callable[[int, int], MatrixSpace]] = {
    "square": lambda rows, columns: SquareSpace(rows),
    "rectangular": RectangularSpace,
    "symmetric": lambda rows, columns: SymmetricSpace(rows),
    "symmetric-zero-diagonal": lambda rows, columns: SymmetricSpace(rows, diagonal=False),
}


@dataclass(frozen=True)
class Section:
    """What a page says of one population."""

    name: str
    text: Markup
    parameters: Table
    figures: tuple[Illustration, ...]


def fit_paths(
    paths: Sequence[Path],
    output: Path,
    pattern: str = "*",
    epoch: float | None = None,
    kind: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Fit a model to each population of matrices in the given files, and write what it says.

    By default square matrices get the 13-parameter model, rectangular ones that of S_M x S_N with 5. Written are
    output/fit.json (what was asked for), output/tables/{parameters,comparison}.csv, output/models/*.json,
    output/figures/*.svg and output/report.html.

    Args:
        paths, pattern, epoch: see `read_matrices`.
        output: a new or empty folder, or one that an earlier fit made.
        kind: of matrices, one of `KINDS` (default: by their shape).
        say: called with each line of a summary: what was passed over, the parameters, a verdict.

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
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    passed_over: dict[str, list[str]] = defaultdict(list)
    populations = read_matrices(paths, pattern, epoch, lambda name, why: passed_over[why].append(name))
    models = {name: _fitted(name, matrices, kind) for name, matrices in populations.items()}
    parameters = pd.concat([_parameters(name, m, populations[name]) for name, m in models.items()], ignore_index=True)
    comparison = pd.concat([_comparison(name, m, populations[name]) for name, m in models.items()], ignore_index=True)
    tables = {"parameters": parameters, "comparison": comparison}

    request = {"paths": [str(path) for path in paths], "tensor": pattern, "epoch": epoch, "kind": kind}
    _claim(output, request)
    write_tables(output / "tables", tables)
    shutil.rmtree(output / "models", ignore_errors=True)
    (output / "models").mkdir()
    for name, model in models.items():
        model.save(output / "models" / f"{file_name(name)}.json")
    sections = [_section(name, models[name], parameters, comparison) for name in populations]
    replace_files(output / "figures", {f"{figure.name}.svg": figure.svg for s in sections for figure in s.figures})
    page = render(
        "fit.html",
        title=f"Gaussian models of {', '.join(path.name for path in paths[:3])}{' …' if len(paths) > 3 else ''}",
        version=package_version(),
        legend=LEGEND,
        populations=[(name, _what(matrices)) for name, matrices in populations.items()],
        skipped=[_skipped(why, names) for why, names in passed_over.items()],
        sections=sections,
        tables=linked(tables, CAPTIONS),
    )
    write_text(output / "report.html", page)
    for line in _summary(populations, passed_over, parameters, comparison):
        say(line)
    return output / "report.html"


def _summary(
    populations: Populations, passed_over: dict[str, list[str]], parameters: pd.DataFrame, comparison: pd.DataFrame
) -> Iterator[str]:
    """What a terminal shows: arrays that were passed over; parameters and verdict of each population."""
    yield from (f"skipped {_skipped(why, names)}" for why, names in passed_over.items())
    for name, matrices in populations.items():
        yield f"{name}: {_what(matrices)}"
        own = where(parameters, population=name)
        for parameter, *value in zip(own.parameter, own.estimate, own.standard_error, strict=True):
            yield f"  {parameter_text(parameter):<10}{with_error(*value)}"
        yield f"  cubic and quartic invariants: {verdict(where(comparison, population=name).z, len(matrices))}"


def _skipped(why: str, names: list[str]) -> str:
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return f"{shown}: {why}"


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


def _fitted(name: str, matrices: NDArray[Any], kind: str | None) -> BlockGaussian:
    rows, columns = matrices.shape[1:]
    if kind is None and rows == columns and np.array_equal(matrices, matrices.swapaxes(1, 2)):
        fitting = "symmetric" if np.diagonal(matrices, axis1=1, axis2=2).any() else "symmetric-zero-diagonal"
        raise ValueError(
            f"{name}: all matrices are symmetric, for which the model of square ones has no meaning: "
            f"use --kind {fitting}"
        )
    if kind not in (None, "rectangular") and rows != columns:
        raise ValueError(f"{name}: --kind {kind} needs square matrices, got {rows} × {columns} (see --tensor)")
    try:
        return BlockGaussian.fit(matrices, KINDS[kind](rows, columns) if kind else None)
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


def _section(name: str, model: BlockGaussian, parameters: pd.DataFrame, comparison: pd.DataFrame) -> Section:
    own = where(comparison, population=name).dropna(subset="z")
    order = own.z.abs().sort_values(ascending=False, kind="stable").index
    top = own.loc[order[:LARGEST]]
    estimates = where(parameters, population=name)
    pairs = list(zip(estimates.estimate, estimates.standard_error, strict=True))
    shown = pd.DataFrame(
        {
            "parameter": pd.Series([parameter_html(parameter) for parameter in estimates.parameter], dtype=object),
            "estimate ± standard error": [with_error(*pair) for pair in pairs],
        }
    )
    with house_style():
        figures = (largest(top, name, model.space.decomposition.family),) if len(top) else ()
    text = _words(own, top, int(estimates.matrices.iloc[0]))
    return Section(name, text, Table.head(f"Parameters of {name}", "", shown, rows=len(shown)), figures)


def _words(own: pd.DataFrame, top: pd.DataFrame, count: int) -> Markup:
    """Whether cubic and quartic invariants depart from the model, and the first of the largest departures."""
    found = verdict(own.z, count)
    if not len(top):
        return Markup("Cubic and quartic invariants: {}.").format(found)
    first = top.iloc[0]
    text = Markup("The {} cubic and quartic invariants beside what the fitted model predicts: <b>{}</b>. ").format(
        len(own), found
    )
    if not too_few(count):
        above = int((own.z.abs() > bound(len(own))).sum())
        text += Markup("{} above {}. ").format(f"{above or 'None'} {'is' if above == 1 else 'are'}", BOUND_IN_WORDS)
    return text + Markup("The largest is that of {}, predicted {}, measured {}, <i>z</i> = {}.").format(
        formula_html(first.formula),
        rounded(first.predicted, first.standard_error),
        rounded(first.measured, first.standard_error),
        number(first.z, "+.1f"),
    )


def _what(matrices: NDArray[Any]) -> str:
    return f"{counted(matrices.shape[0], 'matrix')} {matrices.shape[1]} × {matrices.shape[2]}, {matrices.dtype}"
