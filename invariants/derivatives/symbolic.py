"""Products of gradients of invariants, and Laplacians: invariants again, exact at every size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sympy import Expr, Integer, Mul, Pow, Rational

from ..graphs.families import GraphFamily, checked_family, checked_size_of_each_kind
from ..graphs.given import GivenGraph, as_graph
from ..graphs.multigraph import Multigraph
from ..representation.matrix_kinds import decomposition_of
from .joined import Remainders, joined_across, joined_within

#: A linear combination of invariants: coefficient of each graph; of None that of the constant 1.
Derivative = dict[Multigraph | None, Expr]


def gradient_product(
    first: GivenGraph,
    second: GivenGraph,
    size: int | Sequence[int] | None = None,
    *,
    family: GraphFamily | None = None,
) -> Derivative:
    """Return <grad O_G, grad O_H> = sum_ij dO_G/dM_ij dO_H/dM_ij as a combination of invariants.

    One arc is removed from each graph, in all ways, tail is joined with tail and head with head: of degrees k and l
    come graphs of degree k + l - 2, and a factor of the size for each node that no arc is left at. Of several matrices
    the sum is over the entries of all. Gradients are those of `evaluate_gradient`, also of symmetric matrices.

    Args:
        first: a Multigraph, or its label or name.
        second: another, of the same kind of matrices.
        size: N, or (M, N) for rectangular matrices, for numbers as coefficients; by default the size stays a symbol.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        Graph -> coefficient; that of None is the constant.

    Raises:
        ValueError: the graphs are not of one kind of matrices, or the size is not one of it.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695, for its use in score matching; derivation 13.

    >>> gradient_product("tr M^2", "tr M M^T")  # of 2 M^T and 2 M
    {Multigraph([(0, 1), (1, 0)]): 4}
    >>> gradient_product("01", "01")  # of matrices of ones
    {None: N**2}
    """
    first, second = as_graph(first, family), as_graph(second, family)
    family = checked_family((first, second), family)
    return _combination(joined_across(first, second, family), size, family)


def laplacian(
    graph: GivenGraph, size: int | Sequence[int] | None = None, *, family: GraphFamily | None = None
) -> Derivative:
    """Return the Laplacian of an invariant, sum_ij d^2 O_G / dM_ij^2, as a combination of invariants.

    Two arcs are removed in all ways and both orders, tail is joined with tail and head with head: of degree k come
    graphs of degree k - 2, and a factor of the size for each node that no arc is left at. For symmetric matrices it is
    the Laplacian in the space of symmetric matrices, with the scalar product tr A B.

    Args:
        graph: a Multigraph, or its label or name.
        size: N, or (M, N) for rectangular matrices, for numbers as coefficients; by default the size stays a symbol.
        family: the kind of matrices, if the graph alone does not tell.

    Returns:
        Graph -> coefficient; that of None is the constant.

    Raises:
        ValueError: the graph is not of the kind of matrices, or the size is not one of it.

    Source:
        A. Hyvärinen, J. Mach. Learn. Res. 6 (2005) 695, for its use in score matching; derivation 13.

    >>> laplacian("tr (M M^T)^2")
    {Multigraph([(0, 1), (0, 1)]): 8*N + 4}
    >>> laplacian("sum M_ij^4", size=10), laplacian("tr M^2", size=10)
    ({Multigraph([(0, 1), (0, 1)]): 12}, {None: 20})
    """
    graph = as_graph(graph, family)
    family = checked_family((graph,), family)
    return _combination(joined_within(graph, family), size, family)


def _combination(remainders: Remainders, size: int | Sequence[int] | None, family: GraphFamily) -> Derivative:
    """Collect what is left by its graphs, the constant first, the others in order."""
    sizes: Sequence[Expr]
    if size is None:
        sizes = decomposition_of(family).sizes
    else:
        sizes = [Integer(s) for s in checked_size_of_each_kind(size, family, least=1)]
    found: dict[Multigraph | None, Expr] = defaultdict(lambda: Integer(0))
    for (graph, powers), coefficient in remainders.items():
        number = Rational(coefficient.numerator, coefficient.denominator)
        found[graph] += Mul(number, *(Pow(s, p) for s, p in zip(sizes, powers, strict=True)))
    graphs: list[Multigraph | None] = [None, *sorted(graph for graph in found if graph is not None)]
    return {graph: found[graph] for graph in graphs if found[graph] != 0}
