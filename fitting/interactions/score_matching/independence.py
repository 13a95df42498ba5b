"""Which graphs are independent at a finite size, exactly: those with more nodes than the size follow from others."""

from __future__ import annotations

from fractions import Fraction

from ....invariants.expectation.maps import statistics_graphs
from ....invariants.graphs.bases import Combination, reduce_to_size
from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph

_MOST_NAMED = 6  # graphs of a relation


def check_independent(couplings: tuple[Multigraph, ...], sizes: tuple[int, ...], family: GraphFamily) -> None:
    """Check that no graph is a combination of those before it and of the linear and quadratic ones, at given sizes.

    Graphs with at most N nodes are a basis of all invariants of N x N matrices. The others are expanded in it, with
    integer coefficients, and elimination by fractions finds the first that depends on those before it.

    Args:
        couplings: graphs of one kind of matrices.
        sizes: one for each kind of nodes.
        family: the kind of matrices.

    Raises:
        ValueError: a graph depends on others; says on which.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> check_independent((Multigraph([(0, 1)] * 3), Multigraph([(1, 0)] * 3)), (4,), SQUARE)
    Traceback (most recent call last):
        ...
    ValueError: graphs must be independent, got '01 01 01' twice
    """
    for number, graph in enumerate(couplings):
        if graph in couplings[:number]:
            raise ValueError(f"graphs must be independent, got {graph.label!r} twice")
    chosen = (*statistics_graphs(family), *couplings)
    rows: dict[Multigraph, tuple[dict[Multigraph, Fraction], dict[Multigraph, Fraction]]] = {}  # by their pivots
    for graph in chosen:
        expansion, relation = _fractions(reduce_to_size(graph, sizes, family)), {graph: Fraction(1)}
        while expansion:
            pivot = min(expansion)
            if pivot not in rows:
                rows[pivot] = (expansion, relation)
                break
            other, other_relation = rows[pivot]
            factor = -expansion[pivot] / other[pivot]
            expansion = _sum(expansion, other, factor)
            relation = _sum(relation, other_relation, factor)
        else:
            size = " x ".join(str(s) for s in sizes)
            related = [repr(g.label) for g in sorted(relation) if g != graph]
            others = ", ".join(related[:_MOST_NAMED]) + (
                f" and {len(related) - _MOST_NAMED} others" if len(related) > _MOST_NAMED else ""
            )
            raise ValueError(
                f"graphs must be independent, got {graph.label!r}, which for size {size} is a combination of {others}"
            )


def _fractions(combination: Combination) -> dict[Multigraph, Fraction]:
    return {graph: Fraction(coefficient) for graph, coefficient in combination.items()}


def _sum(
    first: dict[Multigraph, Fraction], second: dict[Multigraph, Fraction], factor: Fraction
) -> dict[Multigraph, Fraction]:
    """first + factor * second."""
    found = dict(first)
    for graph, value in second.items():
        found[graph] = found.get(graph, Fraction(0)) + factor * value
    return {graph: value for graph, value in found.items() if value}
