"""Several finished runs side by side: one page, its figures and its tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from ..analysis.layers.constraints import FREE
from ..analysis.selection import at_last_epoch, where
from ..analysis.verdicts import departures
from ..notation.number_format import counted, in_latex, number, with_error
from ..notation.symbols import LEGEND, layer_name, parameter_html, parameter_latex
from ..paper.size import reductions
from ..plots.style import figure_files
from ..report.html import Table, linked, render
from ..report.latex_tables import booktabs
from ..report.page import configuration_rows
from ..runs.files import replace_files, write_latex, write_tables, write_text
from ..runs.output_folder import output_folder
from ..runs.provenance import package_version
from .claims.table import verdict_table
from .figures import answer, draw_comparison, quantile_curves
from .headline import headline
from .runs import FinishedRun, finished_runs

_CAPTIONS = {
    "summary": "A row for each run and layer.",
    "by_epoch": "The quantities of the figures, by run, layer and epoch.",
    "verdicts": "What arXiv:2510.05218 says, what these runs measure, and whether they agree.",
}


def write_comparison(
    paths: Sequence[Path], output: Path, title: str = "", notes: Sequence[str] = (), pdf: bool = False
) -> Path:
    """Compare finished runs.

    Args:
        paths: RUN folders, or folders of several runs.
        output: a new or empty folder, or one of an earlier comparison of the same runs, which is replaced whole;
            `tables/` and `figures/` are in it too.
        title: of the page.
        notes: sentences that stand on the page, such as what was left out.
        pdf: whether figures are wanted as PDF too, and tables as LaTeX.

    Returns:
        The path of the page `report.html` in the folder `output`.

    Raises:
        FileNotFoundError, ValueError: as `finished_runs`; `output` holds something else, which is left as it is.

    >>> write_comparison([], Path("nowhere"))
    Traceback (most recent call last):
    ValueError: at least one RUN is required, got none
    """
    runs = finished_runs(paths)
    with output_folder(output, "compare", [run.path for run in runs], {}) as draft:
        tables = {"summary": summary_table(runs), "by_epoch": epoch_table(runs), "verdicts": verdict_table(runs)}
        write_tables(draft / "tables", tables)
        figures = draw_comparison(runs)
        replace_files(draft / "figures", figure_files(figures, pdf))
        write_latex(draft / "tables", comparison_latex(tables["summary"], runs) if pdf else {})
        page = render(
            "comparison.html",
            title=title or f"{counted(len(runs), 'run')} side by side",
            version=package_version(),
            made=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
            notes=[*notes, *size_notes(runs)],
            headline=headline(tables["summary"], tables["verdicts"]),
            answer=answer(tables["summary"]),
            runs=[(run.label, _own_options(run, runs)) for run in runs],
            common=_common_options(runs),
            summary=_shown_summary(tables["summary"]),
            parameters=_shown_parameters(runs),
            legend=LEGEND,
            verdicts=_shown_verdicts(tables["verdicts"]),
            figures=figures,
            tables=linked(tables, _CAPTIONS),
        )
        write_text(draft / "report.html", page)
    return output / "report.html"


def summary_table(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """A row for each run and layer, all networks.

    Args:
        runs: those of one page.

    Returns:
        Columns run, layer, rows, columns, networks, epoch (the last), test_accuracy (mean), untrained (networks),
        initial_norm, wasserstein_first, wasserstein_last, median_deviation_first, median_deviation_last,
        largest_absolute_z, departing and invariants: how many of the cubic and quartic ones depart at the last epoch,
        judged together within the layer, and how many can.

    >>> len(summary_table([]))
    0
    """
    rows = []
    for run in runs:
        accuracy = at_last_epoch(where(run.table("training"), metric="test_accuracy"))
        for layer in run.table("distances").layer.unique():
            distance, comparison = (run.table(name, layer) for name in ("distances", "comparison"))
            medians = quantile_curves(comparison, "deviation")[0.5]
            last = at_last_epoch(comparison)
            rows.append(
                {
                    "run": run.label,
                    "layer": layer,
                    "rows": run.config.shapes[layer][0],
                    "columns": run.config.shapes[layer][1],
                    "networks": run.config.networks,
                    "epoch": distance.epoch.max(),
                    "test_accuracy": accuracy["mean"].iloc[0],
                    "untrained": int(run.tables["networks"].untrained.sum()),
                    "initial_norm": run.initial_norm(layer),
                    "wasserstein_first": distance.wasserstein.iloc[0],
                    "wasserstein_last": distance.wasserstein.iloc[-1],
                    "median_deviation_first": medians.iloc[0],
                    "median_deviation_last": medians.iloc[-1],
                    "largest_absolute_z": last.z.abs().max(),
                    "departing": int(departures(last).sum()),
                    "invariants": int(last.z.notna().sum()),
                }
            )
    return pd.DataFrame(rows)


def epoch_table(runs: Sequence[FinishedRun]) -> pd.DataFrame:
    """The quantities of the figures in one long table: run, layer (empty for accuracy), epoch, quantity, value.

    >>> len(epoch_table([]))
    0
    """
    parts = []
    for run in runs:
        accuracy = where(run.table("training"), metric="test_accuracy")
        parts.append(_long(run, None, accuracy.set_index("epoch")["mean"], "test_accuracy"))
        for layer in run.table("distances").layer.unique():
            distance = run.table("distances", layer).set_index("epoch").wasserstein
            parts.append(_long(run, layer, distance, "wasserstein"))
            comparison = run.table("comparison", layer)
            for quantity in ("deviation", "absolute_z"):
                for level, values in quantile_curves(comparison, quantity).items():
                    parts.append(_long(run, layer, values, f"{quantity}_quantile_{level}"))
            parameters = run.table("parameters", layer)
            for name in FREE if layer in run.square_layers else ():
                own = where(parameters, parameter=name).set_index("epoch")
                parts.append(_long(run, layer, own.estimate, name))
    if not parts:
        return pd.DataFrame()
    return pd.concat(parts, ignore_index=True).astype({"layer": "Int64"})


def size_notes(runs: Sequence[FinishedRun]) -> list[str]:
    """Say by how much runs are smaller than those of the paper, a sentence for runs with the same shortcomings.

    >>> size_notes([])
    []
    """
    alike: dict[str, list[str]] = {}
    for run in runs:
        if smaller := reductions(run.config):
            alike.setdefault("; ".join(smaller), []).append(run.label)
    return [f"Reduced ({', '.join(labels)}): {what}." for what, labels in alike.items()]


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown, for pages.

    >>> print(markdown(pd.DataFrame({"claim": ["|z|"], "layer": [1]})))
    | claim | layer |
    |---|---|
    | \\|z\\| | 1 |
    """
    lines = [list(table.columns), *([_plain(value) for value in row] for row in table.itertuples(index=False))]
    head, *body = ["| " + " | ".join(str(cell).replace("|", r"\|") for cell in line) + " |" for line in lines]
    return "\n".join([head, "|" + "---|" * len(table.columns), *body])


