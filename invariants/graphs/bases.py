"""The graph basis (indices summed independently) and the orbit basis (distinct indices), and relations at finite size.

Summing independently, some indices coincide: O_G = sum over set partitions pi of the nodes of O'_(G/pi), where O' sums
over distinct indices only and G/pi merges the nodes of each block. Möbius inversion on the lattice of set partitions:
    O'_G = sum over pi of mu(pi) O_(G/pi),    mu(pi) = prod over blocks of (-1)^(b-1) (b-1)!.
More than N indices cannot be distinct, so O'_G = 0 for a graph with more than N nodes: a linear relation between the O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import factorial, prod

from .families import GraphFamily, checked_family, checked_size_of_each_kind
from .multigraph import Multigraph
from .partitions import Partition, set_partitions

#: A linear combination of invariants: coefficient of each graph.
Combination = dict[Multigraph, int]


def graph_to_orbit_basis(graph: Multigraph, family: GraphFamily | None = None) -> Combination:
    """Expand the independent sums of a graph in sums over distinct indices.

    Args:
        graph: of any kind of matrices.
        family: the kind of matrices, if the graph alone does not tell (zero diagonal: merged nodes with an arc vanish).

    Returns:
        Graph -> coefficient, integers.

    Source:
        Derivation 1.

    >>> {g.label: c for g, c in graph_to_orbit_basis(Multigraph([(0, 1), (1, 0)])).items()}
    {'01 10': 1, '00 00': 1}
    """
    return _merged(graph, checked_family([graph], family), moebius=False)


def orbit_to_graph_basis(graph: Multigraph, family: GraphFamily | None = None) -> Combination:
    """Expand the sum over distinct indices of a graph in independent sums: the inverse of `graph_to_orbit_basis`.

    Args:
        graph: of any kind of matrices.
        family: the kind of matrices, if the graph alone does not tell (zero diagonal: merged nodes with an arc vanish).

    Returns:
        Graph -> coefficient, integers.

    Source:
        Möbius inversion on the lattice of set partitions (G.-C. Rota, Z. Wahrscheinlichkeitstheorie 2, 340 (1964)).

    >>> {g.label: c for g, c in orbit_to_graph_basis(Multigraph([(0, 1), (1, 0)])).items()}
    {'01 10': 1, '00 00': -1}
    """
    return _merged(graph, checked_family([graph], family), moebius=True)


def _merged(graph: Multigraph, family: GraphFamily, moebius: bool) -> Combination:
    result: Counter[Multigraph] = Counter()
    for partition in _partitions_by_kind(graph.kinds):
        merged = merge_nodes(graph.arcs, graph.colours, graph.kinds, partition, family)
        if merged is not None:
            blocks = Counter(partition).values()
            result[merged] += prod((-1) ** (b - 1) * factorial(b - 1) for b in blocks) if moebius else 1
    return {g: c for g, c in result.items() if c}


def merge_nodes(
    arcs: Sequence[tuple[int, int]],
    colours: Sequence[int],
    kinds: Sequence[int],
    partition: Partition,
    family: GraphFamily,
) -> Multigraph | None:
    """Merge the nodes of each block of a partition.

    Args:
        arcs: (tail, head) of each arc.
        colours: matrix of each arc.
        kinds: kind of each node.
        partition: block of each node.
        family: the kind of matrices.

    Returns:
        The graph of the arcs after merging; None if it has an entry of a zero diagonal.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> merge_nodes([(0, 1), (2, 3)], [0, 0], [0] * 4, (0, 1, 1, 2), SQUARE).label
    '01 12'
    """
    merged = [(partition[tail], partition[head]) for tail, head in arcs]
    if any(t == h and not family.arc_types[c].loops for (t, h), c in zip(merged, colours, strict=True)):
        return None
    # numbered by first appearance, so that graphs met in different ways are brought to canonical form once
    number: dict[int, int] = {}
    arcs_in_order = tuple((number.setdefault(t, len(number)), number.setdefault(h, len(number))) for t, h in merged)
    return _canonical(arcs_in_order, tuple(colours), tuple(kinds[partition.index(b)] for b in number), family.directed)


@lru_cache(maxsize=1 << 14)
def _canonical(
    arcs: tuple[tuple[int, int], ...], colours: tuple[int, ...], kinds: tuple[int, ...], directed: bool
) -> Multigraph:
    return Multigraph(arcs, colours, kinds, directed)


def _partitions_by_kind(kinds: Sequence[int]) -> list[Partition]:
    """Set partitions of the nodes whose blocks hold nodes of one kind, the finest first."""
    groups = [[node for node, k in enumerate(kinds) if k == kind] for kind in sorted(set(kinds))]
    found = []
    for choice in product(*(list(set_partitions(len(group))) for group in groups)):
        label, shift = [0] * len(kinds), 0
        for group, partition in zip(groups, choice, strict=True):
            for node, block in zip(group, partition, strict=True):
                label[node] = shift + block
            shift += max(partition) + 1
        found.append(tuple(label))
    return sorted(found, key=lambda p: -len(set(p)))


def reduce_to_size(graph: Multigraph, size: int | Sequence[int], family: GraphFamily | None = None) -> Combination:
    """A graph with too many nodes through the basis at a finite size: the graphs with at most `size` nodes.

    Args:
        graph: of any kind of matrices.
        size: N, or (M, N) for rectangular matrices; at least 1.
        family: the kind of matrices, if the graph alone does not tell.

    Returns:
        Integer coefficients of graphs with at most so many nodes of each kind; the graph itself if it is one of them.

    Source:
        Derivation 1.

    >>> {g.label: c for g, c in reduce_to_size(Multigraph([(0, 1)]), 1).items()}  # one number: its sum is its trace
    {'00': 1}
    """
    family = checked_family([graph], family)
    return dict(_reduced(graph, checked_size_of_each_kind(size, family, least=1), family))


@lru_cache(maxsize=1 << 14)
def _reduced(graph: Multigraph, sizes: tuple[int, ...], family: GraphFamily) -> Combination:
    if all(graph.kinds.count(kind) <= size for kind, size in enumerate(sizes)):
        return {graph: 1}
    result: Counter[Multigraph] = Counter()
    for smaller, coefficient in orbit_to_graph_basis(graph, family).items():
        if smaller != graph:
            for reduced, inner in _reduced(smaller, sizes, family).items():
                result[reduced] -= coefficient * inner
    return {g: c for g, c in result.items() if c}


def multiply(first: Multigraph, second: Multigraph) -> Multigraph:
    """Return the graph of the product of two invariants: the disjoint union.

    Args:
        first: graph of one factor.
        second: graph of the other, of the same kind of matrices.

    Returns:
        The disjoint union.

    Source:
        Derivation 1.

    >>> multiply(Multigraph([(0, 0)]), Multigraph([(0, 1)])).formula
    'sum_ijk M_ii M_jk'
    """
    return Multigraph.disjoint_union([first, second])
