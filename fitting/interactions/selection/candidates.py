"""Which couplings a selection may take: invariants of a larger symmetry, independent at the size of the matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ....invariants.graphs.enumeration import multigraphs
from ....invariants.graphs.given import GivenGraph, checked_graphs
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.representation.spaces import MatrixSpace


def candidate_graphs(graphs: Iterable[GivenGraph] | None, space: MatrixSpace) -> tuple[Multigraph, ...]:
    """Candidates as they are given, or all that are independent.

    Args:
        graphs: of degree 3 or more; None for all of degree 3 and 4, without those of more nodes than there are indices,
            which are combinations of the others.
        space: the matrices.

    Returns:
        The graphs.

    Raises:
        ValueError: if one is of lower degree, or of another kind of matrices, or comes twice.

    >>> from pigmm.fitting import SquareSpace
    >>> len(candidate_graphs(None, SquareSpace(10))), len(candidate_graphs(None, SquareSpace(4)))
    (348, 245)
    """
    family = space.decomposition.family
    if graphs is None:
        found = (*multigraphs(3, family), *multigraphs(4, family))
        sizes = dict(zip(family.node_kinds, space.sizes, strict=True))
        return tuple(g for g in found if all(count <= sizes[kind] for kind, count in Counter(g.kinds).items()))
    chosen = checked_graphs(graphs, family)
    for number, graph in enumerate(chosen):
        if graph.degree < 3:
            raise ValueError(
                f"graphs must be of degree 3 or more, as the Gaussian fits the others, got {graph.label!r}"
            )
        if graph in chosen[:number]:
            raise ValueError(f"graphs must be different, got {graph.label!r} twice")
    return chosen


def has_symmetry(graph: Multigraph, symmetry: str) -> bool:
    """Whether the invariant of a graph is one of a larger group.

    Rows and columns permuted independently ("S_N x S_N"): no node is both a tail and a head. Signs of units flipped as
    well, of rows and columns together ("B_N") or each by themselves ("B_M x B_N", "B_M x B_N"): every node is of even
    degree.

    Args:
        graph: of one square or rectangular matrix.
        symmetry: name of the group.

    Returns:
        Whether it is.

    Raises:
        ValueError: if the symmetry is not one of these, or not one of such matrices.

    >>> [has_symmetry(Multigraph(arcs), "S_N x S_N") for arcs in ([(0, 1)] * 3, [(0, 1), (1, 2), (2, 0)])]
    [True, False]
    """
    known = _GROUPS_OF_RECTANGULAR if any(graph.kinds) else _GROUPS_OF_SQUARE
    if symmetry not in known or any(graph.colours) or not graph.directed:
        raise ValueError(f"symmetry must be one of {', '.join(known)} for these matrices, got {symmetry!r}")
    tails, heads = ({arc[end] for arc in graph.arcs} for end in (0, 1))
    independent, signs = known[symmetry]
    degrees = Counter(node for arc in graph.arcs for node in arc)
    return not (independent and tails & heads) and not (signs and any(d % 2 for d in degrees.values()))


# name -> whether rows and columns move independently, and whether signs flip
_GROUPS_OF_SQUARE = {"S_N": (False, False), "S_N x S_N": (True, False), "B_N": (False, True), "B_M x B_N": (True, True)}
_GROUPS_OF_RECTANGULAR = {"S_M x S_N": (False, False), "B_M x B_N": (False, True)}
