"""Graph and orbit basis: exhaustive at small size, in exact arithmetic."""

from fractions import Fraction
from itertools import permutations, product
from math import prod

import numpy as np
import pytest
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from pigmm.invariants import (
    RECTANGULAR,
    SQUARE,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    count_multigraphs,
    evaluate,
    graph_to_orbit_basis,
    multigraphs,
    multiply,
    orbit_to_graph_basis,
    reduce_to_size,
)
from pigmm.invariants.reference import evaluate_slowly


def orbit_sum(matrix, graph):
    """The sum over distinct indices, from its definition (distinct within each kind)."""
    entries = matrix if matrix.ndim == 3 else matrix[None]
    kinds = sorted(set(graph.kinds))
    nodes = [[v for v, k in enumerate(graph.kinds) if k == kind] for kind in kinds]
    total = 0
    for choice in product(
        *(permutations(range(entries.shape[1 + k]), len(g)) for k, g in zip(kinds, nodes, strict=True))
    ):
        index = {v: i for group, values in zip(nodes, choice, strict=True) for v, i in zip(group, values, strict=True)}
        total += prod(entries[c, index[t], index[h]] for c, (t, h) in zip(graph.colours, graph.arcs, strict=True))
    return total


def matrix_for(family, size, seed):
    rng = np.random.default_rng(seed)
    if family == RECTANGULAR:
        return rng.integers(-3, 4, size=(size, size + 1)).astype(object)
    if family == TWO_SQUARE:
        return rng.integers(-3, 4, size=(2, size, size)).astype(object)
    matrix = rng.integers(-3, 4, size=(size, size))
    if family == SYMMETRIC_ZERO_DIAGONAL:
        matrix = (matrix + matrix.T) * (1 - np.eye(size, dtype=int))
    return matrix.astype(object)


def value(combination, values):
    return sum(c * values(g) for g, c in combination.items())


@pytest.mark.parametrize("family", [SQUARE, RECTANGULAR, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE])
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_both_transforms_are_exact(family, size):
    matrix = matrix_for(family, size, seed=size)
    degrees = (1, 2) if family == TWO_SQUARE else (1, 2, 3)
    for graph in (g for degree in degrees for g in multigraphs(degree, family)):

        def summed(g):
            return evaluate_slowly(matrix, g)

        def distinct(g):
            return orbit_sum(matrix, g)

        assert value(graph_to_orbit_basis(graph, family), distinct) == summed(graph)
        assert value(orbit_to_graph_basis(graph, family), summed) == distinct(graph)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_the_transforms_are_inverse(degree):
    for graph in multigraphs(degree):
        back = {}
        for middle, c in graph_to_orbit_basis(graph).items():
            for end, d in orbit_to_graph_basis(middle).items():
                back[end] = back.get(end, 0) + c * d
        assert {g: c for g, c in back.items() if c} == {graph: 1}


@pytest.mark.parametrize(("degree", "size"), [(2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (4, 2)])
def test_relations_at_finite_size(degree, size):
    matrix = matrix_for(SQUARE, size, seed=degree)
    for graph in multigraphs(degree):
        reduced = reduce_to_size(graph, size)
        assert all(g.number_of_nodes <= size for g in reduced)
        assert value(reduced, lambda g: evaluate_slowly(matrix, g)) == evaluate_slowly(matrix, graph)


def test_relations_of_rectangular_matrices():
    matrix = np.random.default_rng(0).integers(-3, 4, size=(2, 3)).astype(object)
    for graph in multigraphs(4, RECTANGULAR):
        reduced = reduce_to_size(graph, (2, 3))
        assert all(g.kinds.count(0) <= 2 and g.kinds.count(1) <= 3 for g in reduced)
        assert value(reduced, lambda g: evaluate_slowly(matrix, g)) == evaluate_slowly(matrix, graph)


@pytest.mark.parametrize(("degree", "size"), [(1, 1), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3), (3, 4), (4, 3)])
def test_rank_at_finite_size_is_the_number_of_small_graphs(degree, size):
    """Exact rank over the rationals of all graph polynomials, on more random integer matrices than there are graphs."""
    graphs = multigraphs(degree)
    points = np.random.default_rng(1).integers(-4, 5, size=(len(graphs) + 10, size, size))
    rows = [[int(x) for x in row] for row in evaluate(points, graphs)]  # exact: small integers in float64
    rank = DomainMatrix([[QQ(x) for x in row] for row in rows], (len(rows), len(graphs)), QQ).rank()
    assert rank == len(multigraphs(degree, max_nodes=size)) == count_multigraphs(degree, max_nodes=size)


def test_products():
    matrix = [[Fraction(1, 3), 2], [5, Fraction(-1, 7)]]
    for first, second in product(multigraphs(2), multigraphs(1)):
        expected = evaluate_slowly(matrix, first) * evaluate_slowly(matrix, second)
        assert evaluate_slowly(matrix, multiply(first, second)) == expected


def test_bad_input():
    with pytest.raises(ValueError, match="size must be an integer of at least 1"):
        reduce_to_size(Multigraph([(0, 1)]), 0)
    with pytest.raises(ValueError, match="size must be 2 integer"):
        reduce_to_size(Multigraph([(0, 1)], kinds=[0, 1]), 3)
