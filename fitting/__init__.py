"""Fit permutation-invariant Gaussian models to matrices, and say how far the matrices are from Gaussian.

>>> model = PIGMM.fit(PIGMM.iid(5, variance=1.0).sample(100, seed=0))
>>> model.size
5
"""

from ..invariants.representation.spaces import (
    MatrixSpace,
    MultiMatrixSpace,
    RectangularSpace,
    SeveralSpace,
    SquareSpace,
    SymmetricSpace,
)
from .distances.closed_form import (
    bhattacharyya_distance,
    hellinger_distance,
    jeffreys_divergence,
    kl_divergence,
    wasserstein_distance,
    wasserstein_distance_squared,
)
from .distances.farther import farther_test
from .distances.independence import distance_to_independent
from .distances.intervals import distance_interval
from .distances.null_bands import distance_test, distances_to
from .distances.trajectories import distance_matrix, embed
from .distances.transport import sample_distance_test, sample_wasserstein
from .held_out_models import held_out_models
from .interactions.comparison import compare_interacting
from .interactions.held_out import held_out_gain
from .interactions.model import InteractingModel
from .interactions.normalisation.far_field import Normalisability
from .interactions.sampling.chains import Chains
from .interactions.score_matching.statistics import ScoreStatistics
from .interactions.selection.forward import select_interactions
from .mixtures.elliptical import EllipticalModel
from .mixtures.mixture import MixtureModel
from .mixtures.number_of_components import number_of_components
from .model.gaussian import BlockGaussian
from .model.intervals import confidence_intervals
from .model.pigmm import PIGMM
from .model.sampling_law import sample_estimates, standard_errors
from .model.sufficient_statistics import SufficientStatistics, matrix_chunks
from .tests_of_models.gaussianity.bootstrap import BootstrapComparison, bootstrap_comparison, gaussianity_test
from .tests_of_models.gaussianity.comparison import compare
from .tests_of_models.multiple_testing import q_values
from .tests_of_models.one_matrix.one_matrix import analyse_matrix
from .tests_of_models.symmetry.invariance import invariance_p_values, mean_invariance_test, permutation_invariance_test
from .tests_of_models.symmetry.nested_models import model_ladder, nested_models, restricted_fits
from .tests_of_models.symmetry.random_signs import sign_test
from .tests_of_models.symmetry.restrictions import Restriction, restrictions
from .tests_of_models.symmetry.symmetry import randomisation_test, symmetry_p_values, wald_tests

__all__ = [
    "PIGMM",
    "BlockGaussian",
    "BootstrapComparison",
    "Chains",
    "EllipticalModel",
    "InteractingModel",
    "MatrixSpace",
    "MixtureModel",
    "MultiMatrixSpace",
    "Normalisability",
    "RectangularSpace",
    "Restriction",
    "ScoreStatistics",
    "SeveralSpace",
    "SquareSpace",
    "SufficientStatistics",
    "SymmetricSpace",
    "analyse_matrix",
    "bhattacharyya_distance",
    "bootstrap_comparison",
    "compare",
    "compare_interacting",
    "confidence_intervals",
    "distance_interval",
    "distance_matrix",
    "distance_test",
    "distance_to_independent",
    "distances_to",
    "embed",
    "farther_test",
    "gaussianity_test",
    "held_out_gain",
    "held_out_models",
    "hellinger_distance",
    "invariance_p_values",
    "jeffreys_divergence",
    "kl_divergence",
    "matrix_chunks",
    "mean_invariance_test",
    "model_ladder",
    "nested_models",
    "number_of_components",
    "permutation_invariance_test",
    "q_values",
    "randomisation_test",
    "restricted_fits",
    "restrictions",
    "sample_distance_test",
    "sample_estimates",
    "sample_wasserstein",
    "select_interactions",
    "sign_test",
    "standard_errors",
    "symmetry_p_values",
    "wald_tests",
    "wasserstein_distance",
    "wasserstein_distance_squared",
]
