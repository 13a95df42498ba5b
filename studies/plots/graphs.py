"""Draw a multigraph: nodes, loops and bent parallel arcs, with arrowheads where they meet the nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from ...invariants import Multigraph
from ...invariants.graphs.geometry import NODE_RADIUS, arc_curves, curve_points, node_places
from .style import PALETTE

Points = NDArray[np.float64]


def draw_graph(axes: Axes, graph: Multigraph, *, arrow_size: float = 9.0) -> None:
    """Draw a multigraph on an axis, which loses its frame; the same graph gives the same drawing.

    Args:
        axes: any matplotlib axis; its limits are set.
        graph: row nodes (kind 0) become discs, column nodes of rectangular matrices (kind 1) squares.
        arrow_size: of the heads, in points.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> draw_graph(axes, Multigraph([(0, 0), (0, 1), (0, 1)]))
    >>> len(axes.patches)  # three arcs, two nodes
    5
    """
    places = node_places(graph)
    curves = arc_curves(graph, places)
    for curve in curves:
        path = Path(curve, [Path.MOVETO] + [Path.CURVE4 if len(curve) == 4 else Path.CURVE3] * (len(curve) - 1))
        if graph.directed:
            look: dict[str, Any] = {"color": PALETTE[0], "linewidth": 1.3, "zorder": 1}
            axes.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=arrow_size, **look))
        else:
            axes.add_patch(PathPatch(path, facecolor="none", edgecolor=PALETTE[0], linewidth=1.3, zorder=1))
    for (x, y), kind in zip(places, graph.kinds, strict=True):
        look = {"facecolor": "white" if kind else "black", "edgecolor": "black", "linewidth": 1.1, "zorder": 2}
        if kind:
            axes.add_patch(
                Rectangle((x - NODE_RADIUS * 0.9, y - NODE_RADIUS * 0.9), NODE_RADIUS * 1.8, NODE_RADIUS * 1.8, **look)
            )
        else:
            axes.add_patch(Circle((x, y), NODE_RADIUS * 0.8, **look))
    outline = np.concatenate([places, *map(curve_points, curves)])
    # one shape and a least size of the frame, so that drawings beside each other are level and of like scale
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    width, height = np.ptp(outline, axis=0) + 0.5
    half = max(2.4, width, 1.5 * height) / 2
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half / 1.5, middle[1] + half / 1.5)
    axes.set_aspect("equal")
    axes.set_axis_off()
