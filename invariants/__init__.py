"""Permutation invariants of matrices: graphs, representation theory, exact expectation values, evaluation.

>>> graph = Multigraph([(0, 1), (1, 0)])
>>> graph.formula
'sum_ij M_ij M_ji'
"""

from .derivatives.symbolic import gradient_product, laplacian
from .evaluation.chunked import evaluate_chunks, invariant_moments
from .evaluation.evaluate import evaluate
from .evaluation.gradients import evaluate_gradient, evaluate_with_gradient
from .evaluation.moments import InvariantMoments
from .expectation.compiled import ExpectationMap, expectation_map
from .expectation.covariances import covariance, iid_variance, parameter_covariance
from .expectation.maps import forward_map, inverse_map, statistic_symbol, statistics_graphs
from .expectation.symbolic import expectation
from .expectation.two_point import leading_term, two_point_coefficients, two_point_expectation, two_point_symbols
from .graphs.bases import graph_to_orbit_basis, multiply, orbit_to_graph_basis, reduce_to_size
from .graphs.counting import count_multigraphs
from .graphs.enumeration import multigraphs
from .graphs.families import RECTANGULAR, SQUARE, SYMMETRIC, SYMMETRIC_ZERO_DIAGONAL, TWO_SQUARE, ArcType, GraphFamily
from .graphs.given import as_graph
from .graphs.labels import parse_label
from .graphs.multigraph import Multigraph
from .representation.matrix_kinds import PARAMETERS, ROWS, SIZE

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
    "as_graph",
    "count_multigraphs",
    "covariance",
    "evaluate",
    "evaluate_chunks",
    "evaluate_gradient",
    "evaluate_with_gradient",
    "expectation",
    "expectation_map",
    "forward_map",
    "gradient_product",
    "graph_to_orbit_basis",
    "iid_variance",
    "invariant_moments",
    "inverse_map",
    "laplacian",
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
