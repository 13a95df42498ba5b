"""Fit permutation-invariant Gaussian models to matrices, and say how far the matrices are from Gaussian.

>>> model = PIGMM.fit(PIGMM.iid(5, variance=1.0).sample(100, seed=0))
>>> model.size
5
"""

from ..invariants.spaces import MatrixSpace, RectangularSpace, SeveralSpace, SquareSpace, SymmetricSpace
from .comparison import compare
from .distances import kl_divergence, wasserstein_distance, wasserstein_distance_squared
from .gaussian import PIGMM, BlockGaussian

__all__ = [
    "PIGMM",
    "BlockGaussian",
    "MatrixSpace",
    "RectangularSpace",
    "SeveralSpace",
    "SquareSpace",
    "SymmetricSpace",
    "compare",
    "kl_divergence",
    "wasserstein_distance",
    "wasserstein_distance_squared",
]
