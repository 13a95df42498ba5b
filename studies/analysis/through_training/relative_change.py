"""Change of the deviation of each higher invariant through training: quantity (3) of arXiv:2510.05218."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..selection import where
from .published_invariants import papers_choice, relative_changes


def change_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """(final - initial)/(final + initial) of the deviation, a row for each layer, subset and invariant.

    The deviations of Gaussian matrices are sampling errors, of order 1/sqrt(networks): so are those of the first epoch
    where the weights start Gaussian, and the change depends on how many networks there are. Those of uniform weights,
    whose fourth moments are smaller, are not: they stay however many networks there are.

    Args:
        comparison: with the columns layer, epoch, subset, graph, name, formula, degree, nodes and deviation.

    Returns:
        layer, subset, graph, name (where it has one), formula, degree, nodes, in_paper (whether it is one of the
        paper's 39), initial, final (the deviations), change.

    >>> row = {"layer": 1, "subset": "all", "graph": "00 00 00", "name": None, "formula": "sum_i M_ii^3",
    ...        "degree": 3, "nodes": 1}
    >>> rows = [{**row, "epoch": 0.0, "deviation": 0.1}, {**row, "epoch": 5.0, "deviation": 0.3}]
    >>> change_table(pd.DataFrame(rows))[["in_paper", "change"]].round(12).values.tolist()
    [[True, 0.5]]
    """
    parts = []
    for _, own in comparison.groupby(["layer", "subset"], sort=False):
        first, last = (where(own, epoch=own.epoch.agg(end)) for end in ("min", "max"))
        table = last[["layer", "subset", "graph", "name", "formula", "degree", "nodes"]].reset_index(drop=True)
        paper = set(papers_choice(last).graph) if _of_square_matrices(last) else set()
        table["in_paper"] = table.graph.isin(paper)
        table["initial"] = table.graph.map(first.set_index("graph").deviation)
        table["final"] = last.deviation.to_numpy()
        table["change"] = table.graph.map(relative_changes(own))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def by_chance(change: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fraction of invariants whose change is below a value if chance alone made both deviations.

    Two independent normal deviations of one spread: |final| / |initial| is half-Cauchy, so it is
    (2/pi) arctan((1 + c)/(1 - c)).

    >>> by_chance(np.array([-1.0, 0.0])).tolist()
    [0.0, 0.5]
    """
    return np.asarray(2 / np.pi * np.arctan2(1 + change, 1 - change))


def _of_square_matrices(rows: pd.DataFrame) -> bool:
    """Bipartite graphs have no loops and no graph of one node."""
    return bool((rows.nodes == 1).any())
