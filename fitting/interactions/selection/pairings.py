"""Covariances of Wick products of white noise: a count of how the nodes of two graphs join.

In white noise :O_G: and :O_H: of degree k have the covariance of all ways to pair the arcs of G with those of H. A
pairing sets the ends of paired arcs equal, so it gives a factor N for every class of nodes that is left. The ends of
the arcs are 2k legs, and a graph is a set partition of them: the classes are the blocks of the join of two partitions.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from ....invariants.graphs.families import GraphFamily
from ....invariants.graphs.multigraph import Multigraph
from ....invariants.graphs.partitions import Partition
from ....invariants.representation.tensors import normal_partition

Array = NDArray[np.float64]


def white_covariances(graphs: tuple[Multigraph, ...], family: GraphFamily, sizes: tuple[int, ...]) -> Array:
    """Covariances of the Wick products of graphs of one degree in white noise.

    Args:
        graphs: of one matrix, all of one degree.
        family: the kind of matrices; of symmetric ones, white noise of unit variance in every direction.
        sizes: one for each node kind.

    Returns:
        (graphs, graphs).

    Source:
        L. Isserlis, Biometrika 12 (1918) 134.

    >>> from pigmm.invariants import SQUARE
    >>> white_covariances((Multigraph([(0, 1), (0, 1)]),), SQUARE, (3,))  # two pairings of nine entries
    array([[18.]])
    """
    classes, multiplicities = _joins(graphs, family)
    powers = np.ones(classes.shape[1:])
    for size, count in zip(sizes, classes, strict=True):
        powers *= float(size) ** count
    result: Array = powers @ multiplicities.T
    return result


@lru_cache(maxsize=16)
def _joins(graphs: tuple[Multigraph, ...], family: GraphFamily) -> tuple[NDArray[np.uint8], Array]:
    """Numbers of classes by kind, (kinds, graphs, arrangements), and how often each graph takes an arrangement."""
    legs = [_legs(graph) for graph in graphs]
    images = [Counter(_arrangements(partition, family.directed)) for partition in legs]
    arrangements = {partition: number for number, partition in enumerate(sorted(set().union(*images)))}
    multiplicities = np.zeros((len(graphs), len(arrangements)))
    weight = 1.0 if family.directed else 0.5 ** graphs[0].degree
    for row, image in enumerate(images):
        for partition, times in image.items():
            multiplicities[row, arrangements[partition]] = weight * times
    masks, others = _masks(legs), _masks(list(arrangements))
    arc_type = family.arc_types[0]
    kind_of_leg = np.array([arc_type.tail, arc_type.head] * graphs[0].degree)
    classes = np.zeros((len(family.node_kinds), len(graphs), len(arrangements)), dtype=np.uint8)
    for row, mask in enumerate(masks):
        first = _first_legs(mask | others)
        for kind in family.node_kinds:
            classes[kind, row] = first[:, kind_of_leg == kind].sum(axis=1)
    return classes, multiplicities


def _legs(graph: Multigraph) -> Partition:
    return normal_partition([node for arc in graph.arcs for node in arc])


def _arrangements(partition: Partition, directed: bool) -> list[Partition]:
    """The partition with its arcs in every order, and turned around where they have no direction."""
    arcs = [partition[leg : leg + 2] for leg in range(0, len(partition), 2)]
    turns = [(arc,) if directed else (arc, arc[::-1]) for arc in arcs]
    return [
        normal_partition([leg for arc in order for leg in arc])
        for turned in product(*turns)
        for order in permutations(turned)
    ]


def _masks(partitions: list[Partition]) -> NDArray[np.uint32]:
    """(partitions, legs): the legs of each leg's block as bits."""
    labels = np.array(partitions)
    together = labels[:, :, None] == labels[:, None, :]
    bits: NDArray[np.uint32] = (together << np.arange(labels.shape[1])).sum(axis=2).astype(np.uint32)
    return bits


def _first_legs(masks: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """(partitions, legs): whether a leg is the first of its block, once relations are closed to blocks."""
    legs = masks.shape[1]
    for middle in range(legs):  # Warshall's algorithm
        reaches = (masks >> np.uint32(middle)) & 1
        np.bitwise_or(masks, reaches * masks[:, middle : middle + 1], out=masks)
    below = np.uint32(1) << np.arange(legs, dtype=np.uint32)
    first: NDArray[np.bool_] = (masks & (below - 1)) == 0
    return first
