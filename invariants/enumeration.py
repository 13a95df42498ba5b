"""List all multigraphs of a degree: grow the connected ones arc by arc, then take multisets of them."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, combinations_with_replacement, product

from .families import SQUARE, ArcType, GraphFamily
from .multigraph import Multigraph


def multigraphs(
    degree: int, family: GraphFamily = SQUARE, *, connected: bool = False, max_nodes: int | None = None
) -> tuple[Multigraph, ...]:
    """All multigraphs with `degree` arcs, each isomorphism class once: the permutation invariants of that degree.

    The order is by number of nodes, then by the canonical arcs, then by colours and kinds; it is stable.

    Args:
        degree: number of arcs, at least 1. For one square matrix there are 2, 11, 52, 296, 1724, 11060 (OEIS A052171).
        family: the kind of matrices (default: one square matrix).
        connected: only the connected graphs.
        max_nodes: only graphs with at most so many nodes; with max_nodes = N they form a basis at finite size N.

    Raises:
        ValueError: if degree or max_nodes is not a positive integer.

    >>> [len(multigraphs(degree)) for degree in (1, 2, 3)]
    [2, 11, 52]
    >>> [graph.formula for graph in multigraphs(1)]
    ['sum_i M_ii', 'sum_ij M_ij']
    """
    if not isinstance(degree, int) or degree < 1:
        raise ValueError(f"degree must be an integer of at least 1, got {degree!r}")
    if max_nodes is not None and max_nodes < 1:
        raise ValueError(f"max_nodes must be at least 1, got {max_nodes!r}")
    found = _connected(degree, family) if connected else _all(degree, family)
    return tuple(graph for graph in found if max_nodes is None or graph.number_of_nodes <= max_nodes)


def _ordered(graphs: set[Multigraph]) -> tuple[Multigraph, ...]:
    return tuple(sorted(graphs, key=lambda g: (g.number_of_nodes, g.arcs, g.colours, g.kinds)))


@lru_cache(maxsize=64)
def _connected(degree: int, family: GraphFamily) -> tuple[Multigraph, ...]:
    """Connected graphs: each has an arc whose removal leaves a connected graph (one of a cycle, or a leaf's)."""
    if degree == 1:
        return _ordered({_single_arc(colour, arc, loop, family) for colour, arc, loop in _single_arcs(family)})
    return _ordered(set(chain.from_iterable(_extensions(graph, family) for graph in _connected(degree - 1, family))))


def _single_arcs(family: GraphFamily) -> Iterator[tuple[int, ArcType, bool]]:
    for colour, arc in enumerate(family.arc_types):
        yield colour, arc, False
        if arc.may_loop:
            yield colour, arc, True


def _single_arc(colour: int, arc: ArcType, loop: bool, family: GraphFamily) -> Multigraph:
    kinds = (arc.tail,) if loop else (arc.tail, arc.head)
    return Multigraph([(0, 0) if loop else (0, 1)], (colour,), kinds, family.directed)


def _extensions(graph: Multigraph, family: GraphFamily) -> Iterator[Multigraph]:
    """All connected graphs with one arc more."""
    n = graph.number_of_nodes
    for colour, arc in enumerate(family.arc_types):
        tails = [v for v in range(n) if graph.kinds[v] == arc.tail]
        heads = [v for v in range(n) if graph.kinds[v] == arc.head]
        inside = [(v, w) for v, w in product(tails, heads) if v != w or arc.loops]
        # an undirected arc is met in both directions; one suffices
        inside = inside if family.directed else [(v, w) for v, w in inside if v <= w]
        to_new = [((v, n), arc.head) for v in tails]
        from_new = [((n, w), arc.tail) for w in heads] if family.directed else []
        for new_arc, new_kinds in chain(
            ((pair, ()) for pair in inside), ((pair, (kind,)) for pair, kind in chain(to_new, from_new))
        ):
            yield Multigraph(
                (*graph.arcs, new_arc), (*graph.colours, colour), (*graph.kinds, *new_kinds), family.directed
            )


@lru_cache(maxsize=64)
def _all(degree: int, family: GraphFamily) -> tuple[Multigraph, ...]:
    return _ordered(
        {Multigraph.disjoint_union(parts) for parts in _multisets(degree, degree, family)},
    )


def _multisets(degree: int, largest: int, family: GraphFamily) -> Iterator[tuple[Multigraph, ...]]:
    """Multisets of connected graphs of total degree `degree`, no part above degree `largest`."""
    if degree == 0:
        yield ()
        return
    for part_degree in range(min(degree, largest), 0, -1):
        for times in range(1, degree // part_degree + 1):
            for parts in combinations_with_replacement(_connected(part_degree, family), times):
                for rest in _multisets(degree - times * part_degree, part_degree - 1, family):
                    yield parts + rest
