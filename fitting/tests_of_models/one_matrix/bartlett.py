"""Bartlett's correction: the mean of a likelihood ratio is known, and dividing by it mends the chi squared law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import digamma


def bartlett_factor(dimensions: Sequence[int], correlated: int, copies: int = 3) -> float:
    """Mean of the likelihood ratio divided by its degrees of freedom, for Gaussian entries.

    Args:
        dimensions: of the variances that are equal under the hypothesis.
        correlated: degrees of freedom of the Wishart matrix that is diagonal under it; 0 for none.
        copies: size of that matrix.

    Returns:
        The factor by which the ratio is larger than a chi squared variable.

    Source:
        M. S. Bartlett, Proc. R. Soc. Lond. A 160 (1937) 268; derivation 9.

    >>> round(bartlett_factor((15, 104, 105), 15), 3)
    1.089
    """
    total = sum(dimensions)
    mean = sum(d * (np.log(d / total) + digamma(total / 2) - digamma(d / 2)) for d in dimensions)
    constraints = len(dimensions) - 1
    if correlated:
        mean += correlated * sum(digamma(correlated / 2) - digamma((correlated - k) / 2) for k in range(1, copies))
        constraints += copies * (copies - 1) // 2
    return float(mean / constraints)
