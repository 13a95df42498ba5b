"""A study of the initial variance: train every variance, measure, judge, and write tables, figures and a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ...training import train_ensembles
from ...training.store.limits import read_json
from ...training.store.lock import exclusive
from ...training.store.store import drawn_configuration
from ...training.store.whole_files import PARTIAL
from ..analysis.verdicts import judge, verdict_table
from ..plots.style import figure_files
from ..runs.files import replace_files, write_tables, write_text
from ..runs.progress import progress_of
from .claims import claim_table
from .crossings import crossing_table
from .design import Design
from .measures import Measured, performance_table, ratio_table
from .page import CAPTIONS, initial_variance_page
from .questions import initial_variance_tests

_MARK = "initial-variance.json"
_LOCK = "lock"


def study_initial_variance(
    output: Path,
    *,
    quick: bool = False,
    progress: bool = True,
    pdf: bool = False,
    **overrides: Any,
) -> Path:
    """Study the variance of the initial weights (arXiv:2508.12834), and write tables, figures and a page.

    Args:
        output: RUN: a new or empty folder, or one of the same study, which goes on where it was interrupted.
        quick: whether the reduced version is wanted, on the bundled digits.
        progress: whether to show it, on standard error.
        pdf: whether figures are wanted as PDF too.
        **overrides: fields of EnsembleConfig instead of the study's, such as dataset, networks, epochs, weight_decay;
            None replaces nothing.

    Returns:
        The path of report.html.

    Raises:
        ValueError: the folder holds something else, or a value is not accepted; see also `train_ensemble`.
        BlockingIOError: another process works in the folder.

    >>> study_initial_variance(Path("/dev/null"))
    Traceback (most recent call last):
        ...
    ValueError: /dev/null must be a folder, but it is a file
    """
    design = Design.chosen(quick, **overrides)
    _check(output, design)
    output.mkdir(parents=True, exist_ok=True)
    with exclusive(output / _LOCK):
        _check(output, design)
        write_text(output / _MARK, json.dumps(_identity(design), indent=1) + "\n")
        tables = _measured_tables(design, output / "ensembles", progress)
        tests = initial_variance_tests(tables["performance"])
        verdicts = judge(tests)
        tables |= {"verdicts": verdict_table(tests, "variance"), "claims": claim_table(tables, verdicts)}
        page, figures = initial_variance_page(tables, verdicts, design)
        write_tables(output / "tables", {name: tables[name] for name in CAPTIONS})
        replace_files(output / "figures", figure_files(figures, pdf))
        write_text(output / "report.html", page)
    return output / "report.html"


def _measured_tables(design: Design, folder: Path, progress: bool) -> dict[str, pd.DataFrame]:
    configurations = design.configurations
    ensembles = train_ensembles(configurations, folder, progress)
    with progress_of("measuring", len(configurations) * len(design.base.shapes), progress) as advance:
        measured = {
            name: Measured.of(name, ensemble, drawn_configuration(folder / f"{name}.zarr"), advance)
            for name, ensemble in ensembles.items()
        }
    return {
        "ratios": ratio_table(measured),
        "performance": performance_table(measured),
        "crossings": crossing_table(measured, design.base.seed),
    }


def _identity(design: Design) -> dict[str, object]:
    """What a folder belongs to; where the data lies and what computes is not part of it."""
    return {"study": "initial-variance", **design.base.model_dump(mode="json", exclude={"data_root", "device"})}


def _check(output: Path, design: Design) -> None:
    """Raise ValueError unless the folder is new, empty, or of this study."""
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output} must be a folder, but it is a file")
    if (output / _MARK).exists():
        found, wanted = read_json(output / _MARK), _identity(design)
        differing = [name for name, value in wanted.items() if found.get(name) != value]
        if differing:
            said = "; ".join(f"{name}: {found.get(name)!r} there, {wanted[name]!r} now" for name in differing)
            raise ValueError(f"{output} was made with other options ({said}): give those, or another folder")
    elif output.is_dir() and any(file.name not in (_LOCK, _MARK + PARTIAL) for file in output.iterdir()):
        raise ValueError(f"{output} is not a folder of initial-variance and not empty: give a new or an empty folder")
