"""The graphs of the invariants that a fitted model misses most."""

from __future__ import annotations

from math import ceil

import pandas as pd
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from ....invariants import SQUARE, GraphFamily, parse_label
from ...analysis.network_subsets import of_all_networks
from ...notation.symbols import formula_latex
from ..graphs import draw_graph
from ..inline_svg import invariant_id
from ..style import in_house_style


@in_house_style
def plot_largest_departures(largest_departures: pd.DataFrame, family: GraphFamily = SQUARE) -> Figure:
    """Draw the graphs of invariants with their formulas and z, in the order of the rows.

    Args:
        largest_departures: the table of that name of a study, one layer, or rows of `pigmm.fitting.compare`: graph,
            formula, z.
        family: of the graphs: `SQUARE`, `RECTANGULAR` or `SYMMETRIC`.

    Returns:
        A drawing for each row, five in a line.

    >>> table = pd.DataFrame({"graph": ["00 00 00"], "formula": ["sum_i M_ii^3"], "z": [5.0]})
    >>> plot_largest_departures(table).axes[0].get_title()
    '$\\\\sum_{i} M_{ii}^{3}$\\n$z = +5.0$'
    """
    rows = of_all_networks(largest_departures)
    figure = Figure(figsize=(7.6, 0.1 + 1.55 * ceil(len(rows) / 5)))
    grid = figure.subplots(ceil(len(rows) / 5), 5, squeeze=False).flatten()
    for axes in grid[len(rows) :]:
        axes.set_axis_off()
    for axes, row in zip(grid, rows.itertuples(), strict=False):
        with threadpool_limits(1, user_api="blas"):  # layouts solve tiny systems, which threads only delay
            draw_graph(axes, parse_label(str(row.graph), family))
        axes.set_title(f"{formula_latex(str(row.formula))}\n$z = {row.z:+.1f}$", fontsize=7.5)
        axes.set_gid(invariant_id(str(row.formula), 0))
    return figure
