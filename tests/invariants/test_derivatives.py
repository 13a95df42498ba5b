"""Products of gradients and Laplacians as invariants: against sympy, against numbers, and the rules of derivatives."""

from collections import Counter
from itertools import combinations_with_replacement

import numpy as np
import pytest
import sympy

from pigmm.invariants import (
    RECTANGULAR,
    ROWS,
    SIZE,
    SQUARE,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    evaluate,
    evaluate_gradient,
    gradient_product,
    laplacian,
    multigraphs,
    multiply,
)
from pigmm.invariants.reference import evaluate_slowly

FAMILIES = [SQUARE, RECTANGULAR, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE]


def up_to(degree, family):
    return [graph for d in range(1, degree + 1) for graph in multigraphs(d, family)]


def variables(family, sizes):
    """A matrix of symbols, (matrices, rows, columns), and (symbol, squared length of the change that it is)."""
    rows, columns = sizes * 2 if len(sizes) == 1 else sizes
    matrix = np.zeros((len(family.arc_types), rows, columns), dtype=object)
    lengths = {}
    for (colour, i, j), _ in np.ndenumerate(matrix):
        if family.directed or i < j or (i == j and family.arc_types[colour].loops):
            symbol = sympy.Symbol(f"m{colour}_{i}{j}")
            matrix[colour, i, j] = symbol
            lengths[symbol] = 1
            if not family.directed and i != j:
                matrix[colour, j, i] = symbol
                lengths[symbol] = 2  # the unit vector is (E_ij + E_ji) / sqrt(2)
    return matrix, lengths


def value(combination, matrix, sizes):
    """A combination of invariants at a matrix of symbols."""
    numbers = dict(zip((ROWS, SIZE)[-len(sizes) :], sizes, strict=True))
    return sum(c.subs(numbers) * (1 if g is None else evaluate_slowly(matrix, g)) for g, c in combination.items())


@pytest.mark.parametrize(
    ("family", "sizes", "degree"),
    [
        (SQUARE, (1,), 2),
        (SQUARE, (2,), 2),
        (RECTANGULAR, (3, 2), 2),
        (SYMMETRIC, (3,), 2),
        (SYMMETRIC_ZERO_DIAGONAL, (3,), 2),
        (TWO_SQUARE, (2,), 1),
    ],
)
def test_products_of_gradients_against_sympy(family, sizes, degree):
    matrix, lengths = variables(family, sizes)
    graphs = up_to(degree, family)
    gradients = [
        [sympy.Poly(evaluate_slowly(matrix, graph), *lengths).diff(symbol) for symbol in lengths] for graph in graphs
    ]
    for (first, a), (second, b) in combinations_with_replacement(zip(graphs, gradients, strict=True), 2):
        expected = sum(p * q / length for p, q, length in zip(a, b, lengths.values(), strict=True))
        found = value(gradient_product(first, second, family=family), matrix, sizes)
        assert sympy.Poly(found, *lengths) == expected
        at_size = gradient_product(first, second, sizes if len(sizes) > 1 else sizes[0], family=family)
        assert sympy.Poly(value(at_size, matrix, sizes), *lengths) == expected


