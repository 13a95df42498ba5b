"""Slow, obvious twins of the fast algorithms, for tests: sums over all index values, and dense Gaussian moments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .multigraph import Multigraph


def evaluate_slowly(matrix: ArrayLike, graph: Multigraph) -> Any:
    """The invariant of a graph by summing over all values of all its indices, as it is defined.

    Args:
        matrix: (rows, columns) numbers; exact types (Fraction, int) give exact results.
        graph: of one matrix.

    >>> evaluate_slowly([[1, 2], [3, 4]], Multigraph([(0, 1), (1, 0)]))  # tr M^2
    29
    """
    entries = np.asarray(matrix, dtype=object)
    ranges = [range(entries.shape[kind]) for kind in graph.kinds]
    return sum(prod(entries[index[tail], index[head]] for tail, head in graph.arcs) for index in product(*ranges))


def expectation_slowly(graph: Multigraph, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Expectation of an invariant from a dense mean (N, N) and covariance (N, N, N, N), by Isserlis' theorem.

    >>> size = 4
    >>> white = np.einsum("ik,jl->ijkl", np.eye(size), np.eye(size))
    >>> expectation_slowly(Multigraph([(0, 1), (0, 1)]), np.zeros((size, size)), white)
    16.0
    """
    letters = "abcdefghijklmnop"
    total = 0.0
    for matching in _matchings(tuple(range(graph.degree))):
        names, tensors = [], []
        for arcs in matching:
            names.append("".join(letters[node] for arc in arcs for node in graph.arcs[arc]))
            tensors.append(mean if len(arcs) == 1 else covariance)
        total += float(np.einsum(",".join(names) + "->", *tensors, optimize=True))
    return total


def _matchings(items: Sequence[int]) -> list[list[tuple[int, ...]]]:
    """All ways to split items into singles and pairs."""
    if not items:
        return [[]]
    first, rest = items[0], items[1:]
    found = [[(first,), *others] for others in _matchings(rest)]
    for place, partner in enumerate(rest):
        found += [[(first, partner), *others] for others in _matchings([*rest[:place], *rest[place + 1 :]])]
    return found
