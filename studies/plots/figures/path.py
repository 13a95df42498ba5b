"""The path of the layers of one shape through the space of models."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from ..style import in_house_style
from .panels import layer_entries, layer_looks, legend_above


@in_house_style
def plot_path(trajectory: pd.DataFrame, trajectory_distances: pd.DataFrame) -> Figure:
    """Plot the models of all epochs and layers of one shape in a plane, and the table of their distances in colours.

    Args:
        trajectory: the table of that name of a study, layers of one shape: layer, epoch, x1, x2.
        trajectory_distances: the table of that name: layer, epoch, other_layer, other_epoch, wasserstein.

    Returns:
        Two panels and a scale of colours.

    >>> places = pd.DataFrame({"layer": 1, "epoch": [0.0, 1.0], "x1": [0.0, 3.0], "x2": [0.0, 4.0]})
    >>> pairs = [(0.0, 0.0, 0.0), (0.0, 1.0, 5.0), (1.0, 0.0, 5.0), (1.0, 1.0, 0.0)]
    >>> between = pd.DataFrame(pairs, columns=["epoch", "other_epoch", "wasserstein"]).assign(layer=1, other_layer=1)
    >>> plot_path(places, between).axes[0].get_xlabel()
    'first coordinate'
    """
    figure = Figure(figsize=(7.6, 3.7))
    plane, square = figure.subplots(1, 2, width_ratios=(1.15, 1))
    looks = layer_looks(trajectory)
    for layer, rows in trajectory.groupby("layer"):
        plane.plot(rows.x1, rows.x2, **looks[layer], marker="o", markersize=3)
        last = rows.iloc[-1]
        plane.annotate(f"{last.epoch:g}", (last.x1, last.x2), textcoords="offset points", xytext=(4, 4), fontsize=8)
    first = trajectory[trajectory.epoch == trajectory.epoch.min()]
    plane.plot(first.x1, first.x2, "s", color="black", markersize=5, zorder=4)
    plane.set_xlabel("first coordinate")
    plane.set_ylabel("second coordinate")
    plane.set_aspect("equal", adjustable="datalim")
    order = list(zip(trajectory.layer, trajectory.epoch, strict=True))
    wide = trajectory_distances.pivot(
        index=["layer", "epoch"], columns=["other_layer", "other_epoch"], values="wasserstein"
    )
    cells = square.pcolormesh(wide.loc[order, order].to_numpy(), cmap="viridis", vmin=0)
    figure.colorbar(cells, ax=square, label="$W_2$")
    middles, edges = [], [0]
    for layer, rows in trajectory.groupby("layer"):
        middles.append((edges[-1] + len(rows) / 2, str(layer)))
        edges.append(edges[-1] + len(rows))
    for edge in edges[1:-1]:
        square.axhline(edge, color="white", linewidth=1)
        square.axvline(edge, color="white", linewidth=1)
    for axis in (square.xaxis, square.yaxis):
        axis.set_ticks([middle for middle, _ in middles], [name for _, name in middles])
    square.set_xlabel("layer, and in it the epochs")
    square.set_ylabel("layer, and in it the epochs")
    square.set_aspect("equal")
    square.grid(visible=False)
    square.invert_yaxis()
    start = ("the first epoch", {"color": "black", "marker": "s", "linestyle": ""})
    legend_above(figure, [*layer_entries(trajectory), start])
    return figure
