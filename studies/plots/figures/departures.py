"""Departures of the cubic and quartic invariants from the fitted Gaussian model, through training."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...analysis.layers.symmetrised import AVERAGED, BIPARTITE_GRAPHS, SQUARE_GRAPHS
from ...analysis.network_subsets import of_all_networks
from ...analysis.selection import where
from ...analysis.through_training.relative_change import by_chance
from ...analysis.verdicts import LEVEL
from ...notation.symbols import group_latex, layer_name
from ..epochs import label_epochs, marks
from ..scales import log_scale
from ..style import GREY, PALETTE, in_house_style, line_looks
from .panels import Entry, legend_above

_DEGREE_NAMES = {3: "cubic", 4: "quartic"}
_LEAST_Z = 0.2


@in_house_style
def plot_departures_by_epoch(comparison_summary: pd.DataFrame) -> Figure:
    """Plot quantiles over the invariants of their deviations: the paper's measure above, |z| below.

    Args:
        comparison_summary: the table of that name of a study: layer, epoch, quantity (`deviation`, `absolute_z`),
            degree, q25, median, q75, q95, max.

    Returns:
        A column of two panels for each layer.

    Source:
        arXiv:2510.05218, quantity (2).

    >>> row = {"layer": 1, "epoch": 0.0, "degree": 3, "q25": 0.5, "median": 1.0, "q75": 2.0, "q95": 3.0, "max": 4.0}
    >>> table = pd.DataFrame([{**row, "quantity": quantity} for quantity in ("deviation", "absolute_z")])
    >>> plot_departures_by_epoch(table).axes[1].get_ylabel()
    '|z|'
    """
    table = of_all_networks(comparison_summary)
    layers = list(table.layer.unique())
    figure = Figure(figsize=(max(4.2, 2.6 * len(layers)), 4.9))
    grid = figure.subplots(2, len(layers), sharex=True, sharey="row", squeeze=False)
    titles = {"deviation": "|predicted − measured|\n/ standard deviation", "absolute_z": "|z|"}
    for row, (quantity, title) in zip(grid, titles.items(), strict=True):
        for axes, layer in zip(row, layers, strict=True):
            for degree, colour in zip(_DEGREE_NAMES, PALETTE, strict=False):
                rows = where(table, layer=layer, quantity=quantity, degree=degree)
                axes.fill_between(rows.epoch, rows.q25, rows.q75, color=colour, alpha=0.18, linewidth=0)
                axes.plot(rows.epoch, rows["median"], color=colour, **marks(rows))
                axes.plot(rows.epoch, rows.q95, color=colour, linewidth=1.1, linestyle="--")
                axes.plot(rows.epoch, rows["max"], color=colour, linewidth=1.1, linestyle=":")
            if quantity == "absolute_z":
                axes.axhspan(_LEAST_Z, 2, color=GREY, alpha=0.1, linewidth=0)
                label_epochs(axes, most=2)
            else:
                axes.set_title(layer_name(layer))
        row[0].set_ylabel(title)
    # after all is drawn, for the limits are shared along a line of panels
    grid[0, 0].set_ylim(bottom=0)
    log_scale(grid[1, 0], _LEAST_Z, 1.3 * max(4.0, where(table, quantity="absolute_z")["max"].max()))
    degrees = [(name, {"color": colour}) for name, colour in zip(_DEGREE_NAMES.values(), PALETTE, strict=False)]
    quantiles: list[Entry] = [
        ("middle half", {"color": GREY, "alpha": 0.3, "linewidth": 7}),
        ("median", {"color": GREY}),
        ("95%", {"color": GREY, "linestyle": "--"}),
        ("largest", {"color": GREY, "linestyle": ":"}),
    ]
    legend_above(figure, [*degrees, *quantiles])
    return figure


@in_house_style
def plot_symmetrised_comparison(symmetrised_comparison: pd.DataFrame) -> Figure:
    """Plot how clearly three sets of invariants show the departures: significant fraction above, |z| below.

    The sets are the invariants of one permutation of rows and columns together, the same averaged over independent
    permutations, and the bipartite ones.

    Args:
        symmetrised_comparison: the table of that name of a study: layer, epoch, invariants, tested, significant,
            root_mean_square_z, largest_absolute_z.

    Returns:
        A column of two panels for each layer, a curve for each set.

    >>> from pigmm.studies.analysis.layers.symmetrised import AVERAGED, BIPARTITE_GRAPHS, SQUARE_GRAPHS
    >>> numbers = {"tested": 10, "significant": 2, "root_mean_square_z": 1.5, "largest_absolute_z": 4.0}
    >>> sets = [SQUARE_GRAPHS, AVERAGED, BIPARTITE_GRAPHS]
    >>> table = pd.DataFrame({"layer": 1, "epoch": 0.0, "invariants": sets, **numbers})
    >>> plot_symmetrised_comparison(table).axes[0].get_ylabel()
    'fraction with q ≤ 0.05'
    """
    table = of_all_networks(symmetrised_comparison)
    layers = sorted(table.layer.unique())
    looks = dict(zip((SQUARE_GRAPHS, AVERAGED, BIPARTITE_GRAPHS), line_looks(3), strict=True))
    figure = Figure(figsize=(1.4 + 2.6 * len(layers), 5.2))
    grid = figure.subplots(2, len(layers), sharex=True, sharey="row", squeeze=False)
    for (above, below), layer in zip(grid.T, layers, strict=True):
        for name, look in looks.items():
            rows = where(table, layer=layer, invariants=name)
            above.plot(rows.epoch, rows.significant / rows.tested, **look, **marks(rows))
            below.plot(rows.epoch, rows.root_mean_square_z, **look, **marks(rows))
            below.plot(rows.epoch, rows.largest_absolute_z, **{**look, "linestyle": ":", "linewidth": 1.0})
        below.axhline(1, color=GREY, linestyle="--", linewidth=1)
        above.set_title(layer_name(layer))
        label_epochs(below, most=2)
    grid[0, 0].set_ylim(-0.02, 1)
    grid[0, 0].set_ylabel(f"fraction with q ≤ {LEVEL:g}")
    grid[1, 0].set_ylabel("|z|")
    log_scale(grid[1, 0])
    counts = {name: where(table, invariants=name).tested.max() for name in looks}
    labels = {
        SQUARE_GRAPHS: f"{counts[SQUARE_GRAPHS]} of {group_latex('S_N')}",
        AVERAGED: "the same, averaged",
        BIPARTITE_GRAPHS: f"{counts[BIPARTITE_GRAPHS]} of {group_latex('S_N x S_N')}",
    }
    entries: list[Entry] = [(labels[name], look) for name, look in looks.items()]
    entries += [("root mean square", {"color": GREY}), ("largest", {"color": GREY, "linestyle": ":"})]
    legend_above(figure, entries, ncols=5, fontsize=8)
    return figure


@in_house_style
def plot_changes(change: pd.DataFrame) -> Figure:
    """Plot the distribution over the invariants of the relative change of their deviation through training.

    Args:
        change: the table of that name of a study: layer, in_paper, change.

    Returns:
        A panel for each layer: all invariants, those that the paper shows, and what chance alone gives.

    Source:
        arXiv:2510.05218, quantity (3).

    >>> table = pd.DataFrame({"layer": 1, "in_paper": [True, False], "change": [0.5, -0.2]})
    >>> plot_changes(table).axes[0].get_title()
    'layer 1'
    """
    table = of_all_networks(change)
    layers = sorted(table.layer.unique())
    lines = ceil(len(layers) / 4)
    figure = Figure(figsize=(1.2 + 2.3 * min(4, len(layers)), 0.9 + 2.4 * lines))
    grid = figure.subplots(lines, min(4, len(layers)), sharey=True, sharex=True, squeeze=False).flatten()
    values = np.linspace(-1, 1, 201)
    looks: dict[str, dict[str, Any]] = {"all": {"color": PALETTE[0]}, "the paper’s 39": {"color": PALETTE[1]}}
    for axes, layer in zip(grid, layers, strict=False):
        own = where(table, layer=layer).dropna(subset="change")
        axes.plot(values, by_chance(values), color=GREY, linestyle="--", linewidth=1)
        for name, rows in (("all", own), ("the paper’s 39", own[own.in_paper])):
            if len(rows):
                axes.ecdf(rows.change, **looks[name])
        axes.set_title(layer_name(layer))
        axes.set_xlim(-1, 1)
    for axes in grid[len(layers) :]:
        axes.set_axis_off()
    grid[0].set_ylabel("fraction of the invariants below")
    figure.supxlabel("(final − initial) / (final + initial)", fontsize=9)
    legend_above(figure, [*looks.items(), ("by chance alone", {"color": GREY, "linestyle": "--"})], ncols=3)
    return figure
