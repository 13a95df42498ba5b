"""The overview of all cubic and quartic invariants in a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from ....invariants import GraphFamily
from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import at_last_epoch
from ...notation.number_format import listed, number
from ...notation.symbols import layer_name
from ...plots.figures.z_score_overview import plot_z_score_overview
from ...plots.style import Illustration


def z_score_overview(
    comparison: pd.DataFrame,
    family: GraphFamily | Mapping[Any, GraphFamily],
    name: str = "z_score_overview",
    top: float | None = None,
) -> Illustration:
    """Draw z of every invariant at the last epoch, a panel for each layer.

    Args:
        comparison: a comparison of all networks with a column `layer`, and `epoch` where there are several.
        family: of the graphs, or that of each layer.
        name: of the file.
        top: largest |z| that the panels have room for (default: of all epochs in the table).

    Returns:
        The figure.

    >>> row = {"layer": 1, "formula": "sum_i M_ii^3", "graph": "00 00 00", "degree": 3, "nodes": 1, "z": 5.0}
    >>> from pigmm.invariants import SQUARE
    >>> z_score_overview(pd.DataFrame([row]), SQUARE).svg.count(b"invariant:")
    1
    """
    everyone = of_all_networks(comparison)
    last = at_last_epoch(everyone) if "epoch" in everyone else everyone
    when = f" at epoch {last.epoch.max():g}" if "epoch" in last else ""
    beyond = [_beyond(layer, rows) for layer, rows in last.groupby("layer", sort=False)]
    return Illustration(
        plot_z_score_overview(last, family, top=float(everyone.z.abs().max()) if top is None else top),
        name,
        "Every cubic and quartic invariant",
        Markup(
            "Measured minus predicted by the fitted model, in standard errors of the comparison, one point for each "
            "invariant: sorted by degree, then by the number of nodes of its graph (below each panel), in the same "
            "order for all layers of one kind. Grey: the two standard errors that chance explains. Beyond them are"
            "{} {}."
        ).format(f"{when}:" if when else "", listed(beyond)),
        "A panel for each layer, with a point for each invariant at the height of its z.",
    )


def _beyond(layer: object, rows: pd.DataFrame) -> str:
    known = rows.z.dropna()
    return f"{number(int((known.abs() > 2).sum()), 'd')} of {len(known)} in {layer_name(layer)}"
