"""All cubic and quartic invariants in one figure: each a point, in the same place for every layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ....invariants import SQUARE, GraphFamily
from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import at_last_epoch, records
from ...analysis.through_training.published_invariants import papers_graphs
from ...notation.plain_text import printable
from ...notation.symbols import layer_name
from ...runs.files import file_name
from ..inline_svg import invariant_id
from ..scales import signed_log_scale
from ..style import GREY, PALETTE, in_house_style
from .panels import Entry, legend_above

# |z| is drawn linearly up to here, then logarithmically.
_LINEAR = 4.0


@in_house_style
def plot_z_score_overview(
    comparison: pd.DataFrame, family: GraphFamily | Mapping[Any, GraphFamily] = SQUARE, top: float | None = None
) -> Figure:
    """Plot z of every cubic and quartic invariant, sorted by degree and number of nodes.

    Args:
        comparison: the table of that name of a study, of which the last epoch is plotted, or of
            `pigmm.fitting.compare`: graph, formula, degree, nodes, z, and where there are several a layer.
        family: of the graphs, or that of each layer; of square matrices the invariants of the paper are filled.
        top: largest |z| that the ordinate has to hold (default: that of the points).

    Returns:
        A panel for each layer, the ordinate linear up to 4, then logarithmic.

    >>> from pigmm.fitting import PIGMM, compare
    >>> from pigmm.invariants import multigraphs
    >>> matrices = PIGMM.iid(4, variance=1.0).sample(50, seed=0)
    >>> figure = plot_z_score_overview(compare(PIGMM.fit(matrices), matrices, multigraphs(3)))
    >>> len(figure.axes)
    1
    """
    table = of_all_networks(comparison)
    table = at_last_epoch(table) if "epoch" in table else table
    layers = [(None, table)] if "layer" not in table else list(table.groupby("layer", sort=False))
    figure = Figure(figsize=(9.2, 0.55 + 1.75 * len(layers)))
    axes = figure.subplots(len(layers), 1, squeeze=False)[:, 0]
    for (layer, rows), panel in zip(layers, axes, strict=True):
        own = family[layer] if isinstance(family, Mapping) else family
        known = rows.dropna(subset="z").sort_values(["degree", "nodes"], kind="stable")
        _panel(panel, known, "" if layer is None else layer_name(layer), papers_graphs(rows, own), top)
    figure.supylabel("$z$, linear up to 4, then logarithmic", fontsize=9)
    point = {"marker": "o", "linestyle": ""}
    entries: list[Entry] = [
        ("cubic", {**point, "color": PALETTE[0]}),
        ("quartic", {**point, "color": PALETTE[1]}),
        ("of the 39 in arXiv:2510.05218", {**point, "color": GREY}),
        ("others", {**point, "color": GREY, "markerfacecolor": "white"}),
        ("by chance", {"color": GREY, "alpha": 0.25, "linewidth": 7}),
    ]
    legend_above(figure, entries)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, name: str, chosen: set[str], top: float | None) -> None:
    axes.axhspan(-2, 2, color=GREY, alpha=0.12, linewidth=0)
    for place, row in enumerate(records(rows)):
        colour = PALETTE[int(row["degree"]) - 3]
        fill = colour if row["graph"] in chosen else "white"
        look: dict[str, Any] = {"color": colour, "markerfacecolor": fill, "markersize": 3.6, "markeredgewidth": 0.9}
        gid = invariant_id(row["formula"], file_name(name))
        point = Line2D([place], [row["z"]], marker="o", linestyle="", **look, gid=gid)
        point.set_in_layout(False)  # hundreds would slow the layout
        axes.add_artist(point)  # the limits are set below
    ticks, names, left = [], [], 0
    for (_, nodes), group in rows.groupby(["degree", "nodes"]):
        ticks.append(left + (len(group) - 1) / 2)
        names.append(str(nodes))
        left += len(group)
        axes.axvline(left - 0.5, color=GREY, linewidth=0.5, alpha=0.5)
    # a number below a group that is too narrow for it would lie on its neighbour's
    wide = [place == 0 or tick - ticks[place - 1] > len(rows) / 90 for place, tick in enumerate(ticks)]
    axes.set_xticks(ticks, [name if shown else "" for name, shown in zip(names, wide, strict=True)], fontsize=7.5)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=7.5)
    axes.set_xlim(-2, max(len(rows), 1) + 1)
    signed_log_scale(axes, _LINEAR, stretch=1.2)
    if top is None:
        top = float(rows.z.abs().max()) if len(rows) else 0.0
    top = max(6.0, 1.4 * top)
    axes.set_ylim(-top, top)
    sizes = [size for size in (4, 10, 30, 100, 300, 1000) if size < top]
    # two of them tell the scale
    shown = [sizes[0], sizes[-1]] if len(sizes) > 1 else sizes
    axes.set_yticks([*(-size for size in reversed(shown)), 0, *shown])
    axes.grid(visible=False, axis="x")
    axes.set_title(printable(name), loc="left", parse_math=False)  # a name may have dollars
