"""The columns of a table that name its graphs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

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
    return {column: [*values] for column, values in _columns(tuple(graphs)).items()}


@lru_cache(maxsize=16)  # a study has the same graphs in hundreds of tables
def _columns(graphs: tuple[Multigraph, ...]) -> dict[str, tuple[str | int | None, ...]]:
    return {
        "graph": tuple(graph.label for graph in graphs),
        "name": tuple(graph.name for graph in graphs),
        "formula": tuple(graph.formula for graph in graphs),
        "degree": tuple(graph.degree for graph in graphs),
        "nodes": tuple(graph.number_of_nodes for graph in graphs),
    }
