"""Deviations of the linear and quadratic invariants from initialisation."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import where
from ...notation.symbols import formula_latex
from ..epochs import marks
from ..inline_svg import invariant_id
from ..scales import log_scale
from ..style import GREY, in_house_style
from .panels import layer_entries, layer_looks, panels

#: Deviations below it are drawn there.
LEAST = 0.1

# Below a formula, in points: the indices under its sum are lower than the line that it stands on.
_PAD = 10.8


@in_house_style
def plot_initialisation(initialisation: pd.DataFrame) -> Figure:
    """Plot the deviation of each linear and quadratic invariant from initialisation, in standard errors.

    Args:
        initialisation: the table of that name of a study, layers of one shape: layer, epoch, graph, formula, deviation.

    Returns:
        A panel for each invariant on one logarithmic scale, a curve for each layer.

    Source:
        arXiv:2510.05218, quantity (1).

    >>> row = {"layer": 1, "graph": "00", "formula": "sum_i M_ii"}
    >>> table = pd.DataFrame([{**row, "epoch": 0.0, "deviation": 0.5}, {**row, "epoch": 1.0, "deviation": 30.0}])
    >>> plot_initialisation(table).axes[0].get_title()
    '$\\\\sum_{i} M_{ii}$'
    """
    table = of_all_networks(initialisation)
    formulas = dict(zip(table.graph, table.formula, strict=True))
    looks = layer_looks(table)
    top = 1.5 * max(10.0, table.deviation.max())

    def panel(axes: Axes, graph: str) -> None:
        for layer, rows in where(table, graph=graph).groupby("layer"):
            axes.plot(rows.epoch, rows.deviation.clip(lower=LEAST), **looks[layer], **marks(rows))
        axes.axhspan(LEAST, 2, color=GREY, alpha=0.12, linewidth=0)
        log_scale(axes, LEAST, top)
        axes.set_title(formula_latex(formulas[graph]), pad=_PAD)
        axes.set_gid(invariant_id(formulas[graph], 0))

    compatible = ("compatible with initialisation", {"color": GREY, "alpha": 0.25, "linewidth": 7})
    return panels(list(table.graph.unique()), panel, [*layer_entries(table), compatible])
