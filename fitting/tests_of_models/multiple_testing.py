"""Many tests at once: false discovery rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control


def q_values(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's adjusted p-values: rejecting all q <= a keeps the false discovery rate at a.

    This is proven for independent and for positively dependent tests.

    Args:
        p_values: (tests,); NaN marks a missing test. It is left out of the family and stays NaN.

    Returns:
        (tests,) q-values.

    Raises:
        ValueError: if one is not in [0, 1].

    Source:
        Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995) 289; Benjamini and Yekutieli, Ann. Statist. 29 (2001)
        1165.

    >>> q_values([0.01, 0.04, 0.5, np.nan])
    array([0.03, 0.06, 0.5 ,  nan])
    """
    p = np.array(p_values, dtype=np.float64)
    tested = ~np.isnan(p)
    if tested.any():
        p[tested] = false_discovery_control(p[tested])
    return p
