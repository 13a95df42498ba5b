"""The invariants of a degree as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..invariants import multigraphs


def listing(degree: int) -> Iterator[str]:
    """A header, a line for each invariant (graph, nodes, components, formula), and counts by number of nodes.

    Raises:
        ValueError: the degree is below 1.

    >>> for line in listing(1):
    ...     print(line)
    graph  nodes  components  formula
    00         1           1  sum_i M_ii
    01         2           1  sum_ij M_ij
    <BLANKLINE>
    2 invariants of degree 1; by number of nodes 1: 1, 2: 1
    """
    graphs = multigraphs(degree)
    width = max(5, *(len(graph.label) for graph in graphs))
    yield f"{'graph':<{width}}  nodes  components  formula"
    for graph in graphs:
        yield f"{graph.label:<{width}}  {graph.number_of_nodes:>5}  {len(graph.components):>10}  {graph.formula}"
    counts = Counter(graph.number_of_nodes for graph in graphs)
    by_nodes = ", ".join(f"{nodes}: {count}" for nodes, count in sorted(counts.items()))
    yield ""
    yield f"{len(graphs)} invariants of degree {degree}; by number of nodes {by_nodes}"
