"""The lists of graphs, against the literature's counts and against Burnside's lemma."""

from collections import Counter
from itertools import pairwise

import pytest

from pigmm.invariants import (
    RECTANGULAR,
    SYMMETRIC,
    SYMMETRIC_ZERO_DIAGONAL,
    TWO_SQUARE,
    Multigraph,
    count_multigraphs,
    multigraphs,
)

BY_NODES = {
    1: [1, 1],
    2: [1, 5, 4, 1],
    3: [1, 9, 21, 16, 4, 1],
    4: [1, 18, 71, 108, 71, 22, 4, 1],
}


@pytest.mark.parametrize(("degree", "count"), [(1, 2), (2, 11), (3, 52), (4, 296), (5, 1724), (6, 11060)])
def test_counts_of_square_matrices(degree, count):
    graphs = multigraphs(degree)
    assert len(graphs) == len(set(graphs)) == count == count_multigraphs(degree)
    assert all(graph.degree == degree for graph in graphs)
    assert Counter(g.number_of_nodes for g in graphs) == {
        n: count_multigraphs(degree, nodes=n) for n in range(1, 2 * degree + 1)
    }


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_counts_by_number_of_nodes(degree):
    assert [count_multigraphs(degree, nodes=n) for n in range(1, 2 * degree + 1)] == BY_NODES[degree]


@pytest.mark.parametrize(("degree", "count"), [(1, 2), (2, 8), (3, 32), (4, 167), (5, 928), (6, 5924)])
def test_connected_graphs(degree, count):
    assert len(multigraphs(degree, connected=True)) == count_multigraphs(degree, connected=True) == count
    assert all(graph.is_connected for graph in multigraphs(degree, connected=True))


def test_a_finite_size_keeps_graphs_with_few_nodes():
    assert len(multigraphs(4, max_nodes=4)) == 1 + 18 + 71 + 108 == count_multigraphs(4, max_nodes=4)


@pytest.mark.parametrize(
    ("family", "counts"),
    [
        (RECTANGULAR, [1, 4, 10, 33, 91, 298]),
        (SYMMETRIC_ZERO_DIAGONAL, [1, 3, 8, 23]),
        (SYMMETRIC, [2, 7, 23, 79]),
        (TWO_SQUARE, [4, 37, 338]),
    ],
)
def test_counts_of_other_matrices(family, counts):
    degrees = range(1, len(counts) + 1)
    assert [len(multigraphs(degree, family)) for degree in degrees] == counts
    assert [count_multigraphs(degree, family) for degree in degrees] == counts


@pytest.mark.parametrize(("degrees", "count"), [((1, 1), 15), ((2, 1), 117), ((3, 1), 877), ((2, 2), 1252)])
def test_counts_of_two_matrices(degrees, count):
    assert len(multigraphs(degrees, TWO_SQUARE)) == count == count_multigraphs(degrees, TWO_SQUARE)


@pytest.mark.parametrize("sizes", [1, 2, 3, (1, 4), (3, 2)])
def test_rectangular_graphs_at_finite_size(sizes):
    for degree in (1, 2, 3, 4):
        listed = multigraphs(degree, RECTANGULAR, max_nodes=sizes)
        assert len(listed) == count_multigraphs(degree, RECTANGULAR, max_nodes=sizes)


def test_lists_by_number_of_nodes():
    for degree in (1, 2, 3, 4):
        assert [len(multigraphs(degree, nodes=n)) for n in range(1, 2 * degree + 1)] == BY_NODES[degree]


def test_rectangular_counts_of_high_degree():
    """OEIS A007716."""
    known = [1, 4, 10, 33, 91, 298, 910, 3017, 9945, 34207]
    assert [count_multigraphs(degree, RECTANGULAR) for degree in range(1, 11)] == known


def test_oeis_a052171():
    known = [2, 11, 52, 296, 1724, 11060, 74527, 533046, 3999187, 31412182]
    assert [count_multigraphs(degree) for degree in range(1, 11)] == known


def test_golden_graphs_are_the_listed_ones(golden):
    for degree, arcs in golden("multigraphs")["graphs"].items():
        assert {Multigraph(a) for a in arcs} == set(multigraphs(int(degree)))


def test_the_order_is_as_documented():
    for degree in (1, 2, 3, 4):
        keys = [(graph.number_of_nodes, graph.arcs) for graph in multigraphs(degree)]
        assert all(first < second for first, second in pairwise(keys))


@pytest.mark.parametrize("degree", [0, -1, 1.5, "3", True, None, (1, 1)])
def test_bad_degrees(degree):
    with pytest.raises(ValueError, match="degree"):
        multigraphs(degree)
    with pytest.raises(ValueError, match="degree"):
        count_multigraphs(degree)


@pytest.mark.parametrize("limit", [0, -1, 2.5, (1, 2)])
def test_bad_limits(limit):
    for function in (multigraphs, count_multigraphs):
        with pytest.raises(ValueError, match="max_nodes"):
            function(2, max_nodes=limit)


def test_names_of_families_are_refused():
    for function in (multigraphs, count_multigraphs):
        with pytest.raises(ValueError, match=r"family must be a GraphFamily.* got 'square'"):
            function(3, "square")
