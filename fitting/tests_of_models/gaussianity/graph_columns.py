"""How tables name graphs."""

from __future__ import annotations

from collections.abc import Iterable

from ....invariants.graphs.multigraph import Multigraph


def graph_columns(graphs: Iterable[Multigraph]) -> dict[str, list[str | int | None]]:
    """Name graphs for a table.

    Args:
        graphs: in the order of the rows.

    Returns:
        The columns graph (its label), name (if it has one), formula, degree and nodes.

    >>> graph_columns([Multigraph([(0, 1)])])
    {'graph': ['01'], 'name': ['sum M'], 'formula': ['sum_ij M_ij'], 'degree': [1], 'nodes': [2]}
    """
    rows = tuple(graphs)
    return {
        "graph": [graph.label for graph in rows],
        "name": [graph.name for graph in rows],
        "formula": [graph.formula for graph in rows],
        "degree": [graph.degree for graph in rows],
        "nodes": [graph.number_of_nodes for graph in rows],
    }
