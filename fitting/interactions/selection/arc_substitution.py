"""How invariants change under linear maps of the matrix that commute with permutations, one arc at a time.

Such a map X -> L X has a coefficient for each set partition of {i, j, k, l}: (L X)_ij = sum_kl L_ijkl X_kl. Put in for
one arc of a graph, each partition gives another graph of the same degree, times N for a node that is left without arcs.
The sum over the arcs is the derivative of O_G((1 + t L) X): a matrix a(L) on the graphs of the degree, linear in L. So
O_G(e^L X) = sum_H (e^{a(L)})_GH O_H(X).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from ....invariants.graphs.enumeration import multigraphs
from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.graphs.partitions import Partition

Array = NDArray[np.float64]


def substitution_matrix(
    degree: int, family: GraphFamily, sizes: tuple[int, ...], coefficients: Mapping[Partition, float]
) -> Array:
    """The matrix a(L) on all graphs of a degree.

    Args:
        degree: of the graphs.
        family: of one matrix.
        sizes: one for each node kind.
        coefficients: of each set partition of (row, column, row', column') in L.

    Returns:
        (graphs, graphs), in the order of `multigraphs(degree, family)`.

    Source:
        The chain rule.

    >>> from pigmm.invariants import SQUARE
    >>> substitution_matrix(1, SQUARE, (5,), {(0, 1, 0, 1): 1.0})  # the identity leaves each arc as it is
    array([[1., 0.],
           [0., 1.]])
    """
    count = len(multigraphs(degree, family))
    result = np.zeros((count, count))
    for partition, value in coefficients.items():
        for row, column, freed in _substitutions(degree, family, partition):
            result[row, column] += value * prod(sizes[kind] for kind in freed)
    return result


@lru_cache(maxsize=256)
def _substitutions(
    degree: int, family: GraphFamily, partition: Partition
) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """(graph, graph after, kinds of the nodes that are summed away), for each arc of each graph."""
    graphs = multigraphs(degree, family)
    place = {graph: number for number, graph in enumerate(graphs)}
    found = []
    for row, graph in enumerate(graphs):
        for arc in range(degree):
            after, freed = _substituted(graph, arc, partition, family)
            found.append((row, place[after], freed))
    return tuple(found)


def _substituted(
    graph: Multigraph, arc: int, partition: Partition, family: GraphFamily
) -> tuple[Multigraph, tuple[int, ...]]:
    """Replace an arc by a new one whose ends, and those of the old one, are merged as a partition says."""
    new = graph.number_of_nodes
    kinds = (*graph.kinds, family.arc_types[0].tail, family.arc_types[0].head)
    merged = list(range(new + 2))
    legs = (*graph.arcs[arc], new, new + 1)
    for leg, block in enumerate(partition):
        old, kept = merged[legs[leg]], merged[legs[partition.index(block)]]
        merged = [kept if node == old else node for node in merged]
    arcs = [*graph.arcs[:arc], *graph.arcs[arc + 1 :], (new, new + 1)]
    arcs = [(merged[tail], merged[head]) for tail, head in arcs]
    used = sorted({node for pair in arcs for node in pair})
    name = {node: number for number, node in enumerate(used)}
    freed = tuple(kinds[node] for node in sorted(set(merged)) if node not in name)
    renamed = [(name[tail], name[head]) for tail, head in arcs]
    return Multigraph(renamed, kinds=[kinds[node] for node in used], directed=graph.directed), freed
