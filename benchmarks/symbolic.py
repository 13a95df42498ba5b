"""The symbolic layer: listing graphs against naive generation, and all 361 exact expectation values.

python benchmarks/symbolic.py       (about a minute; each part in a process of its own, from nothing)
"""

import itertools
import multiprocessing
import time

import networkx as nx


def naive(degree):
    """Generate graphs by adding arcs in every way, and compare each with all found so far by networkx."""
    found = [nx.MultiDiGraph([(0, 0)]), nx.MultiDiGraph([(0, 1)])]
    for _ in range(degree - 1):
        grown = []
        for graph in found:
            n = graph.number_of_nodes()
            for arc in [*itertools.product(range(n + 1), repeat=2), (n, n + 1)]:
                bigger = graph.copy()
                bigger.add_edge(*arc)
                sizes = (bigger.number_of_nodes(), sorted(bigger.degree()))
                same_size = (g for g in grown if g.number_of_nodes() == sizes[0])
                if not any(nx.is_isomorphic(bigger, other) for other in same_size):
                    grown.append(bigger)
        found = grown
    return len(found)


def listed(degree):
    """The library's enumeration."""
    from pigmm.invariants import multigraphs

    return len(multigraphs(degree))


def all_expectations(_):
    """Every exact expectation value of degree 1 to 4, symbolic in N."""
    from pigmm.invariants import expectation, multigraphs

    graphs = [graph for degree in (1, 2, 3, 4) for graph in multigraphs(degree)]
    return len([expectation(graph) for graph in graphs])


def one_of_degree_six(_):
    """One exact expectation value of degree 6, symbolic in N (the graphs' listing included)."""
    from pigmm.invariants import Multigraph, expectation

    return len(expectation(Multigraph([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)])).args)


def measured(function, argument):
    """Result and seconds of a call, without the imports."""
    import pigmm.invariants  # noqa: F401

    start = time.perf_counter()
    return function(argument), time.perf_counter() - start


def timed(function, argument):
    """The same in a fresh process: nothing is remembered from before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (function, argument))


def main():
    """Print the table."""
    print(f"{'':44s}{'result':>9s}{'seconds':>9s}{'ratio':>9s}")
    for degree in (3, 4, 5):
        graphs, baseline = timed(naive, degree)
        print(f"{f'naive generation (networkx), degree {degree}':44s}{graphs:>9d}{baseline:9.2f}{1:9.1f}")
        graphs, seconds = timed(listed, degree)
        print(f"{f'multigraphs({degree})':44s}{graphs:>9d}{seconds:9.2f}{baseline / seconds:9.1f}")
    graphs, seconds = timed(listed, 6)
    print(f"{'multigraphs(6)':44s}{graphs:>9d}{seconds:9.2f}")
    count, seconds = timed(all_expectations, None)
    print(f"{'all exact expectation values, degree <= 4':44s}{count:>9d}{seconds:9.2f}")
    terms, seconds = timed(one_of_degree_six, None)
    print(f"{'one exact expectation value, degree 6: terms':44s}{terms:>9d}{seconds:9.2f}")


if __name__ == "__main__":
    main()
