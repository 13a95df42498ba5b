"""Spectra of random matrices: local statistics, transforms and outliers, and the Fisher spectra of ReLU networks.

>>> float(Semicircle(1.0).outlier(2.0))
2.5
"""

from .batches.descent import descent_steps
from .batches.line import Estimate
from .batches.noise import NoiseFit, fit_noise, semicircle_test
from .batches.outliers import fit_outliers, slope_of_coupled_noise
from .laws.empirical import EmpiricalLaw
from .laws.free_sum import FreeSum
from .laws.law import density, effective_damping
from .laws.marchenko_pastur import MarchenkoPastur
from .laws.semicircle import Semicircle
from .local.ensembles import GOE, GUE, POISSON, Ensemble
from .local.spacings import number_variance, spacing_ratios, unfold, without_zeros
from .local.tests import delocalisation_test, local_statistics_test
from .relu.finite_width import FiniteWidth, relu_finite_width, relu_multiplicity
from .relu.fisher import relu_fisher_eigenvalue, relu_fisher_eigenvalues, relu_fisher_matrix
from .relu.functions import relu_eigenvectors, relu_functions
from .relu.moments import relu_fisher_moments

__all__ = [
    "GOE",
    "GUE",
    "POISSON",
    "EmpiricalLaw",
    "Ensemble",
    "Estimate",
    "FiniteWidth",
    "FreeSum",
    "MarchenkoPastur",
    "NoiseFit",
    "Semicircle",
    "delocalisation_test",
    "density",
    "descent_steps",
    "effective_damping",
    "fit_noise",
    "fit_outliers",
    "local_statistics_test",
    "number_variance",
    "relu_eigenvectors",
    "relu_finite_width",
    "relu_fisher_eigenvalue",
    "relu_fisher_eigenvalues",
    "relu_fisher_matrix",
    "relu_fisher_moments",
    "relu_functions",
    "relu_multiplicity",
    "semicircle_test",
    "slope_of_coupled_noise",
    "spacing_ratios",
    "unfold",
    "without_zeros",
]
