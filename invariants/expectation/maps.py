"""Averages of the linear and quadratic invariants <-> parameters of the Gaussian model, both ways, exact."""

from __future__ import annotations

from sympy import Add, Expr, Integer, Mul, Rational, Symbol

from ..graphs.bases import merge_nodes
from ..graphs.enumeration import multigraphs
from ..graphs.families import SQUARE, GraphFamily
from ..graphs.multigraph import Multigraph
from ..representation.matrix_kinds import decomposition_of
from ..representation.tensors import padded_sizes, power_of
from .symbolic import expectation


def statistics_graphs(family: GraphFamily = SQUARE) -> tuple[Multigraph, ...]:
    """Return the linear and quadratic graphs. Their averages are the sufficient statistics of the Gaussian model.

    Args:
        family: the kind of matrices.

    Returns:
        The graphs, in the order of `multigraphs`.

    Source:
        arXiv:1809.07559, section 2; derivation 4.

    >>> len(statistics_graphs())
    13
    """
    return multigraphs(1, family) + multigraphs(2, family)


def statistic_symbol(graph: Multigraph) -> Symbol:
    """Return the symbol of the average of an invariant, named by its arcs.

    Args:
        graph: of any kind of matrices.

    Returns:
        A real symbol.

    >>> statistic_symbol(Multigraph([(0, 1), (1, 2)]))
    T_01_12
    """
    return Symbol("T_" + graph.label.replace(" ", "_"), real=True)


def forward_map(family: GraphFamily = SQUARE) -> tuple[Expr, ...]:
    """Return the expectation values of the sufficient statistics: parameters -> averages.

    Args:
        family: the kind of matrices.

    Returns:
        Expressions in the sizes and the parameters, in the order of `statistics_graphs`.

    Source:
        arXiv:1809.07559, section 3, for square matrices.

    >>> forward_map()[1]
    N*mu_1
    """
    return tuple(expectation(graph, family=family) for graph in statistics_graphs(family))


def inverse_map(family: GraphFamily = SQUARE) -> tuple[Expr, ...]:
    """Return the maximum-likelihood estimates: averages -> parameters.

    The estimate of a covariance contracts two components of the matrix. Their intertwiners are combinations of set
    partitions of the four indices, and M_ij M_kl contracted with a set partition is the quadratic invariant whose graph
    has its nodes so merged. From the trivial irrep the product of the means is subtracted.

    Args:
        family: the kind of matrices.

    Returns:
        Expressions in the sizes and the symbols of the averages, in the order of the parameters.

    Source:
        Derivation 4.

    >>> inverse_map()[0]
    T_01/N
    """
    decomposition = decomposition_of(family)
    sizes = padded_sizes(decomposition.sizes)
    means: dict[tuple[int, int], Expr] = {}
    results = []
    for k in decomposition.parameters:
        irrep = decomposition.irreps[k.irrep]
        terms = []
        tensor = k.tensor if k.y is None else decomposition.transfer(k.irrep, k.x, k.y)
        for partition, value in tensor.terms.items():
            # the legs of the tensor, row and column of each factor, are the nodes of separate arcs before merging
            arcs = [(2 * factor, 2 * factor + 1) for factor in range(len(k.colours))]
            graph = merge_nodes(arcs, k.colours, tensor.kinds, partition, family)
            if graph is not None:
                terms.append(Mul(value.as_expr(*sizes).factor(), statistic_symbol(graph)))
        scale = irrep.dimension.as_expr(*sizes) if k.y is not None else Integer(1)
        # the sum over graphs first: a set partition and its exchange are one graph
        estimate = Mul(power_of(k.norm, Rational(-1, 2), sizes) / scale.factor(), Add(*terms))
        if k.y is None:
            means[k.irrep, k.x] = estimate
        elif irrep.is_trivial:
            estimate -= means[k.irrep, k.x] * means[k.irrep, k.y]
        results.append(estimate)
    return tuple(results)
