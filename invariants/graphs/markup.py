"""A multigraph as SVG and as TikZ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .geometry import arc_curves, curve_points, node_places

if TYPE_CHECKING:
    from .multigraph import Multigraph

Points = NDArray[np.float64]

_RADIUS = 0.09  # of a node, where an arc between neighbours has length 1
_HEAD = 0.17  # length of an arrowhead


def graph_svg(graph: Multigraph, *, scale: float = 64.0, standalone: bool = False) -> str:
    """Draw a multigraph as SVG, in the colour of the surrounding text.

    Args:
        graph: row nodes (kind 0) become discs, column nodes (kind 1) squares.
        scale: pixels of an arc between neighbouring nodes.
        standalone: on a white ground, for a file of its own.

    Returns:
        An svg element.

    >>> from pigmm.invariants import Multigraph
    >>> picture = graph_svg(Multigraph([(0, 1), (1, 0)]))
    >>> picture.count("<path"), picture.count("<circle")
    (4, 2)
    """
    places, curves, low, high = _geometry(graph)

    def at(point: Points) -> str:
        x, y = (point - low) * scale
        return f"{x:.1f},{(high[1] - low[1]) * scale - y:.1f}"

    width, height = (high - low) * scale
    parts = ['<rect width="100%" height="100%" fill="white" stroke="none"/>'] if standalone else []
    for curve in curves:
        base, wings = _head(curve) if graph.directed else (curve[-1], None)
        line = [*curve[:-1], base]
        parts.append(f'<path d="M{at(line[0])} {"C" if len(line) == 4 else "Q"}{" ".join(map(at, line[1:]))}"/>')
        if wings is not None:
            parts.append(f'<path class="head" fill="currentColor" d="M{" L".join(map(at, wings))} Z"/>')
    for place, kind in zip(places, graph.kinds, strict=True):
        x, y = at(place).split(",")
        r = _RADIUS * scale
        if kind:
            corner = f'x="{float(x) - r:.1f}" y="{float(y) - r:.1f}"'
            parts.append(f'<rect {corner} width="{2 * r:.1f}" height="{2 * r:.1f}" fill="currentColor"/>')
        else:
            parts.append(f'<circle cx="{x}" cy="{y}" r="{r:.1f}" fill="currentColor"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width:.1f} {height:.1f}" '
        f'width="{width:.0f}" height="{height:.0f}" fill="none" stroke="currentColor" stroke-width="1.4">'
        f"<title>{graph.formula}</title>{''.join(parts)}</svg>"
    )


def graph_tikz(graph: Multigraph) -> str:
    r"""Draw a multigraph in TikZ (needs \usepackage{tikz}).

    Args:
        graph: row nodes (kind 0) become discs, column nodes (kind 1) squares.

    Returns:
        A tikzpicture environment.

    >>> from pigmm.invariants import Multigraph
    >>> print(graph_tikz(Multigraph([(0, 1)])).splitlines()[1])
    \draw[-latex] (0.11,0.00) .. controls (0.50,0.00) .. (0.89,0.00);
    """
    places, curves, _, _ = _geometry(graph)

    def at(point: Points) -> str:
        return f"({point[0] + 0.0:.2f},{point[1] + 0.0:.2f})".replace("-0.00", "0.00")

    arrow = "-latex" if graph.directed else "-"
    lines = [r"\begin{tikzpicture}[baseline=-0.5ex,scale=0.8]"]
    for curve in curves:
        controls = " and ".join(map(at, curve[1:-1]))
        lines.append(rf"\draw[{arrow}] {at(curve[0])} .. controls {controls} .. {at(curve[-1])};")
    for place, kind in zip(places, graph.kinds, strict=True):
        if kind:
            corners = at(place - _RADIUS), at(place + _RADIUS)
            lines.append(rf"\fill {corners[0]} rectangle {corners[1]};")
        else:
            lines.append(rf"\fill {at(place)} circle ({_RADIUS});")
    return "\n".join([*lines, r"\end{tikzpicture}"])


def _geometry(graph: Multigraph) -> tuple[Points, list[Points], Points, Points]:
    places = node_places(graph)
    curves = arc_curves(graph, places)
    outline = np.concatenate([places, *map(curve_points, curves)])
    return places, curves, outline.min(axis=0) - 0.2, outline.max(axis=0) + 0.2


def _head(curve: Points) -> tuple[Points, list[Points]]:
    """Where the line ends, and the corners of the arrowhead at the end of a curve."""
    tip = curve[-1]
    direction = (tip - curve[-2]) / np.hypot(*(tip - curve[-2]))
    base = tip - _HEAD * direction
    side = 0.38 * _HEAD * np.array([-direction[1], direction[0]])
    return base, [tip, base + side, base - side]
