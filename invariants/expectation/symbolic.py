"""Exact Gaussian expectation values of invariants, as sympy expressions; and many of them at once, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isqrt, prod, sqrt

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from ..graphs.families import GraphFamily, checked_family, checked_size_of_each_kind
from ..graphs.given import GivenGraph, as_graph
from ..graphs.multigraph import Multigraph
from ..representation.tensors import FIELD, Coefficient, padded_sizes
from .wick import Monomial, polynomial_at, propagator, wick_expectation


def expectation(
    graph: GivenGraph, size: int | Sequence[int] | None = None, *, family: GraphFamily | None = None
) -> Expr:
    """Exact expectation value of an invariant under the Gaussian model, by Wick's theorem.

    For a square matrix it is a polynomial in the 13 `PARAMETERS`, with coefficients in Q(N)[sqrt(N-1), sqrt(N-2)]
    where N is `SIZE` (arXiv:1809.07559, section 3; here for every graph). The other kinds of matrices have
    parameters of their own, those of `decomposition_of(family)`: for a bipartite graph (kinds 0 for rows and 1 for
    columns) mu, G00 ... GHH in `ROWS` and `SIZE`, for example.

    Args:
        graph: of any degree, or its label or name; time and length of the result grow fast above degree 6.
        size: an integer N >= 4 (or (M, N) of at least 2 each for a rectangular matrix) for exact numbers as
            coefficients; by default the size stays a symbol.
        family: the kind of matrices, if the graph alone does not tell (symmetric matrices of zero diagonal).

    Returns:
        A sum over monomials in the parameters, each with its coefficient in factored form.

    Raises:
        ValueError: if the graph is not of one of the kinds of matrices, or the size is too small.

    Source:
        L. Isserlis, Biometrika 12 (1918) 134; arXiv:1809.07559, section 3, for the square model; derivation 5.

    >>> expectation(Multigraph([(0, 0)]))
    mu_1 + mu_2*sqrt(N - 1)
    >>> expectation("tr M", size=5)
    mu_1 + 2*mu_2
    """
    graph = as_graph(graph, family)
    family = checked_family([graph], family)
    if size is None:
        return _symbolic(graph, family)
    sizes = checked_sizes(size, family)
    values = wick_expectation(graph, family, sizes)
    return Add(*(exact_number(m, v, family, sizes) for m, v in values.items()))


def checked_sizes(size: int | Sequence[int], family: GraphFamily) -> tuple[int, ...]:
    """Return sizes at which all irreps are there: N >= 4, or at least 2 rows and 2 columns.

    Args:
        size: an integer, or one for each node kind.
        family: the kind of matrices.

    Returns:
        One integer for each node kind.

    Raises:
        ValueError: a size is too small, or there is not one for each kind.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> checked_sizes(10, SQUARE)
    (10,)
    """
    return checked_size_of_each_kind(size, family, least=2 if len(family.node_kinds) > 1 else 4)


# ---- symbolic sizes ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 14)
def _symbolic(graph: Multigraph, family: GraphFamily) -> Expr:
    """Wick's theorem at powers of two, large enough to read the polynomials in the sizes off the result."""
    sizes, read = kronecker_sizes(graph.degree, family)
    return symbolic_sum(wick_expectation(graph, family, sizes), read, family)


def symbolic_sum(packed: Mapping[Monomial, int], read: DigitReader, family: GraphFamily) -> Expr:
    """Return the expression of monomials in the parameters whose coefficients were computed at Kronecker sizes.

    Args:
        packed: monomial -> value at the sizes of `kronecker_sizes`.
        read: the function of `kronecker_sizes` that reads a value.
        family: the kind of matrices.

    Returns:
        An expression in the parameters and the sizes.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> sizes, read = kronecker_sizes(1, SQUARE)
    >>> symbolic_sum(wick_expectation(Multigraph([(0, 1)]), SQUARE, sizes), read, SQUARE)
    N*mu_1
    """
    terms = []
    for monomial, value in packed.items():
        coefficient = _factors(read(value), monomial, family)
        # one flat product: sympy would multiply a number into a lone sum, and the coefficient stay unfactored
        terms.append(Mul(*coefficient, _product_of_parameters(monomial, family)))
    return Add(*terms)


# value at the Kronecker sizes -> coefficient of each power of the sizes
DigitReader = Callable[[int], tuple[tuple[tuple[int, ...], int], ...]]


def kronecker_sizes(degree: int, family: GraphFamily) -> tuple[tuple[int, ...], DigitReader]:
    """Sizes so large that integer polynomials in them, as Wick's theorem makes, can be read off their values.

    Args:
        degree: of the graphs whose expectation values are computed.
        family: the kind of matrices.

    Returns:
        One power of two for each node kind, and the function that reads a value: ((exponents, coefficient), ...).

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> sizes, read = kronecker_sizes(1, SQUARE)
    >>> read(3 * sizes[0] ** 2 - 5)
    (((0,), -5), ((2,), 3))
    """
    bits, length = _kronecker_room(degree, family)
    kinds = len(family.node_kinds)
    # the last kind's digits are the finest, so that a polynomial in all sizes is one string of digits
    sizes = tuple(1 << bits * length ** (kinds - 1 - kind) for kind in range(kinds))

    def read(packed: int) -> tuple[tuple[tuple[int, ...], int], ...]:
        digits = enumerate(_signed_digits(packed, bits))
        return tuple(((i,) if kinds == 1 else divmod(i, length), digit) for i, digit in digits if digit)

    return sizes, read


