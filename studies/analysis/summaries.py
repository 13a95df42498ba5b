"""Short tables from the long comparison: quantiles over the invariants, and the largest departures."""

from __future__ import annotations

import pandas as pd

LARGEST = 10
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


def comparison_summary(comparison: pd.DataFrame) -> pd.DataFrame:
    """Quantiles over the invariants of one degree, of the paper's deviation and of |z|.

    Args:
        comparison: with the columns layer, epoch, subset, degree, deviation and z.

    Returns:
        layer, epoch, subset, degree, quantity (`deviation` or `absolute_z`), invariants (how many have a value),
        q05, q25, median, q75, q95, max.

    >>> labels = {"layer": 1, "epoch": 0.0, "subset": "all", "degree": 3}
    >>> table = comparison_summary(pd.DataFrame([{**labels, "deviation": 0.1, "z": -2.0}]))
    >>> table[["quantity", "median"]].values.tolist()
    [['deviation', 0.1], ['absolute_z', 2.0]]
    """
    keys = ["layer", "epoch", "subset", "degree"]
    parts = []
    for quantity, values in (("deviation", comparison.deviation), ("absolute_z", comparison.z.abs())):
        groups = comparison[keys].assign(value=values).groupby(keys, sort=False).value
        quantiles = groups.quantile(pd.Index(QUANTILES.values())).unstack()
        quantiles.columns = pd.Index(QUANTILES)
        quantiles.insert(0, "invariants", groups.count())
        quantiles.insert(0, "quantity", quantity)
        parts.append(quantiles.reset_index())
    return pd.concat(parts, ignore_index=True)


def largest_departures(comparison: pd.DataFrame, count: int = LARGEST) -> pd.DataFrame:
    """Select the invariants of largest |z| of each layer and subset at the last epoch, in that order, with their rank.

    The last epoch is that of the subset: if a network diverged, none has a fit of all of them at the end.

    >>> rows = [{"layer": 1, "epoch": 0.0, "subset": "all", "graph": g, "z": z} for g, z in (("00", 1), ("01", -3))]
    >>> largest_departures(pd.DataFrame(rows), count=1)[["rank", "graph"]].values.tolist()
    [[1, '01']]
    """
    ends = comparison.groupby("subset").epoch.transform("max")
    last = comparison[comparison.epoch == ends].dropna(subset="z")
    ordered = last.loc[last.z.abs().sort_values(ascending=False, kind="stable").index]
    rank = ordered.groupby(["layer", "subset"]).cumcount() + 1
    ordered.insert(0, "rank", rank)
    chosen = ordered[ordered["rank"] <= count]
    return chosen.sort_values(["layer", "subset", "rank"]).reset_index(drop=True)
