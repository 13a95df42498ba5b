"""Cards that a page shows of an invariant under the pointer: drawing, formula, and its values layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from ...invariants import RECTANGULAR, SQUARE, GraphFamily, Multigraph, parse_label
from ...invariants.graphs.markup import graph_svg
from ...training import EnsembleConfig
from ..analysis.network_subsets import ALL
from ..analysis.selection import at_last_epoch, records, where
from ..analysis.through_training.published_invariants import papers_graphs
from ..notation.number_format import number, rounded
from ..notation.p_values import p_text
from ..notation.symbols import formula_html, formula_key, layer_name

Cards = dict[str, dict[str, Any]]

# name of a layer or ensemble, its kind of graphs, its rows of a table
Layer = tuple[int | str, GraphFamily, pd.DataFrame]

#: The columns of the values of a card.
COMPARED = ("", "predicted", "measured", "deviation", "z", "q")
STARTED = ("", "initial", "measured", "deviation", "z")


def last_layers(table: pd.DataFrame, config: EnsembleConfig) -> list[Layer]:
    """The layers of a study with their rows of a table: all networks, the last epoch.

    >>> rows = pd.DataFrame({"layer": 1, "epoch": [0.0, 1.0], "subset": "all"})
    >>> [(layer, family.name, len(own)) for layer, family, own in last_layers(rows, EnsembleConfig())]
    [(1, 'square', 1)]
    """
    last = at_last_epoch(where(table, subset=ALL))
    numbered = [(int(str(layer)), rows) for layer, rows in last.groupby("layer")]
    return [(layer, graph_family(config.shapes[layer]), rows) for layer, rows in numbered]


def graph_family(shape: tuple[int, int]) -> GraphFamily:
    """The graphs of the invariants of matrices of a shape, if nothing else is known of them.

    >>> graph_family((10, 784)).name
    'rectangular'
    """
    return SQUARE if shape[0] == shape[1] else RECTANGULAR


def compared_cards(layers: Iterable[Layer]) -> Cards:
    """Make the cards of invariants that a fitted model predicts.

    Args:
        layers: each layer or ensemble with its kind of graphs and its rows of a comparison, of one epoch.

    Returns:
        Cards by the keys of their formulas.

    >>> row = {"graph": "00 00 00", "formula": "sum_i M_ii^3", "degree": 3, "nodes": 1, "predicted": 1.0}
    >>> values = {"measured": 1.5, "standard_error": 0.1, "deviation": 0.02, "z": 5.0, "q_value": 0.0001}
    >>> compared_cards([(1, SQUARE, pd.DataFrame([{**row, **values}]))])["sum_i.M_ii-3"]["values"]
    [['layer 1', '1.00', '1.50', '0.020', '+5.0', '0.0001']]
    """
    cards: Cards = {}
    with threadpool_limits(1, user_api="blas"):  # layouts solve tiny systems, which threads only delay
        for layer, family, rows in layers:
            chosen = papers_graphs(rows, family)
            for row in records(rows):
                card = _card(cards, row, family, COMPARED)
                card["chosen"] = row["graph"] in chosen
                card["values"].append(
                    [
                        layer_name(layer),
                        rounded(row["predicted"], row["standard_error"]),
                        rounded(row["measured"], row["standard_error"]),
                        number(row["deviation"], ".3f"),
                        number(row["z"], "+.1f"),
                        p_text(row["q_value"]),
                    ]
                )
    return cards


def initial_cards(layers: Iterable[Layer]) -> Cards:
    """Make the cards of linear and quadratic invariants, which a fit forces to agree, beside their initial values.

    Args:
        layers: each layer with its kind of graphs and its rows of the table `initialisation`, of one epoch.

    Returns:
        Cards by the keys of their formulas.

    >>> row = {"graph": "00", "formula": "sum_i M_ii", "degree": 1, "nodes": 1, "expected": 0.0, "measured": 0.52}
    >>> initial_cards([(1, SQUARE, pd.DataFrame([{**row, "standard_error": 0.1, "deviation": 5.2, "z": 5.2}]))])[
    ...     "sum_i.M_ii"
    ... ]["values"]
    [['layer 1', '0.00', '0.52', '5.2', '+5.2']]
    """
    cards: Cards = {}
    for layer, family, rows in layers:
        for row in records(rows):
            _card(cards, row, family, STARTED)["values"].append(
                [
                    layer_name(layer),
                    rounded(row["expected"], row["standard_error"]),
                    rounded(row["measured"], row["standard_error"]),
                    number(row["deviation"], ".3g"),
                    number(row["z"], "+.1f"),
                ]
            )
    return cards


def _card(cards: Cards, row: dict[str, Any], family: GraphFamily, columns: tuple[str, ...]) -> dict[str, Any]:
    key = formula_key(row["formula"])
    if key not in cards:
        graph: Multigraph = parse_label(row["graph"], family)
        cards[key] = {
            "formula": formula_html(row["formula"]),
            "plain": row["formula"],
            "label": row["graph"],
            "degree": row["degree"],
            "nodes": row["nodes"],
            "chosen": False,
            "drawing": graph_svg(graph),
            "columns": columns,
            "values": [],
        }
    return cards[key]
