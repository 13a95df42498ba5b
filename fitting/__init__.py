"""Fit permutation-invariant Gaussian models to matrices, and say how far the matrices are from Gaussian.

>>> model = PIGMM.fit(PIGMM.iid(5, variance=1.0).sample(100, seed=0))
>>> model.size
5
"""

from ..invariants.representation.spaces import MatrixSpace, RectangularSpace, SeveralSpace, SquareSpace, SymmetricSpace
from .bootstrap import BootstrapComparison, bootstrap_comparison, gaussianity_test
from .comparison import compare
from .distance_tests import distance_test, distances_to
from .distances import (
    bhattacharyya_distance,
    hellinger_distance,
    jeffreys_divergence,
    kl_divergence,
    wasserstein_distance,
    wasserstein_distance_squared,
)
from .gaussian import PIGMM, BlockGaussian
from .intervals import confidence_intervals
from .invariance_tests import invariance_p_values, mean_invariance_test, permutation_invariance_test
from .ladder import model_ladder, restricted_fits
from .multiple_testing import q_values
from .restrictions import Restriction, restrictions
from .sample_distances import sample_distance_test, sample_wasserstein
from .sampling_law import sample_estimates, standard_errors
from .sufficient_statistics import SufficientStatistics, matrix_chunks
from .symmetry_tests import randomisation_test, symmetry_p_values, wald_tests
from .trajectories import distance_matrix, embed

__all__ = [
    "PIGMM",
    "BlockGaussian",
    "BootstrapComparison",
    "MatrixSpace",
    "RectangularSpace",
    "Restriction",
    "SeveralSpace",
    "SquareSpace",
    "SufficientStatistics",
    "SymmetricSpace",
    "bhattacharyya_distance",
    "bootstrap_comparison",
    "compare",
    "confidence_intervals",
    "distance_matrix",
    "distance_test",
    "distances_to",
    "embed",
    "gaussianity_test",
    "hellinger_distance",
    "invariance_p_values",
    "jeffreys_divergence",
    "kl_divergence",
    "matrix_chunks",
    "mean_invariance_test",
    "model_ladder",
    "permutation_invariance_test",
    "q_values",
    "randomisation_test",
    "restricted_fits",
    "restrictions",
    "sample_distance_test",
    "sample_estimates",
    "sample_wasserstein",
    "standard_errors",
    "symmetry_p_values",
    "wald_tests",
    "wasserstein_distance",
    "wasserstein_distance_squared",
]