def _kronecker_room(degree: int, family: GraphFamily) -> tuple[int, int]:
    """(bits that any coefficient fits in with its sign, bound on the number of powers of the last size).

    The sum of absolute coefficients is subadditive and submultiplicative. So with w_1 and w_2 those of the forms of the
    mean and of the two-point function, summed over their set partitions, an expectation value of degree d has at most
    W(d) = w_1 W(d - 1) + (d - 1) w_2 W(d - 2), and a difference <O_G O_H> - <O_G> <O_H> at most twice that.
    """
    elements = propagator(family)
    absolute = [sum(sum(abs(int(c)) for c in p.values()) for p in form.values()) for form in elements.forms]
    mean, pair = (
        max(sum(absolute[e] for e in partitions.values()) for partitions in table.values())
        for table in (elements.means, elements.pairs)
    )
    bound = [1, mean]
    for d in range(2, degree + 1):
        bound.append(mean * bound[-1] + (d - 1) * pair * bound[-2])
    degree_in_size = max(max(map(max, p.keys())) for form in elements.forms for p in form.values())
    return (2 * bound[degree]).bit_length() + 1, degree * (2 + degree_in_size) + 1


def _signed_digits(packed: int, bits: int) -> tuple[int, ...]:
    """Digits of an integer in base 2^bits, each between -half and half a base."""
    base, half = 1 << bits, 1 << (bits - 1)
    digits = []
    while packed:
        digit = packed & (base - 1)
        digit -= base if digit >= half else 0
        digits.append(digit)
        packed = (packed - digit) >> bits
    return tuple(digits)


@lru_cache(maxsize=1 << 16)
def _factors(
    coefficients: tuple[tuple[tuple[int, ...], int], ...], monomial: Monomial, family: GraphFamily
) -> tuple[Expr, ...]:
    """The coefficient of a monomial as its irreducible factors over the rationals, square roots included."""
    ring = FIELD.one.numer.ring
    kinds = len(family.node_kinds)
    unused = (0,) * (ring.ngens - kinds)
    polynomial = ring.from_dict({exponents + unused: ring.domain(c) for exponents, c in coefficients})
    constant, powers = _half_powers(monomial, family)
    number, factors = polynomial.factor_list()
    for factor, power in factors:
        powers[factor] = powers.get(factor, Rational(0)) + power
    symbols = propagator(family).decomposition.sizes
    padded = padded_sizes(symbols)
    return (
        Rational(int(number)) * constant,
        *(Pow(f.as_expr(*padded), power) for f, power in powers.items() if power),
    )


def _half_powers(monomial: Monomial, family: GraphFamily) -> tuple[Expr, dict[Coefficient, Rational]]:
    """1 / prod_k denominator_k sqrt(norm_k) as (constant, powers of irreducible polynomials)."""
    elements = propagator(family)
    powers: dict[Coefficient, Rational] = {}
    constant: Expr = Integer(1)
    for number in monomial:
        parameter = elements.decomposition.parameters[number]
        for polynomial, power in (
            (elements.denominators[parameter.y is not None], Integer(-1)),
            (parameter.norm.numer, Rational(-1, 2)),
            (parameter.norm.denom, Rational(1, 2)),
        ):
            content, factors = polynomial.factor_list()
            constant *= Pow(Integer(int(content)), power)
            for factor, times in factors:
                powers[factor] = powers.get(factor, Rational(0)) + times * power
    return constant, powers


def _product_of_parameters(monomial: Monomial, family: GraphFamily) -> Expr:
    parameters = propagator(family).decomposition.parameters
    return Mul(*(parameters[number].symbol for number in monomial))


# ---- integer sizes -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 14)
def _scale(monomial: Monomial, family: GraphFamily, sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """(a, b, c) with a monomial's factor 1 / prod_k denominator_k sqrt(norm_k) = sqrt(a / b) / c."""
    elements = propagator(family)
    chosen = [elements.decomposition.parameters[number] for number in monomial]
    return (
        prod(polynomial_at(k.norm.denom, sizes) for k in chosen),
        prod(polynomial_at(k.norm.numer, sizes) for k in chosen),
        prod(polynomial_at(elements.denominators[k.y is not None], sizes) for k in chosen),
    )


def exact_number(monomial: Monomial, value: int, family: GraphFamily, sizes: tuple[int, ...]) -> Expr:
    """Return a term at integer sizes: the exact coefficient of what `wick_expectation` gives, times its monomial.

    Args:
        monomial: in the parameters.
        value: its integer coefficient.
        family: the kind of matrices.
        sizes: an integer for each node kind.

    Returns:
        An expression in the parameters.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> exact_number((1,), 12, SQUARE, (5,))  # 12 mu_2 / (N sqrt(N - 1))
    6*mu_2/5
    """
    a, b, c = _scale(monomial, family, sizes)
    return Rational(value, c) * Pow(Rational(a, b), Rational(1, 2)) * _product_of_parameters(monomial, family)


def rounded_number(monomial: Monomial, value: int, family: GraphFamily, sizes: tuple[int, ...]) -> float:
    """Return the coefficient of `exact_number` in float64. It is rounded once or twice: nothing cancels, whatever the
    size.

    Args:
        monomial: in the parameters.
        value: its integer coefficient.
        family: the kind of matrices.
        sizes: an integer for each node kind.

    Returns:
        The coefficient.

    >>> from pigmm.invariants.graphs.families import SQUARE
    >>> rounded_number((1,), 12, SQUARE, (5,))
    1.2
    """
    a, b, c = _scale(monomial, family, sizes)
    root_a, root_b = isqrt(a), isqrt(b)
    if root_a**2 == a and root_b**2 == b:
        return value * root_a / (c * root_b)
    return value / c * sqrt(a / b)
