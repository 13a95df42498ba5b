"""Places of the nodes and arcs of a multigraph in a drawing, with bent parallel arcs and loops."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import pairwise
from math import atan2, ceil, cos, hypot, pi, sin, sqrt
from typing import TYPE_CHECKING

import networkx
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .multigraph import Multigraph

Points = NDArray[np.float64]

# Lengths in units of an arc between neighbouring nodes.
#: Of a node.
NODE_RADIUS = 0.11
_BEND = 0.30  # between parallel arcs
_LOOP = 0.62
_GAP = 0.75  # between components


def node_places(graph: Multigraph) -> Points:
    """Lay out the nodes of a graph: each component by its own distances, components side by side.

    Args:
        graph: a multigraph.

    Returns:
        (number of nodes, 2) places; an arc between neighbours has length 1.

    >>> from pigmm.invariants import Multigraph
    >>> node_places(Multigraph([(0, 1)])).round(2)[:, 0].tolist()
    [0.0, 1.0]
    """
    boxes = []
    start = 0
    for component in graph.components:
        local = _component_places(component)
        outline = np.concatenate([local, *(curve_points(c) for c in arc_curves(component, local))])
        boxes.append((start, local - outline.min(axis=0), np.ptp(outline, axis=0)))
        start += component.number_of_nodes
    across = ceil(sqrt(len(boxes)))
    places = np.zeros((start, 2))
    top = 0.0
    for first in range(0, len(boxes), across):
        line = boxes[first : first + across]
        height, left = max(box[2][1] for box in line), 0.0
        for begin, local, (width, own_height) in line:
            places[begin : begin + len(local)] = local + np.array([left, top + (height - own_height) / 2])
            left += width + _GAP
        top -= height + _GAP
    shifted: Points = places - places[0]
    return shifted


def arc_curves(graph: Multigraph, places: Points) -> list[Points]:
    """Return the Bézier curve of each arc, from the rim of its tail to that of its head.

    Args:
        graph: a multigraph.
        places: (number of nodes, 2), from `node_places`.

    Returns:
        Control points of each arc: (3, 2), or (4, 2) for loops.

    >>> from pigmm.invariants import Multigraph
    >>> [curve.shape for curve in arc_curves(Multigraph([(0, 0), (0, 1)]), np.array([[0.0, 0.0], [1.0, 0.0]]))]
    [(4, 2), (3, 2)]
    """
    together: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, (tail, head) in enumerate(graph.arcs):
        together[min(tail, head), max(tail, head)].append(number)
    curves: dict[int, Points] = {}
    for (a, b), numbers in together.items():
        if a == b:
            directions = _free_directions(graph, places, a, len(numbers))
            curves |= {n: _loop(places[a], angle, len(numbers)) for n, angle in zip(numbers, directions, strict=True)}
            continue
        for place, number in enumerate(numbers):
            bend = _BEND * (place - (len(numbers) - 1) / 2)
            tail, head = graph.arcs[number]
            # bends are counted as seen from node a, whatever the direction of the arc
            curves[number] = _arc(places[tail], places[head], bend if tail == a else -bend)
    return [curves[number] for number in range(graph.degree)]


@lru_cache(maxsize=1024)
def _component_places(graph: Multigraph) -> Points:
    """Distances in the drawing are those along the arcs (Kamada and Kawai 1989), the long axis lies horizontally."""
    n = graph.number_of_nodes
    if n == 1:
        return np.zeros((1, 2))
    simple: networkx.Graph[int] = networkx.Graph()
    simple.add_nodes_from(range(n))
    simple.add_edges_from((tail, head) for tail, head in graph.arcs if tail != head)
    # started from a circle in the order of a walk, without which a cycle may stay twisted
    walk = enumerate(networkx.dfs_preorder_nodes(simple, 0))
    start = {node: np.array([cos(2 * pi * k / n), sin(2 * pi * k / n)]) for k, node in walk}
    found = networkx.kamada_kawai_layout(simple, pos=start)
    places: Points = np.array([found[node] for node in range(n)])
    places /= np.mean([hypot(*(places[tail] - places[head])) for tail, head in simple.edges])
    places -= places.mean(axis=0)
    axis = np.linalg.svd(places)[2]
    places = places @ axis.T
    # a definite sense of each axis: the first node that is off it lies left of, or below, the middle
    for coordinate in places.T:
        off = coordinate[np.abs(coordinate) > 1e-6]
        coordinate *= -np.sign(off[0]) if len(off) else 1.0
    places.flags.writeable = False  # remembered, hence shared
    return places


def _arc(tail: Points, head: Points, bend: float) -> Points:
    chord = head - tail
    control = (tail + head) / 2 + 2 * bend * np.array([-chord[1], chord[0]])
    start, end = (p + NODE_RADIUS * (control - p) / hypot(*(control - p)) for p in (tail, head))
    return np.array([start, control, end])


def _loop(node: Points, angle: float, siblings: int) -> Points:
    spread = min(0.62, 0.8 * pi / max(siblings, 2) / 2)
    rim = [node + NODE_RADIUS * np.array([cos(angle + s), sin(angle + s)]) for s in (-spread, spread)]
    far = [node + _LOOP * 1.33 * np.array([cos(angle + s), sin(angle + s)]) for s in (-spread, spread)]
    return np.array([rim[0], far[0], far[1], rim[1]])


def _free_directions(graph: Multigraph, places: Points, node: int, count: int) -> list[float]:
    """Directions for loops: evenly in the widest angle that no neighbour takes; all round if there is none."""
    neighbours = {b if a == node else a for a, b in graph.arcs if node in (a, b)} - {node}
    taken = sorted(atan2(*(places[other] - places[node])[::-1]) for other in neighbours)
    if not taken:
        return [pi / 2 + 2 * pi * i / count for i in range(count)]
    gaps = [(after - before, before) for before, after in zip(taken, [*taken[1:], taken[0] + 2 * pi], strict=True)]
    width, start = max(gaps, key=lambda gap: (round(gap[0], 6), gap[1]))
    return [start + width * (i + 1) / (count + 1) for i in range(count)]


def curve_points(control: Points) -> Points:
    """Return points along a Bézier curve, by de Casteljau's construction.

    Args:
        control: (count, 2) control points.

    Returns:
        (points, 2) places, from the first control point to the last.

    Source:
        P. de Casteljau, Outillage méthodes calcul, Citroën (1959).

    >>> curve_points(np.array([[0.0, 0.0], [2.0, 0.0]]))[-1].tolist()
    [2.0, 0.0]
    """
    t = np.linspace(0, 1, 16)[:, None]
    level = [np.broadcast_to(point, (16, 2)) for point in control]
    while len(level) > 1:
        level = [(1 - t) * a + t * b for a, b in pairwise(level)]
    return np.array(level[0])
