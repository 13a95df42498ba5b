"""Fit permutation-invariant Gaussian models to matrices, and say how far the matrices are from Gaussian.

>>> model = PIGMM.fit(PIGMM.iid(5, variance=1.0).sample(100, seed=0))
>>> model.size
5
"""

from ..invariants.spaces import MatrixSpace, RectangularSpace, SeveralSpace, SquareSpace, SymmetricSpace
from .bootstrap import BootstrapComparison, bootstrap_comparison, gaussianity_test
from .comparison import compare
from .distances import kl_divergence, wasserstein_distance, wasserstein_distance_squared
from .gaussian import PIGMM, BlockGaussian
from .intervals import confidence_intervals
from .multiple_testing import q_values
from .sampling_law import sample_estimates, standard_errors
from .sufficient_statistics import SufficientStatistics, matrix_chunks

__all__ = [
    "PIGMM",
    "BlockGaussian",
    "BootstrapComparison",
    "MatrixSpace",
    "RectangularSpace",
    "SeveralSpace",
    "SquareSpace",
    "SufficientStatistics",
    "SymmetricSpace",
    "bootstrap_comparison",
    "compare",
    "confidence_intervals",
    "gaussianity_test",
    "kl_divergence",
    "matrix_chunks",
    "q_values",
    "sample_estimates",
    "standard_errors",
    "wasserstein_distance",
    "wasserstein_distance_squared",
]
