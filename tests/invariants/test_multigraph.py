"""Canonical forms: equal exactly for isomorphic graphs."""

from itertools import permutations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pigmm.fitting import PIGMM, compare
from pigmm.invariants import RECTANGULAR, Multigraph, as_graph, evaluate, expectation, multigraphs


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_all_relabellings_and_arc_orders_give_the_same_graph(degree):
    for graph in multigraphs(degree):
        for order in permutations(graph.arcs):
            for names in permutations(range(graph.number_of_nodes)):
                again = Multigraph([(names[tail], names[head]) for tail, head in order])
                assert again == graph
                assert hash(again) == hash(graph)
                assert again.arcs == graph.arcs


@pytest.mark.parametrize("degree", [4, 5, 6])
def test_random_relabellings_give_the_same_graph(degree):
    rng = np.random.default_rng(degree)
    graphs = multigraphs(degree)
    for k in rng.integers(len(graphs), size=300):
        names, order = rng.permutation(graphs[k].number_of_nodes), rng.permutation(degree)
        arcs = [(int(names[t]), int(names[h])) for t, h in (graphs[k].arcs[a] for a in order)]
        assert Multigraph(arcs) == graphs[k]


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_listed_graphs_are_pairwise_different_for_networkx(degree):
    graphs = [graph.to_networkx() for graph in multigraphs(degree)]
    for k, graph in enumerate(graphs):
        assert not any(nx.is_isomorphic(graph, other) for other in graphs[:k])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data())
def test_equality_is_networkx_isomorphism_on_random_graphs(data):
    degree = data.draw(st.integers(2, 6))
    nodes = data.draw(st.integers(1, 5))

    def draw():
        arcs = data.draw(
            st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), min_size=degree, max_size=degree)
        )
        place = {v: k for k, v in enumerate(sorted({v for arc in arcs for v in arc}))}
        return [(place[t], place[h]) for t, h in arcs]

    first, second = draw(), draw()
    # unrelated graphs are rarely isomorphic, so half of the time the second is the first with one arc turned
    if data.draw(st.booleans()):
        second = [(h, t) if k == 0 else (t, h) for k, (t, h) in enumerate(first)]
    same = Multigraph(first) == Multigraph(second)
    assert same == nx.is_isomorphic(nx.MultiDiGraph(first), nx.MultiDiGraph(second))


def test_coloured_and_undirected_graphs():
    assert Multigraph([(0, 1), (1, 2)], colours=[0, 1]) != Multigraph([(0, 1), (1, 2)], colours=[1, 0])
    assert Multigraph([(0, 1), (1, 2)], directed=False) == Multigraph([(1, 0), (1, 2)], directed=False)
    assert Multigraph([(0, 1), (0, 2)], kinds=[0, 1, 1]) != Multigraph([(1, 0), (2, 0)], kinds=[1, 0, 0])


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_automorphisms_by_trying_all_renamings(degree):
    for graph in multigraphs(degree):
        arcs = sorted(graph.arcs)
        renamings = permutations(range(graph.number_of_nodes))
        assert graph.automorphisms == sum(sorted((s[t], s[h]) for t, h in arcs) == arcs for s in renamings)


def test_properties():
    graph = Multigraph([(1, 1), (0, 2), (0, 2)])
    assert (graph.degree, graph.number_of_nodes, graph.is_connected) == (3, 3, False)
    assert sorted(part.formula for part in graph.components) == ["sum_i M_ii", "sum_ij M_ij^2"]
    assert graph.latex == r"\sum_{i,j,k} M_{ii} M_{jk}^{2}"
    assert graph.label == "00 12 12"
    assert Multigraph.disjoint_union(graph.components) == graph
    assert Multigraph([(0, 1)], kinds=[0, 1]).formula == "sum_ia M_ia"
    with pytest.raises(AttributeError):
        graph.arcs = ()


def test_bad_labels_are_named():
    with pytest.raises(ValueError, match="colours must be 1 non-negative integers, one for each arc"):
        Multigraph([(0, 1)], colours=["a"])
    with pytest.raises(ValueError, match="kinds must be 2 non-negative integers, one for each node"):
        Multigraph([(0, 1)], kinds=[0])


