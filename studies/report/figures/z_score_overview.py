"""All cubic and quartic invariants in one figure: each a point, in the same place for every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...analysis.selection import records
from ...notation.number_format import listed, number
from ...notation.symbols import layer_name
from ...plots.inline_svg import invariant_id
from ...plots.style import GREY, PALETTE, Illustration, legend_columns
from ...runs.files import file_name
from ..cards import Layer, papers_graphs

# |z| is drawn linearly up to here, then logarithmically.
_LINEAR = 4.0


def z_score_overview(layers: Sequence[Layer], name: str = "z_score_overview") -> Illustration:
    """z of every invariant, sorted by degree and number of nodes, a panel for each layer.

    Args:
        layers: each layer or ensemble with its kind of graphs and its rows of a comparison, of one epoch.
        name: of the file.

    >>> row = {"formula": "sum_i M_ii^3", "graph": "00 00 00", "degree": 3, "nodes": 1, "z": 5.0}
    >>> from pigmm.invariants import SQUARE
    >>> z_score_overview([(1, SQUARE, pd.DataFrame([row]))]).svg.count(b"invariant:")
    1
    """
    figure = Figure(figsize=(9.2, 0.55 + 1.75 * len(layers)))
    panels = figure.subplots(len(layers), 1, squeeze=False)[:, 0]
    for (layer, family, rows), axes in zip(layers, panels, strict=True):
        known = rows.dropna(subset="z").sort_values(["degree", "nodes"], kind="stable")
        _panel(axes, known, layer, papers_graphs(rows, family))
    figure.supylabel("$z$, linear up to 4, then logarithmic", fontsize=9)
    looks: dict[str, dict[str, Any]] = {
        "cubic": {"color": PALETTE[0]},
        "quartic": {"color": PALETTE[1]},
        "of the 39 in arXiv:2510.05218": {"color": GREY},
        "others": {"color": GREY, "markerfacecolor": "white"},
    }
    points = [Line2D([], [], label=label, marker="o", linestyle="", **look) for label, look in looks.items()]
    handles = [*points, Line2D([], [], label="by chance", color=GREY, alpha=0.25, linewidth=7)]
    columns = legend_columns([str(handle.get_label()) for handle in handles], figure.get_figwidth())
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    return Illustration.of(
        figure,
        name,
        "Every cubic and quartic invariant",
        Markup(
            "Measured minus predicted by the fitted model, in standard errors of the comparison, one point for each "
            "invariant: sorted by degree, then by the number of nodes of its graph (below each panel), in the same "
            "order for all layers of one kind. Grey: the two standard errors that chance explains. Beyond them are {}."
        ).format(listed([_beyond(layer, rows) for layer, _, rows in layers])),
        "A panel for each layer, with a point for each invariant at the height of its z.",
    )


def _panel(axes: Axes, rows: pd.DataFrame, layer: int | str, chosen: set[str]) -> None:
    axes.axhspan(-2, 2, color=GREY, alpha=0.12, linewidth=0)
    for place, row in enumerate(records(rows)):
        colour = PALETTE[int(row["degree"]) - 3]
        fill = colour if row["graph"] in chosen else "white"
        look: dict[str, Any] = {"color": colour, "markerfacecolor": fill, "markersize": 3.6, "markeredgewidth": 0.9}
        gid = invariant_id(row["formula"], file_name(layer_name(layer)))
        axes.plot([place], [row["z"]], "o", **look, gid=gid, in_layout=False)  # hundreds would slow the layout
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
    axes.set_yscale("symlog", linthresh=_LINEAR, linscale=1.2)
    top = max(6.0, 1.4 * float(rows.z.abs().max() if len(rows) else 0))
    axes.set_ylim(-top, top)
    sizes = [size for size in (4, 10, 30, 100, 300, 1000) if size < top]
    # two of them tell the scale
    shown = [sizes[0], sizes[-1]] if len(sizes) > 1 else sizes
    axes.set_yticks([*(-size for size in reversed(shown)), 0, *shown])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid(visible=False, axis="x")
    axes.set_title(layer_name(layer), loc="left", parse_math=False)  # a name may have dollars


def _beyond(layer: int | str, rows: pd.DataFrame) -> str:
    known = rows.z.dropna()
    return f"{number(int((known.abs() > 2).sum()), 'd')} of {len(known)} in {layer_name(layer)}"
