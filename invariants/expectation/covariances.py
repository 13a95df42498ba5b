"""Exact covariances of invariants, and the sampling covariance of the fitted parameters."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Expr, Matrix, Mul, Symbol

from ..graphs.families import SQUARE, GraphFamily, checked_family
from ..graphs.multigraph import Multigraph
from ..representation.matrix_kinds import SIZE, decomposition_of
from ..representation.tensors import padded_sizes
from .symbolic import checked_sizes, exact_number, kronecker_sizes, symbolic_sum
from .wick import Monomial, wick_expectation


def covariance(
    first: Multigraph,
    second: Multigraph,
    size: int | Sequence[int] | None = None,
    *,
    family: GraphFamily | None = None,
) -> Expr:
    """Return the exact covariance Cov(O_G, O_H) = <O_G O_H> - <O_G> <O_H> of two invariants under the Gaussian model.

    The product of two invariants is that of the disjoint union of their graphs, so this is a difference of expectation
    values of degree deg G + deg H. Divided by n it is the sampling covariance of averages over n matrices.

    Args:
        first: a graph.
        second: a graph of the same kind of matrices.
        size: an integer for exact numbers as coefficients; by default a symbol. As in `expectation`.
        family: the kind of matrices, if the graphs alone do not tell.

    Returns:
        An expression in the parameters and the size.

    Source:
        Derivation 7.

    >>> loop = Multigraph([(0, 0)])
    >>> covariance(loop, loop)  # the variance of the trace
    G0_11 + 2*G0_12*sqrt(N - 1) + G0_22*(N - 1)
    """
    family = checked_family([first, second], family)
    if size is None:
        sizes, read = kronecker_sizes(first.degree + second.degree, family)
        return symbolic_sum(_difference(first, second, family, sizes), read, family)
    sizes = checked_sizes(size, family)
    return Add(*(exact_number(m, v, family, sizes) for m, v in _difference(first, second, family, sizes).items()))


def _difference(
    first: Multigraph, second: Multigraph, family: GraphFamily, sizes: tuple[int, ...]
) -> dict[Monomial, int]:
    union = dict(wick_expectation(Multigraph.disjoint_union([first, second]), family, sizes))
    right = wick_expectation(second, family, sizes)
    for m, value in wick_expectation(first, family, sizes).items():
        for k, other in right.items():
            key = tuple(sorted(m + k))
            union[key] = union.get(key, 0) - value * other
    return {monomial: value for monomial, value in union.items() if value}


def parameter_covariance(family: GraphFamily = SQUARE) -> Matrix:
    """Return n times the covariance of the parameters fitted to n matrices, to leading order in n.

    The exact law is: the means are normal with covariance G/n of the trivial irrep, and the estimates of each irrep's G
    are independent Wishart matrices. So Cov(G_xy, G_zw) = (G_xz G_yw + G_xw G_yz) / (n dimension).

    Args:
        family: the kind of matrices.

    Returns:
        A square sympy Matrix, symbolic in the sizes, in the order of the parameters of the kind of matrices.

    Source:
        Derivation 7.

    >>> parameter_covariance()[12, 12]  # of G3
    4*G3**2/((N - 2)*(N - 1))
    """
    decomposition = decomposition_of(family)
    parameters = decomposition.parameters
    symbol = {(k.irrep, k.x, k.y): k.symbol for k in parameters}

    def g(irrep: int, x: int, y: int) -> Symbol:
        return symbol[irrep, min(x, y), max(x, y)]

    result = Matrix.zeros(len(parameters))
    padded = padded_sizes(decomposition.sizes)
    for row, k in enumerate(parameters):
        for column, l in enumerate(parameters):
            if k.irrep != l.irrep or (k.y is None) != (l.y is None):
                continue
            if k.y is None or l.y is None:
                result[row, column] = g(k.irrep, k.x, l.x)
                continue
            dimension = decomposition.irreps[k.irrep].dimension.as_expr(*padded).factor()
            products = g(k.irrep, k.x, l.x) * g(k.irrep, k.y, l.y) + g(k.irrep, k.x, l.y) * g(k.irrep, k.y, l.x)
            result[row, column] = Mul(products, 1 / dimension)
    return result


def iid_variance(graph: Multigraph, second: Expr, fourth: Expr) -> Expr:
    """Return the variance of a linear or quadratic invariant of a matrix of independent entries of zero mean.

    The entries need not be Gaussian. A quadratic form in independent entries has its Gaussian variance, and (E4 - 3
    E2^2) times the sum of the squares of its coefficients of M_ij^2. The coefficient is 1 on the diagonal, where all
    nodes coincide, and 1 off it if no node is both a tail and a head.

    Args:
        graph: of one square matrix, of degree 1 or 2.
        second: the moment E2 = <w^2> of an entry; a number or a symbol.
        fourth: the moment E4 = <w^4> of an entry; a number or a symbol.

    Returns:
        An expression in the moments and the size.

    Raises:
        ValueError: for graphs of a higher degree.

    Source:
        Derivation 7.

    >>> from sympy import symbols
    >>> iid_variance(Multigraph([(0, 1), (0, 1)]), *symbols("E2 E4"))
    -N**2*(E2**2 - E4)
    """
    checked_family([graph], SQUARE)
    if graph.degree > 2:
        raise ValueError(f"graph must be of degree 1 or 2, got degree {graph.degree}")
    at_iid = {k.symbol: 0 if k.y is None or k.x != k.y else second for k in decomposition_of(SQUARE).parameters}
    gaussian = covariance(graph, graph).subs(at_iid)
    if graph.degree == 1:
        return gaussian.factor()
    tails, heads = zip(*graph.arcs, strict=True)
    squares = SIZE + (SIZE * (SIZE - 1) if not set(tails) & set(heads) else 0)
    return (gaussian + (fourth - 3 * second**2) * squares).expand().factor()
