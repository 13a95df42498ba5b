"""Permutation invariants of matrices: graphs, representation theory, exact expectation values, evaluation.

>>> graph = Multigraph([(0, 1), (1, 0)])
>>> graph.formula
'sum_ij M_ij M_ji'
"""

from .counting import count_multigraphs
from .enumeration import multigraphs
from .evaluation import evaluate
from .expectations import ExpectationMap, expectation, expectation_map
from .families import RECTANGULAR, SQUARE, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE, ArcType, GraphFamily
from .matrix_kinds import PARAMETERS, ROWS, SIZE
from .multigraph import Multigraph

__all__ = [
    "PARAMETERS",
    "RECTANGULAR",
    "ROWS",
    "SIZE",
    "SQUARE",
    "SYMMETRIC",
    "SYMMETRIC_ZERO_DIAGONAL",
    "TWO_SQUARE",
    "ArcType",
    "ExpectationMap",
    "GraphFamily",
    "Multigraph",
    "count_multigraphs",
    "evaluate",
    "expectation",
    "expectation_map",
    "multigraphs",
]
