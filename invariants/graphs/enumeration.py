"""List all multigraphs of a degree: grow the connected ones arc by arc, then take multisets of them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations_with_replacement, product

from ..checks import checked_integer
from .families import SQUARE, ArcType, GraphFamily, check_is_family
from .multigraph import Multigraph


def multigraphs(
    degree: int | Sequence[int],
    family: GraphFamily = SQUARE,
    *,
    connected: bool = False,
    nodes: int | None = None,
    max_nodes: int | Sequence[int] | None = None,
) -> tuple[Multigraph, ...]:
    """Return all multigraphs of a degree, each isomorphism class once: the permutation invariants of that degree.

    The order is by number of nodes, then by the canonical arcs, then by colours and kinds; it is stable.

    Args:
        degree: number of arcs, at least 1. For one square matrix there are 2, 11, 52, 296, 1724, 11060 (OEIS A052171).
            Or one number for each matrix of the family, such as (2, 1) of two.
        family: the kind of matrices (default: one square matrix).
        connected: only the connected graphs.
        nodes: only graphs with exactly so many nodes.
        max_nodes: only graphs with at most so many nodes of each kind (one number, or one for each kind): at this
            finite size they form a basis.

    Returns:
        The graphs, in this order.

    Raises:
        ValueError: if the degree, nodes or max_nodes are not such integers.

    Source:
        OEIS A052171; the 52 and 296 of degree 3 and 4: arXiv:2510.05218.

    >>> [len(multigraphs(degree)) for degree in (1, 2, 3)]
    [2, 11, 52]
    >>> [graph.formula for graph in multigraphs(2, nodes=1)]
    ['sum_i M_ii^2']
    """
    degrees = checked_degrees(degree, family)
    limits = checked_limits(max_nodes, family)
    if nodes is not None:
        checked_integer("nodes", nodes, least=1)
    total = sum(degrees)

    def wanted(graph: Multigraph) -> bool:
        few = limits is None or all(
            graph.kinds.count(kind) <= most for kind, most in zip(family.node_kinds, limits, strict=True)
        )
        split = len(degrees) == 1 or all(graph.colours.count(c) == d for c, d in enumerate(degrees))
        return few and split and nodes in (None, graph.number_of_nodes)

    return tuple(filter(wanted, _connected(total, family) if connected else _all(total, family)))


def checked_degrees(degree: int | Sequence[int], family: GraphFamily) -> tuple[int, ...]:
    """Return a total degree as (degree,), or one degree for each of several matrices.

    Args:
        degree: an integer of at least 1, or one for each matrix of the family.
        family: the kind of matrices.

    Returns:
        One or several degrees.

    Raises:
        ValueError: the degree is below 1, or not one for each matrix.

    >>> checked_degrees(3, SQUARE)
    (3,)
    """
    check_is_family(family)
    if not isinstance(degree, tuple | list):
        return (checked_integer("degree", degree, least=1),)
    degrees = tuple(checked_integer("degree", d, least=0) for d in degree)
    if len(degrees) != len(family.arc_types) or sum(degrees) < 1:
        count = len(family.arc_types)
        raise ValueError(f"degree must be at least 1, one integer or one for each of {count} matrices, got {degree!r}")
    return degrees


def checked_limits(max_nodes: int | Sequence[int] | None, family: GraphFamily) -> tuple[int, ...] | None:
    """Return the largest number of nodes of each kind.

    Args:
        max_nodes: one integer for all kinds, one for each, or None for no limit.
        family: the kind of matrices.

    Returns:
        One integer for each kind of nodes; None for no limit.

    Raises:
        ValueError: there is not one integer of at least 1 for each kind.

    >>> checked_limits(3, SQUARE)
    (3,)
    """
    if max_nodes is None:
        return None
    given = tuple(max_nodes) if isinstance(max_nodes, tuple | list) else (max_nodes,) * len(family.node_kinds)
    if len(given) != len(family.node_kinds):
        raise ValueError(f"max_nodes must be one integer, or one for each kind of nodes, got {max_nodes!r}")
    return tuple(checked_integer("max_nodes", most, least=1) for most in given)


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
