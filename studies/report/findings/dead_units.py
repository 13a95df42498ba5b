"""Dead units in the report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...analysis.dead_units import ACTIVE, DEAD, RANDOM
from ...analysis.layer import Tables
from ...analysis.selection import at_last_epoch, where
from ...notation.number_format import listed, number
from ...notation.symbols import layer_name
from .finding import Finding, finding_table


def dead_units(tables: Tables) -> Finding:
    """How many units are off, whether that costs accuracy, and what the matrices without them say.

    Args:
        tables: `units`, `networks` and, where enough networks had as many dead units, `active_units`.

    >>> labels = {"layer": 0, "network": range(4), "units": 5}
    >>> units = [pd.DataFrame({"epoch": epoch, **labels, "dead": [0, 1, 1, 2]}) for epoch in (0.0, 2.0)]
    >>> networks = pd.DataFrame({"network": range(4), "test_accuracy": [0.9, 0.8, 0.8, 0.7]})
    >>> dead_units({"units": pd.concat(units), "networks": networks}).table.rows
    (('layer 0', '5', '1.00', '1.00', '−1.00'),)
    """
    units, accuracy = tables["units"], tables["networks"].set_index("network").test_accuracy
    first, last = units[units.epoch == units.epoch.min()], at_last_epoch(units)
    start, end = (f"dead at epoch {table.epoch.iloc[0]:g}" for table in (first, last))
    rows = []
    for layer, own in last.groupby("layer"):
        correlation = own.dead.corr(own.network.map(accuracy)) if own.dead.nunique() > 1 else np.nan
        rows.append(
            {
                "layer": layer_name(layer),
                "units": str(own.units.iloc[0]),
                start: number(where(first, layer=layer).dead.mean(), ".2f"),
                end: number(own.dead.mean(), ".2f"),
                "correlation with the test accuracy": number(correlation, "+.2f"),
            }
        )
    text = (
        "A unit is called dead if it is off for every test image: for these it passes nothing on, and as far as it "
        "is off for the images of the training too, the weights into and out of it do not learn, though a weight decay "
        "shrinks them. The table has the mean number of dead units of a network in each hidden layer. "
    )
    if "active_units" in tables:
        text += " ".join(_mixtures(at_last_epoch(tables["active_units"])))
    return Finding("Dead units", text, finding_table("Dead units", rows))


def _mixtures(active: pd.DataFrame) -> list[str]:
    """A sentence for each matrix, about its columns of active and of dead units."""
    sentences = []
    for layer, table in active.groupby("layer"):
        by_choice = table.set_index("chosen")
        count, columns = int(table.networks.iloc[0]), int(by_choice["columns"][ACTIVE])
        names = {ACTIVE: "those of active units", RANDOM: "as many at random", DEAD: "those of dead units"}
        found = [
            f"{by_choice.median_z[name]:.1f} (largest {by_choice.largest_z[name]:.1f}) for {words}"
            for name, words in names.items()
            if name in by_choice.index
        ]
        sentences.append(
            f"Of {layer_name(layer)}, in the {count} networks in which {columns} of its columns belong to units that "
            f"answer, the median |z| of the 43 bipartite invariants, against the 5-parameter model of such columns, is "
            f"{listed(found)}."
        )
    return sentences
