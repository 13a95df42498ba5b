"""Tables of parameters and of departures as LaTeX, for papers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from ...invariants import SQUARE, GraphFamily, parse_label
from ...training import EnsembleConfig
from ..analysis.layers.layer import Tables
from ..analysis.network_subsets import of_all_networks
from ..analysis.selection import at_last_epoch
from ..notation.number_format import in_latex, number, rounded, with_error
from ..notation.p_values import p_text
from ..notation.symbols import layer_name, parameter_latex
from .cards import graph_family


def booktabs(table: pd.DataFrame, caption: str, label: str, latex: Collection[object] = ()) -> str:
    r"""Write a table with the rules of the package booktabs.

    Args:
        table: of text.
        caption: of the table, in LaTeX.
        label: of the table, without "tab:".
        latex: names of columns whose cells are LaTeX already; all other cells are escaped. Names of columns are LaTeX.

    Returns:
        LaTeX.

    >>> table = pd.DataFrame({"layer": ["50% & more"], r"$\mu$": ["$0.5$"]})
    >>> print(booktabs(table, "Means.", "means", latex=[r"$\mu$"]))
    \begin{table}[ht]
    \centering
    \caption{Means.}
    \label{tab:means}
    \begin{tabular}{ll}
    \toprule
    layer & $\mu$ \\
    \midrule
    50\% \& more & $0.5$ \\
    \bottomrule
    \end{tabular}
    \end{table}
    <BLANKLINE>
    """
    plain = [name for name in table if name not in latex]
    styled = table.style.hide(axis="index").format(escape="latex", subset=plain)
    return str(
        styled.to_latex(
            hrules=True,
            column_format="l" * table.shape[1],
            caption=caption,
            label=f"tab:{label}",
            position="ht",
            position_float="centering",
        )
    )


def study_latex(tables: Tables, config: EnsembleConfig) -> dict[str, str]:
    """Write the parameters and the largest departures of a study at the last epoch in LaTeX.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        Tables by the names of files.

    >>> study_latex({}, EnsembleConfig())
    {}
    """
    if "parameters" not in tables:
        return {}
    families = {layer: graph_family(config.shapes[layer]) for layer in config.stored_layers}
    departures = of_all_networks(tables["largest_departures"])
    named = departures.assign(layer=[layer_name(layer) for layer in departures.layer])
    return {
        "parameters": parameters_latex(tables["parameters"]),
        "departures": departures_latex(named, "layer", {layer_name(layer): own for layer, own in families.items()}),
    }


def parameters_latex(parameters: pd.DataFrame) -> str:
    """Write the parameters of all networks at the last epoch, a row each, a column for each layer.

    Args:
        parameters: the table of that name of a study: layer, epoch, parameter, initial, estimate, standard_error.

    Returns:
        LaTeX.

    >>> row = {"layer": 1, "epoch": 0.0, "parameter": "G2", "initial": 0.1, "estimate": 0.512, "standard_error": 0.025}
    >>> print(parameters_latex(pd.DataFrame([row])).splitlines()[8])
    $\\Lambda_{2}^{-1}$ & $0.1 \\to 0.512 \\pm 0.025$ \\\\
    """
    last = at_last_epoch(of_all_networks(parameters))
    cells = last.assign(
        value=[
            f"${in_latex(number(initial, '.3g'))} \\to {in_latex(with_error(estimate, error))}$"
            for initial, estimate, error in zip(last.initial, last.estimate, last.standard_error, strict=True)
        ]
    )
    wide = cells.pivot(index="parameter", columns="layer", values="value")
    wide = wide.reindex(cells.parameter.drop_duplicates()).fillna("--")
    wide.columns = pd.Index([layer_name(layer) for layer in wide.columns])
    wide.insert(0, "parameter", [f"${parameter_latex(name)}$" for name in wide.index])
    epoch = f"{last.epoch.iloc[0]:g}" if len(last) else ""
    caption = f"Parameters: exact value at initialisation $\\to$ estimate at epoch {epoch} $\\pm$ its standard error."
    return booktabs(wide, caption, "parameters", latex=list(wide))


def departures_latex(
    departures: pd.DataFrame, group: str, families: Mapping[str, GraphFamily], label: str = "departures"
) -> str:
    """Write invariants beside the predictions of a fitted model, in the order of the rows.

    Args:
        departures: rows of a comparison: graph, predicted, measured, standard_error, z, q_value.
        group: the column that names the layer or ensemble of a row.
        families: kind of graphs of each of these; square where nothing is said.
        label: of the table.

    Returns:
        LaTeX.

    >>> row = {"layer": "layer 1", "graph": "00 00 00", "predicted": 1.0, "measured": 1.5, "standard_error": 0.1}
    >>> text = departures_latex(pd.DataFrame([{**row, "z": 5.0, "q_value": 1e-6}]), "layer", {})
    >>> print(text.splitlines()[8])
    layer 1 & $\\sum_{i} M_{ii}^{3}$ & $1.00$ & $1.50$ & $+5.0$ & $< 0.0001$ \\\\
    """
    rows = departures.to_dict("records")
    table = pd.DataFrame(
        {
            group: [row[group] for row in rows],
            "invariant": [f"${parse_label(row['graph'], families.get(row[group], SQUARE)).latex}$" for row in rows],
            "predicted": [f"${in_latex(rounded(row['predicted'], row['standard_error']))}$" for row in rows],
            "measured": [f"${in_latex(rounded(row['measured'], row['standard_error']))}$" for row in rows],
            "$z$": [f"${in_latex(number(row['z'], '+.1f'))}$" for row in rows],
            "$q$": [f"${in_latex(p_text(row['q_value']))}$" for row in rows],
        },
        dtype=object,
    )
    caption = "The largest departures of cubic and quartic invariants from the fitted Gaussian model."
    return booktabs(table, caption, label, latex=list(table)[1:])
