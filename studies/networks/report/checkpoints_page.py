"""The comparison of two checkpoints from the command line: table, figure and page."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd

from ...notation.number_format import counted
from ...plots.style import figure_files
from ...report.html import Table, linked, render
from ...runs.files import replace_files, write_tables, write_text
from ...runs.output_folder import output_folder
from ...runs.progress import progress_of
from ...runs.provenance import package_version
from ..reading.options import ReadingOptions
from ..reading.plan import RECOGNISED, plan_of
from ..reading.readings import print_readings
from ..tests_of_matrices.checkpoints import change_sentences, compare_plans
from .figures import draw_checkpoints
from .page import interval

_CAPTIONS = {
    "checkpoints": "Every matrix: how far it moved, statistics before and after, and tests of the change.",
    "passed_over": "What was not compared, and why.",
}
_EXPLAINED = (
    "The change of the weights is the norm of the difference over that of the matrix before; the cosine is negative "
    "where weights shrink. The change of the law is the Wasserstein distance of the laws fitted before and after, "
    "given the trivial components, an entry, in standard deviations; its interval is a jackknife over tenths of the "
    "units. The difference itself is analysed as a matrix: structure says what departs from independent rows and "
    "columns in it."
)


def report_checkpoints(
    before: Path,
    after: Path,
    output: Path,
    options: ReadingOptions = RECOGNISED,
    *,
    replicates: int = 999,
    seed: int = 0,
    progress: bool = True,
    pdf: bool = False,
) -> Path:
    """Compare two checkpoints of a network and write table, figure and page.

    Args:
        before: file of the network.
        after: file of the same network later.
        output: a new or empty folder, or one that an earlier analysis of the same paths made, which is replaced whole.
        options: what the user says about the reading.
        replicates: as in `compare_networks`.
        seed: as in `compare_networks`.
        progress: whether to say on standard error how the tensors are read, and how many matrices are done.
        pdf: whether the figure is wanted as PDF too.

    Returns:
        The path of report.html.

    Raises:
        ValueError: as `compare_networks`, or the folder holds something else.
    """
    asked = {**asdict(options), "replicates": replicates, "seed": seed}
    with output_folder(output, "network", [before, after], asked) as draft:
        plans = [plan_of(path, options) for path in (before, after)]
        if progress:
            print_readings(plans[1])
        with progress_of("comparing matrices", plans[1].count, progress) as advance:
            table = compare_plans(*plans, replicates=replicates, seed=seed, advance=lambda _: advance())
        passed_over = pd.DataFrame(list(table.attrs["passed_over"].items()), columns=["tensor", "why"])
        tables = {"checkpoints": table.reset_index(), "passed_over": passed_over}
        figure = draw_checkpoints(table)
        write_tables(draft / "tables", tables)
        replace_files(draft / "figures", figure_files([figure], pdf))
        page = render(
            "network.html",
            title=f"{counted(len(table), 'matrix')} of {before.name} and {after.name}",
            version=package_version(),
            headline=change_sentences(table),
            figure=figure,
            explained=_EXPLAINED,
            found=_found(table),
            alike_explained="",
            alike=None,
            sections=[],
            sections_explained="",
            notes=[f"{name}: {note}" for name, note in table.note.items() if note not in ("", "unchanged")],
            tables=linked(tables, _CAPTIONS),
        )
        write_text(draft / "report.html", page)
    return output / "report.html"


def _found(table: pd.DataFrame) -> Table:
    """The table of the page: all matrices, those that moved most first."""
    sorted_table = table.sort_values("relative_change", ascending=False)
    intervals = sorted_table.reindex(columns=["low", "high"]).astype(float).to_numpy()
    shown = pd.DataFrame(
        {
            "matrix": sorted_table.index,
            "shape": [f"{rows} x {columns}" for rows, columns in sorted_table[["rows", "columns"]].to_numpy()],
            "change of the weights": sorted_table.relative_change.astype(float),
            "cosine": sorted_table.reindex(columns=["cosine"]).cosine.astype(float),
            "change of the law": sorted_table.distance.astype(float),
            "95% interval": [interval(low, high) for low, high in intervals],
            "structure of the change": sorted_table.structure.where(sorted_table.structure != "", "–"),
            "read as": sorted_table.read_as,
        },
        dtype=object,
    )
    return Table.head("Matrices", "", shown, rows=len(shown))
