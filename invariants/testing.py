"""Check that a function of matrices is permutation invariant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def assert_permutation_invariant(
    function: Callable[[NDArray[Any]], NDArray[Any]], matrices: NDArray[Any], trials: int = 5, seed: int = 0
) -> None:
    """Raise AssertionError if a function changes when rows and columns are permuted together.

    Args:
        function: matrices (..., N, N) -> array of any shape.
        matrices: (..., N, N), floating point; the tolerance follows its dtype (the square root of its precision,
            relative to the largest value).
        trials: how many random permutations.
        seed: of the permutations.

    >>> assert_permutation_invariant(lambda m: np.trace(m), np.arange(9.0).reshape(3, 3))
    """
    rng = np.random.default_rng(seed)
    expected = function(matrices)
    tolerance = float(np.sqrt(np.finfo(matrices.dtype).eps))
    for _ in range(trials):
        sigma = rng.permutation(matrices.shape[-1])
        found = function(matrices[..., sigma, :][..., :, sigma])
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())
