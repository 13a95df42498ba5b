"""Small panels side by side, and one legend above them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...notation.symbols import layer_name
from ..epochs import epoch_ticks
from ..style import legend_columns, line_looks

#: Label and look of an entry of a legend.
Entry = tuple[str, dict[str, Any]]


def panels(names: Sequence[str], draw: Callable[[Axes, str], None], entries: Sequence[Entry]) -> Figure:
    """Draw a panel for each name against the epoch, five in a line, and one legend.

    Args:
        names: of the panels.
        draw: called with the axes and the name of each.
        entries: of the legend.

    Returns:
        The figure.

    >>> len(panels(["a", "b"], lambda axes, name: axes.plot([0, 1], [1, 2]), [("a curve", {})]).axes)
    5
    """
    lines = ceil(len(names) / 5)
    figure = Figure(figsize=(9.2, 0.4 + 1.6 * lines))
    grid = figure.subplots(lines, 5, sharex=True, squeeze=False).flatten()
    for axes, name in zip(grid, names, strict=False):
        draw(axes, name)
        # labels below every panel, so that the lines of panels are evenly apart where the last one is not full
        axes.tick_params(labelsize=7.5, labelbottom=True)
        axes.set_xticks(epoch_ticks(axes.dataLim.x0, axes.dataLim.x1, most=2))
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=9)
    legend_above(figure, entries)
    return figure


def legend_above(figure: Figure, entries: Sequence[Entry], **options: Any) -> None:
    """Put a legend above all panels, in as many columns as fit.

    Args:
        figure: whose width counts.
        entries: label and look of each.
        **options: further ones of matplotlib's legend; `ncols` overrides the number of columns.

    >>> figure = Figure()
    >>> legend_above(figure, [("mean", {"color": "black"})])
    >>> [text.get_text() for text in figure.legends[0].texts]
    ['mean']
    """
    handles = [Line2D([], [], label=label, **look) for label, look in entries]
    columns = legend_columns([label for label, _ in entries], figure.get_figwidth())
    figure.legend(handles=handles, loc="outside upper center", **{"ncols": columns, **options})


def layer_looks(table: pd.DataFrame) -> dict[Any, dict[str, Any]]:
    """Choose the look of the curve of each layer, in the order of the layers.

    Args:
        table: with a column `layer`.

    Returns:
        Options of matplotlib's curves by layer.

    >>> layer_looks(pd.DataFrame({"layer": [2, 1, 2]}))
    {1: {'color': '#0072B2', 'linestyle': '-'}, 2: {'color': '#D55E00', 'linestyle': '-'}}
    """
    layers = sorted(table.layer.unique().tolist())
    return dict(zip(layers, line_looks(len(layers)), strict=True))


def layer_entries(table: pd.DataFrame) -> list[Entry]:
    """Name the curves of the layers for a legend.

    Args:
        table: with a column `layer`.

    Returns:
        Names and options of the curves.

    >>> layer_entries(pd.DataFrame({"layer": [1]}))
    [('layer 1', {'color': '#0072B2', 'linestyle': '-'})]
    """
    return [(layer_name(layer), {**look}) for layer, look in layer_looks(table).items()]
