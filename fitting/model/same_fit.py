"""Matrices drawn from the Gaussian law given their trivial components and their fit, for exact tests.

The components of an irrep, side by side for all matrices and labels, are X (copies, n d) with independent columns of
covariance G. With the fit G^ = X X^T / (n d) = L L^T and Q = L^-1 X, the frame Q is uniform on the matrices with
Q Q^T = n d 1, whatever G is, and independent of G^. So white noise, whitened by its own fit and coloured by another,
has the law of the matrices given that fit. The fit is sufficient: this law has no parameters left, and a test that
compares any statistic with its values in such draws is exact at every size (Engen and Lillegård, Biometrika 84 (1997)
235; Lockhart, O'Reilly and Stephens, Biometrika 94 (2007) 992).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .gaussian import BlockGaussian

Array = NDArray[np.float64]


def sample_of_same_fit(model: BlockGaussian, seed: int | np.random.Generator | None = None) -> Array:
    """Draw as many matrices as a model was fitted to given their trivial components, of exactly the same fit.

    Args:
        model: fitted given the trivial components, by maximum likelihood.
        seed: an integer or a numpy Generator.

    Returns:
        (n, rows, columns), with the given trivial components, whose fit is the model.

    Raises:
        ValueError: if the trivial components are not given.

    Source:
        Derivation 9.

    >>> from pigmm.fitting import PIGMM
    >>> model = PIGMM.fit(PIGMM.iid(6, variance=1.0).sample(1, seed=0), given_trivial=True)
    >>> other = PIGMM.fit(sample_of_same_fit(model, seed=0), given_trivial=True)
    >>> bool(np.allclose(other.parameters, model.parameters, equal_nan=True))
    True
    """
    if model.given is None:
        raise ValueError("model must be fitted given the trivial components, got one of all components")
    count = len(model.given)
    white = np.random.default_rng(seed).standard_normal((count, *model.space.shape))
    components = [model.given[:, :, None]]
    for (dimension, covariance), part in zip(model.varying, model.space.project(white)[1:], strict=True):
        own = np.linalg.cholesky(np.einsum("nxa,nya->xy", part, part) / (count * dimension))
        components.append(np.linalg.cholesky(covariance) @ np.linalg.solve(own, part))
    return model.space.assemble(components)