@pytest.mark.parametrize(
    ("family", "sizes", "degree", "every"),
    [
        (SQUARE, (2,), 4, 4),
        (SQUARE, (3,), 3, 6),
        (RECTANGULAR, (3, 2), 4, 5),
        (SYMMETRIC, (3,), 4, 9),
        (SYMMETRIC_ZERO_DIAGONAL, (3,), 4, 3),
        (TWO_SQUARE, (2,), 2, 2),
    ],
)
def test_laplacians_against_sympy(family, sizes, degree, every):
    matrix, lengths = variables(family, sizes)
    for graph in up_to(degree, family)[::every]:
        polynomial = sympy.Poly(evaluate_slowly(matrix, graph), *lengths)
        expected = sum(polynomial.diff((symbol, 2)) / length for symbol, length in lengths.items())
        assert sympy.Poly(value(laplacian(graph, family=family), matrix, sizes), *lengths) == expected


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_products_of_gradients_are_those_of_numbers(family):
    """At random integers, where everything is exact: higher degrees, and matrices larger than graphs."""
    rng = np.random.default_rng(0)
    shape = {RECTANGULAR: (5, 6), TWO_SQUARE: (2, 5, 5)}.get(family, (6, 6))
    matrix = rng.integers(-2, 3, size=shape).astype(float)
    if not family.directed:
        matrix = 2 * (matrix + matrix.T)  # halves of it are integers
        matrix -= np.diag(np.diag(matrix)) if family == SYMMETRIC_ZERO_DIAGONAL else 0
    graphs = [*multigraphs(2, family)[::3], *multigraphs(3, family)[::25], *multigraphs(4, family)[::80]]
    gradients = evaluate_gradient(matrix, graphs, family=family).reshape(len(graphs), -1)
    size = shape if family == RECTANGULAR else shape[-1]
    products = {
        (a, b): gradient_product(graphs[a], graphs[b], size, family=family)
        for a, b in combinations_with_replacement(range(len(graphs)), 2)
    }
    together = sorted({graph for combination in products.values() for graph in combination if graph})
    values = dict(zip(together, evaluate(matrix, together, family=family), strict=True)) | {None: 1}
    for (a, b), combination in products.items():
        assert all(g.degree == graphs[a].degree + graphs[b].degree - 2 for g in combination if g)
        assert sum(float(c) * values[g] for g, c in combination.items()) == gradients[a] @ gradients[b]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_laplacian_of_a_product(family):
    """Laplacian(O_G O_H) = O_G Laplacian O_H + O_H Laplacian O_G + 2 <grad O_G, grad O_H>, symbol by symbol."""
    graphs = [*multigraphs(1, family), *multigraphs(2, family)[::3], *multigraphs(3, family)[::40]]
    for first, second in combinations_with_replacement(graphs, 2):
        expected = Counter()
        for graph, c in gradient_product(first, second, family=family).items():
            expected[graph] += 2 * c
        for one, other in ((first, second), (second, first)):
            for graph, c in laplacian(other, family=family).items():
                expected[one if graph is None else multiply(one, graph)] += c
        expected = {graph: sympy.expand(c) for graph, c in expected.items() if sympy.expand(c) != 0}
        found = laplacian(multiply(first, second), family=family)
        assert {graph: sympy.expand(c) for graph, c in found.items()} == expected


def test_known_cases():
    quartic = laplacian("sum M_ij^4")
    assert quartic == {Multigraph([(0, 1), (0, 1)]): 12}
    assert laplacian("tr M^2") == {None: 2 * SIZE}
    assert laplacian("00") == {}
    assert gradient_product("00", "01") == {None: SIZE}
    edge = Multigraph([(0, 1)], kinds=(0, 1))
    assert gradient_product(edge, edge) == {None: ROWS * SIZE}
    off = Multigraph([(0, 1)], directed=False)
    assert gradient_product(off, off) == {None: SIZE**2}
    assert sympy.expand(gradient_product(off, off, family=SYMMETRIC_ZERO_DIAGONAL)[None]) == SIZE**2 - SIZE
    # matrices of which one is not in the graph
    first, second = Multigraph([(0, 0)], colours=[0]), Multigraph([(0, 0)], colours=[1])
    assert gradient_product(first, second, family=TWO_SQUARE) == {}


def test_bad_input_is_described():
    with pytest.raises(ValueError, match="graphs must be one or more, all of one kind of matrices, got 2 kinds"):
        gradient_product("01", Multigraph([(0, 1)], kinds=(0, 1)))
    with pytest.raises(ValueError, match="size must be an integer of at least 1, got 0"):
        laplacian("tr M^2", 0)
    with pytest.raises(ValueError, match="family must be a GraphFamily"):
        laplacian("tr M^2", family="square")
