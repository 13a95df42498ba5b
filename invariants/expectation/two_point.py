"""Expectation values in the coefficients of mean and two-point function, and their leading terms at large size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sympy import Add, Expr, Integer, Mul, Poly, Pow, Rational, Symbol

from ..graphs.families import SQUARE, GraphFamily, checked_family
from ..graphs.given import GivenGraph, as_graph
from ..graphs.partitions import Partition
from ..representation.matrix_kinds import SIZE
from ..representation.tensors import padded_sizes, power_of
from .symbolic import checked_sizes, kronecker_sizes
from .wick import contractions, graph_arcs, propagator


@lru_cache(maxsize=8)
def two_point_symbols(family: GraphFamily = SQUARE) -> tuple[Symbol, ...]:
    """Return the symbols of the coefficients of mean and covariance in the diagram basis: 2 + 11 for square matrices.

    <M_ij> = m + m_ij delta_ij. The covariance of M_ij and M_kl has a coefficient for each set partition of {i, j, k,
    l}, up to exchange: C_ik_jl is that of delta_ik delta_jl, C_ij that of delta_ij, C that of 1.

    Args:
        family: the kind of matrices.

    Returns:
        The symbols, those of the mean first.

    Source:
        Derivation 2.

    >>> two_point_symbols()[:3]
    (m_ij, m, C_ijkl)
    """
    elements = propagator(family)
    named: dict[int, Symbol] = {}
    for head, table in (("m", elements.means), ("C", elements.pairs)):
        for colours, partitions in table.items():
            suffix = "" if len(family.arc_types) == 1 else "^" + "".join(chr(ord("A") + c) for c in colours)
            for partition, number in partitions.items():
                # a partition and its exchange share a number; the first stands for both
                named.setdefault(number, Symbol(head + suffix + _blocks(partition), real=True))
    return tuple(named[number] for number in range(len(named)))


def _blocks(partition: Partition) -> str:
    """The blocks of more than one leg, as in _ik_jl."""
    blocks = ["".join("ijkl"[leg] for leg, b in enumerate(partition) if b == block) for block in set(partition)]
    return "".join("_" + block for block in sorted(blocks) if len(block) > 1)


def two_point_coefficients(family: GraphFamily = SQUARE) -> dict[Symbol, Expr]:
    """Return each coefficient of mean and covariance as a linear form in the parameters.

    Args:
        family: the kind of matrices.

    Returns:
        Symbol -> expression in the parameters and the sizes.

    Source:
        arXiv:1809.07559, section 3; derivation 2.

    >>> two_point_coefficients()[two_point_symbols()[0]]
    mu_2/sqrt(N - 1)
    """
    elements = propagator(family)
    parameters = elements.decomposition.parameters
    sizes = padded_sizes(elements.decomposition.sizes)
    result: dict[Symbol, Expr] = {}
    for symbol, form in zip(two_point_symbols(family), elements.forms, strict=True):
        terms = []
        for number, value in form.items():
            parameter = parameters[number]
            denominator = elements.denominators[parameter.y is not None]
            rational = (value.as_expr(*sizes) / denominator.as_expr(*sizes)).factor()
            terms.append(Mul(rational, power_of(parameter.norm, Rational(-1, 2), sizes), parameter.symbol))
        result[symbol] = Add(*terms)
    return result


def two_point_expectation(
    graph: GivenGraph, size: int | Sequence[int] | None = None, *, family: GraphFamily | None = None
) -> Expr:
    """Return the exact expectation value of an invariant in the coefficients of mean and covariance.

    Args:
        graph: of any kind of matrices.
        size: an integer (for rectangular matrices two) for rational coefficients; by default a symbol.
        family: the kind of matrices, if the graph alone does not tell.

    Returns:
        An expression whose coefficients are polynomials in the size.

    Source:
        L. Isserlis, Biometrika 12 (1918) 134; derivation 2.

    >>> from pigmm.invariants import Multigraph
    >>> two_point_expectation(Multigraph([(0, 0)]))
    N*m + N*m_ij
    >>> two_point_expectation(Multigraph([(0, 1), (1, 0)]), size=4).coeff(Symbol("C_il_jk", real=True))
    16
    """
    graph = as_graph(graph, family)
    family = checked_family([graph], family)
    symbols = two_point_symbols(family)
    if size is not None:
        sizes = checked_sizes(size, family)
        counts = contractions(graph_arcs(graph), family, sizes)
        return Add(*(Mul(Integer(count), *(symbols[e] for e in elements)) for elements, count in counts.items()))
    sizes, read = kronecker_sizes(graph.degree, family)
    size_symbols = propagator(family).decomposition.sizes
    terms = []
    for elements, packed in contractions(graph_arcs(graph), family, sizes).items():
        polynomial = Add(
            *(
                Mul(Integer(c), *(Pow(s, e) for s, e in zip(size_symbols, exponents, strict=True)))
                for exponents, c in read(packed)
            )
        )
        terms.append(Mul(polynomial.factor(), *(symbols[e] for e in elements)))
    return Add(*terms)


def leading_term(expression: Expr, size: Symbol = SIZE) -> Expr:
    """Return the part of an exact result that grows fastest with the size, all other symbols held fixed.

    Args:
        expression: a sum of products of powers of polynomials in the size, as `expectation` and `covariance` give.
        size: the symbol that becomes large.

    Returns:
        The leading term.

    Raises:
        ValueError: leading terms cancel.

    >>> from pigmm.invariants import Multigraph
    >>> from pigmm.invariants.expectation.symbolic import expectation
    >>> leading_term(expectation(Multigraph([(0, 0)])))
    sqrt(N)*mu_2
    """
    by_power: dict[Expr, list[Expr]] = {}
    for term in Add.make_args(expression):
        power: Expr = Integer(0)
        factors = []
        for factor in Mul.make_args(term):
            base, exponent = factor.as_base_exp()
            if base.has(size):
                polynomial = Poly(base, size)
                power += polynomial.degree() * exponent
                base = polynomial.LC() * Pow(size, polynomial.degree())
            factors.append(Pow(base, exponent))
        by_power.setdefault(power, []).append(Mul(*factors))
    leading = Add(*by_power[max(by_power)])
    if leading == 0:
        raise ValueError(f"expression must have no leading terms that cancel, got {expression}")
    return leading
