"""Exact expectation values of the linear and quadratic permutation invariants of Fisher matrices."""

from __future__ import annotations

from math import perm

import numpy as np
from sympy.utilities.iterables import multiset_partitions

from ....invariants import SYMMETRIC, Multigraph, inverse_map, multigraphs, parse_label, statistic_symbol
from ....invariants.representation.matrix_kinds import SIZE
from ....spectra import relu_fisher_moments
from .draws import Array


def exact_invariants(dimension: int, hidden: int) -> dict[Multigraph, float]:
    """Return the expectation of each invariant of degree 1 and 2 of the Fisher matrix, for random hidden weights.

    The sum of an invariant runs over all indices, equal ones too. So it is a sum over the ways to make nodes equal,
    each with its moment of entries with different indices.

    Args:
        dimension: d of the inputs, at least 2.
        hidden: m, the size of the matrix.

    Returns:
        By graph, of the two linear and the seven quadratic invariants.

    >>> values = exact_invariants(5, 12)
    >>> round(values[parse_label("00", SYMMETRIC)], 6)  # the trace, d/2
    2.5
    """
    moments = {parse_label(label, SYMMETRIC): value for label, value in relu_fisher_moments(dimension, hidden).items()}
    graphs = multigraphs(1, SYMMETRIC) + multigraphs(2, SYMMETRIC)
    return {graph: sum(_merged(graph, hidden, moments)) for graph in graphs}


def _merged(graph: Multigraph, hidden: int, moments: dict[Multigraph, float]) -> list[float]:
    values = []
    for blocks in multiset_partitions(list(range(graph.number_of_nodes))):
        place = {node: number for number, block in enumerate(blocks) for node in block}
        label = " ".join("".join(map(str, sorted((place[a], place[b])))) for a, b in graph.arcs)
        values.append(perm(hidden, len(blocks)) * moments[parse_label(label, SYMMETRIC)])
    return values


def exact_parameters(dimension: int, hidden: int) -> Array:
    """Return the nine parameters of the symmetric Gaussian model that has the exact moments of Fisher matrices.

    Args:
        dimension: d of the inputs, at least 2.
        hidden: m, the size of the matrix.

    Returns:
        (9,), in the order of `BlockGaussian.names` of a `SymmetricSpace`.

    >>> exact_parameters(5, 12).shape
    (9,)
    """
    values = {statistic_symbol(graph): value for graph, value in exact_invariants(dimension, hidden).items()}
    return np.array([float(formula.subs({SIZE: hidden, **values})) for formula in inverse_map(SYMMETRIC)])
