"""Which invariants are sums of squares, and which of these vanish at the zero matrix only: read off their graphs.

Hold some nodes S of a graph fixed. What is left falls into pieces that meet in S only, so for each value of S the
invariant is a product of its pieces. If each piece occurs an even number of times, or is a sum of squares by itself,
the invariant is a sum of squares over the values of S: tr (M M^T)^2 = sum_ik (sum_j M_ij M_kj)^2 with S = {i, k}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

from ....invariants.graphs.multigraph import Multigraph

# A node that is held fixed has a kind of its own: its kind in the matrix, and a number.
_FIXED = 64


def is_sum_of_squares(graph: Multigraph) -> bool:
    """Whether the graph shows that its invariant is never negative, at any size.

    Args:
        graph: of any kind of matrices.

    Returns:
        True if it is a sum of squares by its pieces; False if the graph does not show it.

    >>> is_sum_of_squares(Multigraph([(0, 1), (2, 1), (2, 3), (0, 3)]))  # tr (M M^T)^2
    True
    >>> is_sum_of_squares(Multigraph([(0, 1), (1, 2), (2, 3), (3, 0)]))  # tr M^4
    False
    """
    return any(True for _ in _cuts(graph, least=0))


def vanishes_only_at_zero(graph: Multigraph) -> bool:
    """Whether the graph shows that its invariant is positive but for the zero matrix, at any size.

    Args:
        graph: of one matrix.

    Returns:
        True if it does.

    >>> vanishes_only_at_zero(Multigraph([(0, 1)] * 4))  # sum M_ij^4
    True
    >>> vanishes_only_at_zero(Multigraph([(0, 0)] * 4))  # sum M_ii^4
    False
    """
    return len(set(graph.colours)) == 1 and is_sum_of_squares(graph) and _forces_zero(graph)


@lru_cache(maxsize=1 << 12)
def _forces_zero(graph: Multigraph) -> bool:
    """Whether a matrix is zero if the graph's value is zero for all values of its fixed nodes."""
    fixed = _fixed_nodes(graph)
    if graph.degree == 1:
        return len(fixed) == 2  # all its entries are zero
    pieces = set(_pieces(graph))
    if len(pieces) == 1 and pieces != {graph} and _forces_zero(next(iter(pieces))):
        return True
    if not fixed and all(piece != graph and _forces_zero(piece) for piece in pieces):
        return True
    return any(map(_forces_zero, _merged(graph, fixed))) or any(map(_forces_zero, _cuts(graph, least=1)))


@lru_cache(maxsize=1 << 12)
def _is_square(graph: Multigraph) -> bool:
    return is_sum_of_squares(graph)


def _cuts(graph: Multigraph, least: int) -> Iterator[Multigraph]:
    """The graph with at least so many more nodes held fixed, where that leaves a product that is never negative."""
    free = [node for node in range(graph.number_of_nodes) if graph.kinds[node] < _FIXED]
    for count in range(least, len(free) + 1):
        for chosen in combinations(free, count):
            held = _held(graph, chosen)
            odd = [piece for piece, times in Counter(_pieces(held)).items() if times % 2]
            if all((count > 0 or piece != graph) and _is_square(piece) for piece in odd):
                yield held


def _held(graph: Multigraph, chosen: tuple[int, ...]) -> Multigraph:
    """The graph with further nodes held fixed, each told from all others."""
    used = max(graph.kinds) // _FIXED
    kinds = list(graph.kinds)
    for number, node in enumerate(chosen, start=used + 1):
        kinds[node] += _FIXED * number
    return Multigraph(graph.arcs, graph.colours, kinds, graph.directed)


def _fixed_nodes(graph: Multigraph) -> list[int]:
    return [node for node, kind in enumerate(graph.kinds) if kind >= _FIXED]


def _merged(graph: Multigraph, fixed: list[int]) -> Iterator[Multigraph]:
    """The graph where two fixed nodes of one kind of the matrix take the same value."""
    for a, b in combinations(fixed, 2):
        if (graph.kinds[a] - graph.kinds[b]) % _FIXED == 0:
            place = {node: k for k, node in enumerate(n for n in range(graph.number_of_nodes) if n != b)}
            place[b] = place[a]
            arcs = [(place[tail], place[head]) for tail, head in graph.arcs]
            kinds = [kind for node, kind in enumerate(graph.kinds) if node != b]
            yield Multigraph(arcs, graph.colours, kinds, graph.directed)


def _pieces(graph: Multigraph) -> list[Multigraph]:
    """The parts that meet in fixed nodes only: arcs between these, and what is connected through free nodes."""
    root = list(range(graph.number_of_nodes))
    fixed = set(_fixed_nodes(graph))
    for tail, head in graph.arcs:
        if tail not in fixed and head not in fixed:
            low, high = sorted((root[tail], root[head]))
            root = [low if r == high else r for r in root]
    groups: dict[object, list[int]] = {}
    for number, (tail, head) in enumerate(graph.arcs):
        ends = [root[node] for node in (tail, head) if node not in fixed]
        groups.setdefault(ends[0] if ends else ("arc", number), []).append(number)
    found = []
    for numbers in groups.values():
        nodes = sorted({node for number in numbers for node in graph.arcs[number]})
        place = {node: k for k, node in enumerate(nodes)}
        found.append(
            Multigraph(
                [(place[graph.arcs[k][0]], place[graph.arcs[k][1]]) for k in numbers],
                [graph.colours[k] for k in numbers],
                [graph.kinds[node] for node in nodes],
                graph.directed,
            )
        )
    return found
