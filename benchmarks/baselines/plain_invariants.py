"""The invariants that arXiv:2510.05218 studies, in plain numpy, one matrix at a time: what anyone would write.

The 13 linear and quadratic ones, and of the cubic and quartic ones the 39 with 1, 2, n - 1 or n nodes, n the largest
number for the degree. A formula for each, of the matrix m, its diagonal d, its row sums r and its column sums c.
"""

from __future__ import annotations

import numpy as np

from pigmm.invariants import Multigraph

FORMULAS = {
    # degree 1 and 2
    "00": lambda m, d, r, c: d.sum(),
    "01": lambda m, d, r, c: m.sum(),
    "00 00": lambda m, d, r, c: (d**2).sum(),
    "00 01": lambda m, d, r, c: (d * r).sum(),
    "00 10": lambda m, d, r, c: (d * c).sum(),
    "00 11": lambda m, d, r, c: d.sum() ** 2,
    "01 01": lambda m, d, r, c: (m**2).sum(),
    "01 10": lambda m, d, r, c: (m * m.T).sum(),
    "00 12": lambda m, d, r, c: d.sum() * m.sum(),
    "01 02": lambda m, d, r, c: (r**2).sum(),
    "01 12": lambda m, d, r, c: (c * r).sum(),
    "01 21": lambda m, d, r, c: (c**2).sum(),
    "01 23": lambda m, d, r, c: m.sum() ** 2,
    # degree 3, one node and two
    "00 00 00": lambda m, d, r, c: (d**3).sum(),
    "00 00 01": lambda m, d, r, c: (d[:, None] ** 2 * m).sum(),
    "00 01 01": lambda m, d, r, c: (d[:, None] * m**2).sum(),
    "00 01 10": lambda m, d, r, c: (d[:, None] * m * m.T).sum(),
    "00 01 11": lambda m, d, r, c: (d[:, None] * m * d).sum(),
    "00 11 11": lambda m, d, r, c: d.sum() * (d**2).sum(),
    "01 01 01": lambda m, d, r, c: (m**3).sum(),
    "01 01 10": lambda m, d, r, c: (m**2 * m.T).sum(),
    "01 01 11": lambda m, d, r, c: (m**2 * d).sum(),
    "01 11 11": lambda m, d, r, c: (m * d**2).sum(),
    # degree 3, five nodes and six
    "00 12 34": lambda m, d, r, c: d.sum() * m.sum() ** 2,
    "01 23 24": lambda m, d, r, c: m.sum() * (r**2).sum(),
    "01 23 34": lambda m, d, r, c: m.sum() * (c * r).sum(),
    "01 23 43": lambda m, d, r, c: m.sum() * (c**2).sum(),
    "01 23 45": lambda m, d, r, c: m.sum() ** 3,
    # degree 4, one node and two
    "00 00 00 00": lambda m, d, r, c: (d**4).sum(),
    "00 00 00 01": lambda m, d, r, c: (d[:, None] ** 3 * m).sum(),
    "00 00 01 01": lambda m, d, r, c: (d[:, None] ** 2 * m**2).sum(),
    "00 00 01 10": lambda m, d, r, c: (d[:, None] ** 2 * m * m.T).sum(),
    "00 00 01 11": lambda m, d, r, c: (d[:, None] ** 2 * m * d).sum(),
    "00 00 11 11": lambda m, d, r, c: (d**2).sum() ** 2,
    "00 01 01 01": lambda m, d, r, c: (d[:, None] * m**3).sum(),
    "00 01 01 10": lambda m, d, r, c: (d[:, None] * m**2 * m.T).sum(),
    "00 01 01 11": lambda m, d, r, c: (d[:, None] * m**2 * d).sum(),
    "00 01 10 10": lambda m, d, r, c: (d[:, None] * m * m.T**2).sum(),
    "00 01 10 11": lambda m, d, r, c: (d[:, None] * m * m.T * d).sum(),
    "00 01 11 11": lambda m, d, r, c: (d[:, None] * m * d**2).sum(),
    "00 11 11 11": lambda m, d, r, c: d.sum() * (d**3).sum(),
    "01 01 01 01": lambda m, d, r, c: (m**4).sum(),
    "01 01 01 10": lambda m, d, r, c: (m**3 * m.T).sum(),
    "01 01 01 11": lambda m, d, r, c: (m**3 * d).sum(),
    "01 01 10 10": lambda m, d, r, c: (m**2 * m.T**2).sum(),
    "01 01 11 11": lambda m, d, r, c: (m**2 * d**2).sum(),
    "01 11 11 11": lambda m, d, r, c: (m * d**3).sum(),
    # degree 4, seven nodes and eight
    "00 12 34 56": lambda m, d, r, c: d.sum() * m.sum() ** 3,
    "01 23 45 46": lambda m, d, r, c: m.sum() ** 2 * (r**2).sum(),
    "01 23 45 56": lambda m, d, r, c: m.sum() ** 2 * (c * r).sum(),
    "01 23 45 65": lambda m, d, r, c: m.sum() ** 2 * (c**2).sum(),
    "01 23 45 67": lambda m, d, r, c: m.sum() ** 4,
}

#: The graph of each formula, in the same order.
GRAPHS = tuple(Multigraph([(int(tail), int(head)) for tail, head in arcs.split()]) for arcs in FORMULAS)


def plain_invariants(matrix: np.ndarray) -> list[float]:
    """The 52 invariants of one matrix (N, N), in the order of GRAPHS."""
    diagonal, rows, columns = np.diag(matrix), matrix.sum(1), matrix.sum(0)
    return [formula(matrix, diagonal, rows, columns) for formula in FORMULAS.values()]
