"""The analysis of one network from the command line: table, figure and page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from ...notation.number_format import counted, in_latex, number
from ...notation.p_values import p_text
from ...notation.symbols import formula_html, parameter_html
from ...plots.style import figure_files
from ...report.html import Table, linked, render
from ...report.latex_tables import booktabs
from ...runs.files import replace_files, write_latex, write_tables, write_text
from ...runs.output_folder import output_folder
from ...runs.progress import progress_of
from ...runs.provenance import package_version
from ..reading.options import ReadingOptions
from ..reading.plan import RECOGNISED, plan_of
from ..reading.readings import differences, print_readings
from ..tests_of_matrices.alike import alike
from ..tests_of_matrices.analysis import analyse_plan
from .figures import draw_network
from .headline import Headline
from .portraits import Portrait
from .sections import MOST_PORTRAITS, Section, sections

_CAPTIONS = {
    "network": "Every matrix: shape, tests and what was found.",
    "alike": "Layers that are alike: every statistic of each group.",
    "parameters": "Every parameter of every matrix, with its interval, in units of the variance of the entries.",
    "passed_over": "Tensors that were not analysed, and why.",
}
_EXPLAINED = (
    "A square matrix is tested for S_N x S_N, rows and columns permuted independently, within S_N, both together. A "
    "rectangular one for independent entries within independent rows and columns. The law is that given the trivial "
    "components, whose covariance one matrix does not tell. z of the trace and the hub ratios have exact F laws for "
    "Gaussian entries; the randomisation tests are exact for entries of any law."
)
_ALIKE = (
    "Matrices of the same shape whose names differ in numbers only, taken together. First it is asked whether they "
    "differ more than matrices of independent entries would (Cochran's Q over its degrees of freedom, which is about 1 "
    "if they do not). The interval of the mean allows for such differences. z is that of all matrices together against "
    "independent rows and columns. The verdicts are by Holm's procedure over the table. "
    "Taps of a convolution are like their neighbours: their correlations, measured on all entries, are allowed for."
)
_SECTIONS = (
    "Like matrices stand together: first those in which the row of a unit is related to its column, the clearest "
    "first, then those with hub rows or columns, then the rest in the order of the file. Parameters are those of the "
    "law given the trivial components, in units of the variance of the entries, with exact 95% intervals for Gaussian "
    "entries; independent entries have 1 for variances and 0 for covariances. "
)


def report_network(
    paths: Sequence[Path],
    output: Path,
    options: ReadingOptions = RECOGNISED,
    *,
    replicates: int = 999,
    seed: int = 0,
    progress: bool = True,
    pdf: bool = False,
) -> Path:
    """Analyse one network and write its table, figure and page.

    Args:
        paths: files of the network.
        output: a new or empty folder, or one that an earlier analysis of the same paths made, which is replaced whole.
        options: what the user says about the reading.
        replicates: as in `analyse_network`.
        seed: as in `analyse_network`.
        progress: whether to say on standard error how the tensors are read, and how many matrices are done.
        pdf: whether the figure is wanted as PDF too, and the table as LaTeX.

    Returns:
        The path of report.html.

    Raises:
        ValueError: as `analyse_network`, or the folder holds something else.
    """
    asked = {**asdict(options), "replicates": replicates, "seed": seed}
    with output_folder(output, "network", paths, asked) as draft:
        plan = plan_of(paths, options)
        if progress:
            print_readings(plan)
        with progress_of("analysing matrices", plan.count, progress) as advance:
            table = analyse_plan(plan, replicates=replicates, seed=seed, advance=lambda _: advance())
        passed_over = pd.DataFrame(list(table.attrs["passed_over"].items()), columns=["tensor", "why"])
        together = alike(table)
        with progress_of("fitting and drawing", int((table.note == "").sum()), progress) as advance:
            shown = sections(plan, table, seed=seed, advance=lambda _: advance())
        parameters = pd.concat([section.parameters for section in shown], ignore_index=True)
        tables = {
            "network": table.reset_index(),
            "alike": together,
            "parameters": parameters,
            "passed_over": passed_over,
        }
        figure = draw_network(table)
        drawn = [section.portrait.figure for section in shown if section.portrait]
        write_tables(draft / "tables", tables)
        replace_files(draft / "figures", figure_files([figure, *drawn], pdf))
        write_latex(draft / "tables", {"departures": _latex(table)} if pdf else {})
        page = render(
            "network.html",
            title=f"{counted(len(table), 'matrix')} of {', '.join(path.name for path in paths)}",
            version=package_version(),
            headline=Headline.of(table).sentences(),
            figure=figure,
            explained=_EXPLAINED,
            found=_found(table, shown),
            alike_explained=_ALIKE,
            alike=_alike(together),
            sections=[
                (section, _parameters(section), _departures(section.portrait) if section.portrait else None)
                for section in shown
            ],
            sections_explained=_SECTIONS + _drawn(shown),
            notes=[f"{name}: {note}" for name, note in table.note[table.note != ""].items()],
            tables=linked(tables, _CAPTIONS),
        )
        write_text(draft / "report.html", page)
    return output / "report.html"


def _latex(table: pd.DataFrame) -> str:
    """The matrices with what was found in each."""
    analysed = table[table.note == ""]
    shown = pd.DataFrame(
        {
            "matrix": analysed.index,
            "size": [f"${rows} \\times {columns}$" for rows, columns in analysed[["rows", "columns"]].to_numpy()],
            "structure": analysed.structure.where(analysed.structure != "", "–"),
            "$p$": [f"${in_latex(p_text(float(p)))}$" for p in analysed.p_value],
            "$z$ of the trace": [f"${in_latex(number(float(z), '+.1f'))}$" for z in analysed.z_trace],
            "row hubs": [f"${in_latex(number(float(hubs), '.3g'))}$" for hubs in analysed.row_hubs],
            "column hubs": [f"${in_latex(number(float(hubs), '.3g'))}$" for hubs in analysed.column_hubs],
        },
        dtype=object,
    )
    numbers = ["size", "$p$", "$z$ of the trace", "row hubs", "column hubs"]
    return booktabs(shown, "What the matrices of the network show.", "departures", latex=numbers)


def _drawn(shown: Sequence[Section]) -> str:
    """Which matrices have a portrait."""
    if len(shown) <= MOST_PORTRAITS:
        return "The first matrix of each section is drawn, the clearest of like ones."
    return f"The first matrix of each of the first {MOST_PORTRAITS} sections is drawn, the clearest of like ones."


def _found(table: pd.DataFrame, shown_in: Sequence[Section]) -> Table:
    """The table of the page: all matrices, each with a link to its section."""
    analysed = table[table.note == ""]
    section_of = {name: number for number, section in enumerate(shown_in) for name in section.names}
    shown = pd.DataFrame(
        {
            "matrix": [
                Markup('<a href="#section-{}">{}</a>').format(section_of[name], name) for name in analysed.index
            ],
            "shape": [f"{rows} x {columns}" for rows, columns in analysed[["rows", "columns"]].to_numpy()],
            "structure": analysed.structure.where(analysed.structure != "", "–"),
            "likelihood ratio": analysed.likelihood_ratio.astype(float),
            "p": [p_text(float(p)) for p in analysed.p_value],
            "p, randomisation": [p_text(float(p)) for p in analysed.p_randomisation],
            "z of the trace": analysed.z_trace.astype(float),
            "G2/G3": analysed.symmetric_to_antisymmetric.astype(float),
            "row hubs": analysed.row_hubs.astype(float),
            "column hubs": analysed.column_hubs.astype(float),
            "excess kurtosis": analysed.excess_kurtosis.astype(float),
            "read as": analysed.read_as,
        },
        dtype=object,
    )
    return Table.head("Matrices", "", shown, rows=len(shown))


def interval(low: float, high: float) -> str:
    """Two bounds; a dash if there are none.

    >>> interval(0.5, 1.0), interval(float("nan"), float("nan"))
    ('0.5 to 1', '–')
    """
    return f"{number(low, '.3g')} to {number(high, '.3g')}" if low == low else number(low)


def _alike(table: pd.DataFrame) -> Table | None:
    """The table of the page: groups of like matrices; None if there are none."""
    if not len(table):
        return None
    departs = np.where(table.departs, "departs", "–")
    differ = np.where(table.differ, "they differ", np.where(table.p_heterogeneity.isna(), "–", "alike"))
    shown = pd.DataFrame(
        {
            "layers": table.layers,
            "matrices": table.matrices,
            "shape": [f"{rows} x {columns}" for rows, columns in table[["rows", "columns"]].to_numpy()],
            "statistic": table.statistic,
            "mean": table["mean"],
            "95% interval": [interval(low, high) for low, high in table[["low", "high"]].to_numpy()],
            "z": table.z,
            "verdict": departs,
            "Q": table.heterogeneity,
            "among each other": differ,
        },
        dtype=object,
    )
    return Table.head("Layers that are alike", "", shown, rows=len(shown))


def _parameters(section: Section) -> Table:
    """A row a parameter; of like matrices a row a matrix, with the numbers by which their names differ."""
    table = section.parameters
    bounds = [interval(lower, upper) for lower, upper in table[["lower", "upper"]].to_numpy(dtype=float)]
    symbols = [parameter_html(str(name)) for name in table.parameter]
    title = f"Parameters of {section.title}"
    if len(section.names) == 1:
        columns = {"parameter": symbols, "estimate": table.estimate.to_numpy(), "95% interval": bounds}
        return Table.head(title, "", pd.DataFrame(columns, dtype=object))
    rows: dict[str, dict[str, str]] = {name: {} for name in table.matrix}
    for name, symbol, estimate, said in zip(table.matrix, symbols, table.estimate, bounds, strict=True):
        rows[name][symbol] = f"{number(estimate, '.3g')} ({said})"
    shown = pd.DataFrame(list(rows.values()), dtype=object)
    shown.columns = pd.Index(list(dict.fromkeys(symbols)), dtype=object)  # they stay markup
    told = dict(zip(section.names, differences(section.names), strict=True))
    shown.insert(0, "*", [told[name] for name in rows])
    return Table.head(title, "", shown)


def _departures(portrait: Portrait) -> Table:
    top = portrait.departures
    shown = pd.DataFrame(
        {
            "invariant": [formula_html(formula) for formula in top.formula],
            "predicted": top.predicted,
            "measured": top.measured,
            "z": top.z,
            "q": [p_text(float(q)) for q in top.q_value],
        },
        dtype=object,
    )
    return Table.head(f"Invariants of {portrait.name}", "", shown, rows=8)