def _plain(value: object) -> str:
    return "" if value is pd.NA else str(value)


def _long(run: FinishedRun, layer: int | None, values: pd.Series, quantity: str) -> pd.DataFrame:
    columns = {"run": run.label, "layer": layer, "epoch": values.index, "quantity": quantity, "value": values.array}
    return pd.DataFrame(columns).astype({"layer": "Int64"})


def _shown_summary(table: pd.DataFrame) -> Table:
    rows = [
        {
            "run": row["run"],
            "layer": f"{layer_name(row['layer'])}, {row['rows']} × {row['columns']}",
            "networks": str(row["networks"]),
            "untrained": str(row["untrained"]),
            "accuracy": f"{row['test_accuracy']:.3f}",
            "distance": f"{row['wasserstein_first']:.3g} → {row['wasserstein_last']:.3g}",
            "initial norm": f"{row['initial_norm']:.3g}",
            "median deviation": f"{row['median_deviation_first']:.3f} → {row['median_deviation_last']:.3f}",
            "largest |z|": number(row["largest_absolute_z"], ".1f"),
            "depart": f"{row['departing']} of {row['invariants']}",
        }
        for row in table.to_dict("records")
    ]
    caption = (
        "Arrows: from the first to the last epoch. Distance: 2-Wasserstein, to the exact model at initialisation. "
        "Deviation, |z| and how many depart (by Holm’s procedure at 5% within a layer): of the cubic and quartic "
        "invariants, at the last epoch."
    )
    return _whole("The runs in numbers", caption, pd.DataFrame(rows, dtype=object))


