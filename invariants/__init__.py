"""Permutation invariants of matrices: graphs, representation theory, exact expectation values, evaluation.

>>> graph = Multigraph([(0, 1), (1, 0)])
>>> graph.formula
'sum_ij M_ij M_ji'
"""

from .bases import graph_to_orbit_basis, multiply, orbit_to_graph_basis, reduce_to_size
from .compiled_expectations import ExpectationMap, expectation_map
from .counting import count_multigraphs
from .covariances import covariance, iid_variance, parameter_covariance
from .enumeration import multigraphs
from .evaluation import evaluate
from .expectations import expectation
from .families import RECTANGULAR, SQUARE, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE, ArcType, GraphFamily
from .gradients import evaluate_gradient
from .labels import parse_label
from .maps import forward_map, inverse_map, statistic_symbol, statistics_graphs
from .matrix_kinds import PARAMETERS, ROWS, SIZE
from .moments import InvariantMoments
from .multigraph import Multigraph
from .streaming import evaluate_chunks, invariant_moments
from .two_point import leading_term, two_point_coefficients, two_point_expectation, two_point_symbols

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
    "InvariantMoments",
    "Multigraph",
    "count_multigraphs",
    "covariance",
    "evaluate",
    "evaluate_chunks",
    "evaluate_gradient",
    "expectation",
    "expectation_map",
    "forward_map",
    "graph_to_orbit_basis",
    "iid_variance",
    "invariant_moments",
    "inverse_map",
    "leading_term",
    "multigraphs",
    "multiply",
    "orbit_to_graph_basis",
    "parameter_covariance",
    "parse_label",
    "reduce_to_size",
    "statistic_symbol",
    "statistics_graphs",
    "two_point_coefficients",
    "two_point_expectation",
    "two_point_symbols",
]