def test_automorphisms_of_large_stars():
    assert Multigraph([(0, k) for k in range(1, 10)]).automorphisms == 362_880


@pytest.mark.parametrize(
    ("arcs", "message"),
    [
        ([], "at least one"),
        ([(0, 2)], "without gaps"),
        ([(0, 1, 2)], "pairs"),
        ([(-1, 0)], "gaps"),
        (["ab"], "pairs"),
        ([(0.7, 1.2)], "pairs"),
        (None, "pairs"),
    ],
)
def test_bad_arcs_are_named(arcs, message):
    with pytest.raises(ValueError, match=message):
        Multigraph(arcs)


def test_indices_of_three_kinds_have_different_names():
    graph = Multigraph([(0, 1), (1, 2), (3, 4)], kinds=(0, 1, 2, 3, 0))
    names = graph._index_names()
    assert len(set(names)) == 5
    assert all(f"M_{names[tail]}{names[head]}" in graph.formula for tail, head in graph.arcs)


def test_names_are_unique_and_lead_back():
    named = {}
    for degree in range(1, 6):
        for graph in multigraphs(degree):
            if graph.name is not None:
                assert graph.name not in named
                named[graph.name] = graph
    assert all(as_graph(name) == graph for name, graph in named.items())
    assert {"tr M^4", "tr (M M^T)^2", "(tr M)^2", "sum M_ij^3", "sum M_ii^2", "sum M^T M", "tr M sum M"} <= named.keys()


@pytest.mark.parametrize("name", ["tr M M^T", "tr (M M^T)^2", "tr M^2 (M^T)^2", "sum M M^T M", "sum M^3", "(tr M^2)^2"])
def test_names_say_what_they_are(name):
    m = np.random.default_rng(0).normal(size=(5, 5))
    ones = np.ones(5)
    values = {
        "tr M M^T": np.trace(m @ m.T),
        "tr (M M^T)^2": np.trace(m @ m.T @ m @ m.T),
        "tr M^2 (M^T)^2": np.trace(m @ m @ m.T @ m.T),
        "sum M M^T M": ones @ m @ m.T @ m @ ones,
        "sum M^3": ones @ m @ m @ m @ ones,
        "(tr M^2)^2": np.trace(m @ m) ** 2,
    }
    assert evaluate(m, [name])[0] == pytest.approx(values[name])
    assert as_graph(name).name == name


@pytest.mark.parametrize("text", ["tr", "tr X", "tr M^0", "sum M_ij^", "(tr M)^0", "tr M^2 x", "tr (M", "0.5", "01 0x"])
def test_texts_that_are_no_graphs(text):
    with pytest.raises(ValueError, match=r"graph must be|label must be|arcs must"):
        as_graph(text)


def test_labels_and_names_are_taken_wherever_graphs_are():
    matrices = np.random.default_rng(1).normal(size=(20, 5, 5))
    graphs = [Multigraph([(0, 1), (1, 0)]), Multigraph([(0, 1), (1, 2)])]
    given = ["tr M^2", "01 12"]
    np.testing.assert_array_equal(evaluate(matrices, given), evaluate(matrices, graphs))
    model = PIGMM.fit(matrices)
    np.testing.assert_array_equal(model.expectation(given), model.expectation(graphs))
    assert compare(model, matrices, given).equals(compare(model, matrices, graphs))
    assert compare(model, matrices, given).name.tolist() == ["tr M^2", "sum M^2"]
    assert expectation("tr M^2") == expectation(graphs[0])
    wide = np.ones((3, 2, 4))
    assert evaluate(wide, ["01 02"], family=RECTANGULAR).tolist() == [[32.0]] * 3
    with pytest.raises(ValueError, match="graphs must be several"):
        evaluate(matrices, "tr M")
    with pytest.raises(ValueError, match="family must be a GraphFamily"):
        evaluate(matrices, graphs, family="square")
    with pytest.raises(ValueError, match="have no names"):
        evaluate(wide, ["tr M"], family=RECTANGULAR)


def test_notebooks_show_a_drawing_and_a_formula():
    graph = Multigraph([(0, 0), (0, 1)])
    assert graph._repr_svg_().startswith("<svg")
    assert graph._repr_latex_() == f"${graph.latex}$"
