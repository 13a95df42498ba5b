"""Invariants of square matrices averaged over independent permutations of rows and columns: bipartite ones.

In a sum over distinct indices (orbit basis) with B nodes, of which R are tails and C heads of arcs, the rows become a
uniformly random choice of R distinct ones and the columns, independently, one of C: each index is split into its roles
as a row and as a column, and of N(N-1)...(N-B+1) terms each is the mean of the N(N-1)...(N-R+1) x N(N-1)...(N-C+1)
terms of the bipartite graph's sum over distinct indices. Merging nodes brings the independent sums there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import perm

import numpy as np
from numpy.typing import NDArray

from ....invariants import RECTANGULAR, Multigraph, graph_to_orbit_basis, orbit_to_graph_basis
from ....invariants.representation.tensors import normal_partition

Array = NDArray[np.float64]


def averaging_map(graphs: Sequence[Multigraph], bipartite: Sequence[Multigraph], size: int) -> Array:
    """Write each invariant averaged over S_N x S_N as a combination of bipartite invariants.

    Args:
        graphs: of one square matrix.
        bipartite: of one rectangular matrix; all those of the degrees of the graphs.
        size: N.

    Returns:
        (graphs, bipartite) coefficients.

    >>> trace, total = Multigraph([(0, 0)]), Multigraph([(0, 1)], kinds=(0, 1))
    >>> averaging_map([trace], [total], size=4)  # the diagonal is a quarter of all entries
    array([[0.25]])
    """
    return _averaging_map(tuple(graphs), tuple(bipartite), size)


@lru_cache(maxsize=16)
def _averaging_map(graphs: tuple[Multigraph, ...], bipartite: tuple[Multigraph, ...], size: int) -> Array:
    place = {graph: number for number, graph in enumerate(bipartite)}
    result = np.zeros((len(graphs), len(bipartite)))
    for row, graph in zip(result, graphs, strict=True):
        for nodes, split, terms in _orbits(graph):
            rows = split.kinds.count(0)
            columns = len(split.kinds) - rows
            if nodes <= size:
                weight = perm(size, nodes) / (perm(size, rows) * perm(size, columns))
                for term, coefficient in terms:
                    row[place[term]] += weight * coefficient
    result.flags.writeable = False  # shared by all who ask
    return result


@lru_cache(maxsize=1 << 12)
def _orbits(graph: Multigraph) -> list[tuple[int, Multigraph, list[tuple[Multigraph, int]]]]:
    """For each orbit-basis term: its nodes, its bipartite graph, and what the latter's orbit sum is in the graph basis.

    The coefficient of the term itself is multiplied in.
    """
    return [
        (orbit.number_of_nodes, split, [(term, count * inner) for term, inner in _independent_sums(split)])
        for orbit, count in graph_to_orbit_basis(graph).items()
        for split in [split_nodes(orbit)]
    ]


@lru_cache(maxsize=1 << 12)
def _independent_sums(split: Multigraph) -> list[tuple[Multigraph, int]]:
    return list(orbit_to_graph_basis(split, RECTANGULAR).items())


def split_nodes(graph: Multigraph) -> Multigraph:
    """The bipartite graph whose nodes are the tails of arcs, rows, and the heads of arcs, columns.

    >>> split_nodes(Multigraph([(0, 1), (1, 2)])).formula  # M_ij M_jk: the row j and the column j are no longer one
    'sum_iajb M_ia M_jb'
    """
    tails, heads = (normal_partition(ends) for ends in zip(*graph.arcs, strict=True))
    return _bipartite(tails, heads)


@lru_cache(maxsize=1 << 12)
def _bipartite(rows: tuple[int, ...], columns: tuple[int, ...]) -> Multigraph:
    """The graph of the row and of the column of each arc, which many graphs share."""
    tails, heads = 1 + max(rows), 1 + max(columns)
    arcs = [(row, tails + column) for row, column in zip(rows, columns, strict=True)]
    return Multigraph(arcs, kinds=[0] * tails + [1] * heads)
