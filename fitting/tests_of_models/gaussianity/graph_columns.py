"""The columns of a table that name its graphs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import pandas as pd

from ....invariants.graphs.multigraph import Multigraph


def graph_columns(graphs: Iterable[Multigraph]) -> dict[str, pd.api.extensions.ExtensionArray]:
    """Name graphs for a table.

    Args:
        graphs: in the order of the rows.

    Returns:
        The columns graph (its label), name (if it has one), formula, degree and nodes.

    >>> pd.DataFrame(graph_columns([Multigraph([(0, 1)])])).values.tolist()
    [['01', 'sum M', 'sum_ij M_ij', 1, 2]]
    """
    return dict(_columns(tuple(graphs)))


@lru_cache(maxsize=16)  # a study has the same graphs in hundreds of tables
def _columns(graphs: tuple[Multigraph, ...]) -> dict[str, pd.api.extensions.ExtensionArray]:
    columns: dict[str, list[str | int | None]] = {
        "graph": [graph.label for graph in graphs],
        "name": [graph.name for graph in graphs],
        "formula": [graph.formula for graph in graphs],
        "degree": [graph.degree for graph in graphs],
        "nodes": [graph.number_of_nodes for graph in graphs],
    }
    return {name: pd.Series(values).array for name, values in columns.items()}