def _shown_parameters(runs: Sequence[FinishedRun]) -> Table | None:
    """The five parameters that the symmetry leaves, of every square layer of every run."""
    rows = _parameter_cells(runs)
    if not rows:
        return None
    table = pd.DataFrame(rows, dtype=object).rename(columns={name: parameter_html(name) for name in FREE})
    caption = "Exact value at initialisation → estimate at the last epoch ± its standard error."
    return _whole("The five parameters", caption, table)


def _parameter_cells(runs: Sequence[FinishedRun]) -> list[dict[str, object]]:
    rows = []
    for run in runs:
        for layer in run.square_layers:
            last = at_last_epoch(run.table("parameters", layer))
            row: dict[str, object] = {"run": run.label, "layer": layer_name(layer)}
            for own in last[last.parameter.isin(FREE)].to_dict("records"):
                value = with_error(own["estimate"], own["standard_error"])
                row[own["parameter"]] = f"{number(own['initial'], '.3g')} → {value}"
            rows.append(row)
    return rows


def comparison_latex(summary: pd.DataFrame, runs: Sequence[FinishedRun]) -> dict[str, str]:
    """Write the runs in numbers and the five parameters in LaTeX.

    Args:
        summary: as `summary_table` returns it.
        runs: that are compared.

    Returns:
        Tables by the names of files.
    """
    rows = summary.to_dict("records")
    departures = pd.DataFrame(
        {
            "run": [row["run"] for row in rows],
            "layer": [layer_name(row["layer"]) for row in rows],
            "networks": [f"${row['networks']}$" for row in rows],
            "accuracy": [f"${row['test_accuracy']:.3f}$" for row in rows],
            "$W_2$": [f"${row['wasserstein_first']:.3g} \\to {row['wasserstein_last']:.3g}$" for row in rows],
            "median deviation": [
                f"${row['median_deviation_first']:.3f} \\to {row['median_deviation_last']:.3f}$" for row in rows
            ],
            "largest $|z|$": [f"${in_latex(number(row['largest_absolute_z'], '.1f'))}$" for row in rows],
            "depart": [f"{row['departing']} of {row['invariants']}" for row in rows],
        },
        dtype=object,
    )
    numbers = [name for name in departures if name not in ("run", "layer", "depart")]
    caption = "From the first to the last epoch: distance to initialisation, and departures from the Gaussian model."
    texts = {"departures": booktabs(departures, caption, "departures", latex=numbers)}
    cells = _parameter_cells(runs)
    if cells:
        names = {name: f"${parameter_latex(name)}$" for name in FREE}
        table = pd.DataFrame(cells, dtype=object).rename(columns=names)
        for name in names.values():
            table[name] = [f"${in_latex(str(cell))}$" for cell in table[name]]
        caption = "Exact value at initialisation $\\to$ estimate at the last epoch $\\pm$ its standard error."
        texts["parameters"] = booktabs(table, caption, "parameters", latex=list(names.values()))
    return texts


def _shown_verdicts(table: pd.DataFrame) -> Table:
    text = table.assign(layer=["" if layer is pd.NA else layer_name(layer) for layer in table.layer])
    return _whole("Claims and verdicts", "", text.astype(object))


def _whole(title: str, caption: str, table: pd.DataFrame) -> Table:
    shown = Table.head(title, caption, table, rows=len(table))
    # names of columns may be markup, which Table.head makes plain
    columns = tuple(column if isinstance(column, Markup) else str(column) for column in table.columns)
    return Table(shown.title, shown.caption, columns, shown.rows, shown.total)


def _common_options(runs: Sequence[FinishedRun]) -> list[tuple[str, str]]:
    first, *others = (configuration_rows(run.config) for run in runs)
    return [row for row in first if all(row in rows for rows in others)]


def _own_options(run: FinishedRun, runs: Sequence[FinishedRun]) -> list[tuple[str, str]]:
    common = _common_options(runs)
    return [row for row in configuration_rows(run.config) if row not in common]
