"""Slow, obvious twins of the fast algorithms, for tests: sums over all index values, and dense Gaussian moments."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .graphs.multigraph import Multigraph


def evaluate_slowly(matrix: ArrayLike, graph: Multigraph) -> Any:
    """Evaluate the invariant of a graph by its definition: sum over all values of all indices.

    Args:
        matrix: (rows, columns) numbers, or (k, rows, columns) for a graph of several matrices; exact types
            (Fraction, int) give exact results.
        graph: of any kind.

    Returns:
        The sum, of the type of the products of entries.

    Source:
        arXiv:2510.05218, the definition of the invariants; derivation 1.

    >>> evaluate_slowly([[1, 2], [3, 4]], Multigraph([(0, 1), (1, 0)]))  # tr M^2
    29
    """
    entries = np.asarray(matrix, dtype=object)
    entries = entries if entries.ndim == 3 else entries[None]
    ranges = [range(entries.shape[1 + kind]) for kind in graph.kinds]
    factors = list(zip(graph.colours, graph.arcs, strict=True))
    return sum(prod(entries[c, index[t], index[h]] for c, (t, h) in factors) for index in product(*ranges))


def expectation_slowly(graph: Multigraph, mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Compute the expectation value of an invariant from a dense mean and covariance, by Isserlis' theorem.

    Args:
        graph: of square matrices, one or k of them.
        mean: (N, N) float64; (k, N, N) for a graph of several matrices.
        covariance: (N, N, N, N) float64; (k, N, N, k, N, N) for several.

    Returns:
        The expectation value.

    Source:
        L. Isserlis, Biometrika 12, 134 (1918).

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
            colours = [graph.colours[arc] for arc in arcs]
            if mean.ndim == 2:
                tensors.append(mean if len(arcs) == 1 else covariance)
            else:
                tensors.append(mean[colours[0]] if len(arcs) == 1 else covariance[colours[0], :, :, colours[1]])
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
