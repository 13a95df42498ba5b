"""The cubic and quartic invariants that arXiv:2510.05218 shows, and its measure of their change."""

from __future__ import annotations

import pandas as pd

from ....invariants import SQUARE, GraphFamily
from ..selection import where


def papers_choice(comparison: pd.DataFrame) -> pd.DataFrame:
    """The rows of the 39 cubic and quartic invariants that the paper shows: 1, 2, n-1 or n nodes, n = 2 x degree.

    >>> from pigmm.invariants import multigraphs
    >>> graphs = [*multigraphs(3), *multigraphs(4)]
    >>> rows = [{"degree": graph.degree, "nodes": graph.number_of_nodes} for graph in graphs]
    >>> len(rows), len(papers_choice(pd.DataFrame(rows)))
    (348, 39)
    """
    most = 2 * comparison.degree
    return comparison[(comparison.nodes <= 2) | (comparison.nodes >= most - 1)]


def papers_graphs(rows: pd.DataFrame, family: GraphFamily) -> set[str]:
    """Find which of the invariants arXiv:2510.05218 shows; it has square matrices only.

    Args:
        rows: with the columns graph, degree and nodes.
        family: of the graphs.

    Returns:
        Their labels.

    Source:
        arXiv:2510.05218.

    >>> from pigmm.invariants import RECTANGULAR
    >>> rows = pd.DataFrame({"graph": ["00 00 00", "01 02 13"], "degree": 3, "nodes": [1, 4]})
    >>> papers_graphs(rows, SQUARE), papers_graphs(rows, RECTANGULAR)
    ({'00 00 00'}, set())
    """
    return set(papers_choice(rows).graph) if family == SQUARE else set()


def relative_changes(comparison: pd.DataFrame) -> pd.Series:
    """(final - initial)/(final + initial) of the deviation of each invariant, by its graph; NaN where both are zero.

    >>> rows = pd.DataFrame({"graph": "00 00 00", "epoch": [0.0, 5.0], "deviation": [0.1, 0.3]})
    >>> relative_changes(rows).round(12).tolist()
    [0.5]
    """
    first, last = (
        where(comparison, epoch=epoch).set_index("graph").deviation
        for epoch in (comparison.epoch.min(), comparison.epoch.max())
    )
    change: pd.Series = (last - first) / (last + first)
    return change
