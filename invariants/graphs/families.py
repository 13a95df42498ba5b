"""Families of graphs that label the invariants of a kind of matrices: node kinds, arc colours, direction and loops."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..checks import checked_integer
from .multigraph import Multigraph


@dataclass(frozen=True)
class ArcType:
    """The arcs that the entries of one matrix become.

    Args:
        tail: kind of the row index (which symmetric group moves the rows).
        head: kind of the column index.
        loops: whether diagonal entries are there (False for a matrix of zero diagonal).

    >>> ArcType(tail=0, head=1)  # a rectangular matrix under S_M x S_N
    ArcType(tail=0, head=1, loops=True)
    """

    tail: int = 0
    head: int = 0
    loops: bool = True

    @property
    def may_loop(self) -> bool:
        """Whether an arc of this type can join a node to itself."""
        return self.loops and self.tail == self.head


@dataclass(frozen=True)
class GraphFamily:
    """The graphs that label the invariants of one or several matrices; an arc of colour c is a factor of matrix c.

    Args:
        arc_types: one for each matrix.
        directed: False for symmetric matrices.

    >>> SQUARE
    GraphFamily(arc_types=(ArcType(tail=0, head=0, loops=True),), directed=True)
    """

    arc_types: tuple[ArcType, ...]
    directed: bool = True

    @property
    def name(self) -> str:
        """The name on the command line, or the number of square matrices.

        >>> SYMMETRIC.name
        'symmetric'
        """
        known = {family: name for name, family in FAMILIES.items()}
        return known.get(self, f"{len(self.arc_types)} square")

    @property
    def node_kinds(self) -> tuple[int, ...]:
        """The kinds of nodes that occur, each once, in increasing order."""
        return tuple(sorted({kind for arc in self.arc_types for kind in (arc.tail, arc.head)}))


#: One square matrix under S_N (arXiv:1809.07559).
SQUARE = GraphFamily((ArcType(),))
#: One rectangular matrix under S_M x S_N, rows and columns permuted separately.
RECTANGULAR = GraphFamily((ArcType(0, 1),))
#: One symmetric matrix under S_N.
SYMMETRIC = GraphFamily((ArcType(),), directed=False)
#: One symmetric matrix of zero diagonal under S_N.
SYMMETRIC_ZERO_DIAGONAL = GraphFamily((ArcType(loops=False),), directed=False)
#: Two square matrices under one S_N (arXiv:2104.03707).
TWO_SQUARE = GraphFamily((ArcType(), ArcType()))

#: The kinds of matrices by name, as on the command line.
FAMILIES = {
    "square": SQUARE,
    "rectangular": RECTANGULAR,
    "symmetric": SYMMETRIC,
    "symmetric-zero-diagonal": SYMMETRIC_ZERO_DIAGONAL,
    "two-square": TWO_SQUARE,
}


def family_by_name(name: str) -> GraphFamily:
    """Return the kind of matrices of a name.

    Args:
        name: a key of `FAMILIES`.

    Returns:
        The family.

    Raises:
        ValueError: there is no such kind; lists the names.

    >>> family_by_name("rectangular") is RECTANGULAR
    True
    """
    if name not in FAMILIES:
        raise ValueError(f"kind must be one of {', '.join(FAMILIES)}, got {name!r}")
    return FAMILIES[name]


def family_of(graph: Multigraph) -> GraphFamily:
    """Return the kind of matrices that a graph labels an invariant of, as far as the graph tells.

    An undirected graph is taken to be of symmetric matrices with a diagonal.

    Args:
        graph: a multigraph.

    Returns:
        The family.

    Raises:
        ValueError: there are no such matrices, or a label or something else is given.

    >>> family_of(Multigraph([(0, 1)], kinds=(0, 1))) == RECTANGULAR
    True
    """
    if not isinstance(graph, Multigraph):
        raise ValueError(f"graph must be a Multigraph, got {graph!r}")
    count = 1 + max(graph.colours)
    if not any(graph.kinds) and graph.directed:
        return GraphFamily(SQUARE.arc_types * count)
    if count == 1 and not any(graph.kinds):
        return SYMMETRIC
    if count == 1 and all((graph.kinds[tail], graph.kinds[head]) == (0, 1) for tail, head in graph.arcs):
        return RECTANGULAR
    raise ValueError(f"graph must be of square, rectangular, symmetric or several square matrices, got {graph}")


def common_family(graphs: Iterable[Multigraph]) -> GraphFamily:
    """Return the kind of matrices that several graphs label invariants of.

    Args:
        graphs: one or more.

    Returns:
        The family of all of them together.

    Raises:
        ValueError: there are none, or they are of different kinds of matrices.

    >>> common_family([Multigraph([(0, 0)]), Multigraph([(0, 1)])]) == SQUARE
    True
    """
    families = sorted({family_of(graph) for graph in graphs}, key=lambda family: len(family.arc_types))
    kinds = {(family.arc_types[0], family.directed) for family in families}
    if len(kinds) != 1:
        raise ValueError(f"graphs must be one or more, all of one kind of matrices, got {len(kinds)} kinds")
    return families[-1]


def checked_family(graphs: Iterable[Multigraph], family: GraphFamily | None) -> GraphFamily:
    """Return the family that is given, if all graphs belong to it, or else the one that the graphs tell.

    Args:
        graphs: one or more.
        family: the kind of matrices; None to find it.

    Returns:
        The family.

    Raises:
        ValueError: the graphs are not of one kind of matrices, or not of the one given.

    >>> checked_family([Multigraph([(0, 1)])], RECTANGULAR)
    Traceback (most recent call last):
        ...
    ValueError: graph must be one of rectangular matrices, got Multigraph([(0, 1)])
    >>> checked_family([Multigraph([(0, 0)], directed=False)], SYMMETRIC_ZERO_DIAGONAL)
    Traceback (most recent call last):
        ...
    ValueError: graph must be one of symmetric-zero-diagonal matrices, got Multigraph([(0, 0)], directed=False)
    """
    if family is not None:
        check_is_family(family)
    return _checked_family(tuple(graphs), family)


def check_is_family(family: object) -> None:
    """Raise ValueError unless a family is a GraphFamily; the name of one is none.

    >>> check_is_family("square")
    Traceback (most recent call last):
        ...
    ValueError: family must be a GraphFamily, such as SQUARE or RECTANGULAR, got 'square'
    """
    if not isinstance(family, GraphFamily):
        raise ValueError(f"family must be a GraphFamily, such as SQUARE or RECTANGULAR, got {family!r}")


@lru_cache(maxsize=64)
def _checked_family(graphs: tuple[Multigraph, ...], family: GraphFamily | None) -> GraphFamily:
    if family is None:
        return common_family(graphs)
    for graph in graphs:
        fits = graph.directed == family.directed and max(graph.colours) < len(family.arc_types)
        if not fits or any(
            (graph.kinds[tail], graph.kinds[head]) != (family.arc_types[c].tail, family.arc_types[c].head)
            or (tail == head and not family.arc_types[c].may_loop)
            for (tail, head), c in zip(graph.arcs, graph.colours, strict=True)
        ):
            raise ValueError(f"graph must be one of {family.name} matrices, got {graph}")
    return family


def checked_size_of_each_kind(size: int | Sequence[int], family: GraphFamily, least: int) -> tuple[int, ...]:
    """Return the number of rows, columns or whatever the kinds of nodes stand for.

    Args:
        size: one integer, if there is one kind of nodes; otherwise one for each.
        family: the kind of matrices.
        least: smallest size that is allowed.

    Returns:
        One integer for each node kind.

    Raises:
        ValueError: there is not one integer for each kind, or one is below `least`.

    >>> checked_size_of_each_kind(3, SQUARE, least=1)
    (3,)
    """
    sizes = tuple(size) if isinstance(size, Sequence) else (size,)
    if len(sizes) != len(family.node_kinds):
        raise ValueError(f"size must be {len(family.node_kinds)} integer(s) of at least {least}, got {size!r}")
    return tuple(checked_integer("size", s, least) for s in sizes)
