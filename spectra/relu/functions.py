"""The eigenvectors of the Fisher matrix, and the functions of the inputs that they stand for."""

from __future__ import annotations

from itertools import combinations
from math import gamma, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

from ..checks import Array
from .fisher import checked_weights


def relu_eigenvectors(weights: ArrayLike) -> dict[str, Array]:
    """Return the approximate eigenvectors of the Fisher matrix, one for each of the four groups' functions.

    Args:
        weights: (d, m), entries about N(0, 1/m); d at least 2.

    Returns:
        By name, each (m,), about of length one: "F_0" |w| / sqrt(d); "F_1" ... "F_d" the rows of W; "F_ab"
        sqrt(d + 2) w_a w_b / |w|; "F_aa" c (w_a^2 - |w|^2 / d) / |w| with c = sqrt(d (d + 2) / (2 (d - 1))), of which
        d - 1 are independent.

    Raises:
        ValueError: if the weights are no finite matrix of at least two rows, or a unit has no weights.

    Source:
        arXiv:2505.17907.

    >>> vectors = relu_eigenvectors(np.random.default_rng(0).normal(size=(3, 4000)) / np.sqrt(4000))
    >>> list(vectors)
    ['F_0', 'F_1', 'F_2', 'F_3', 'F_12', 'F_13', 'F_23', 'F_11', 'F_22', 'F_33']
    >>> bool(abs(np.linalg.norm(vectors["F_12"]) - 1) < 0.1)
    True
    """
    w = checked_weights(weights)
    d = len(w)
    norms = np.linalg.norm(w, axis=0)
    if d < 2 or not norms.all():
        raise ValueError(
            f"weights must have at least two rows, and no unit without weights, got {d} rows and "
            f"{int((norms == 0).sum())} such units"
        )
    found = {"F_0": norms / sqrt(d)}
    found |= {f"F_{a + 1}": w[a] for a in range(d)}
    found |= {_pair(a, b): sqrt(d + 2) * w[a] * w[b] / norms for a, b in combinations(range(d), 2)}
    c = sqrt(d * (d + 2) / (2 * (d - 1)))
    return found | {_pair(a, a): c * (w[a] ** 2 - norms**2 / d) / norms for a in range(d)}


def relu_functions(inputs: ArrayLike) -> dict[str, Array]:
    """Return the limits, at m = infinity, of f_v(x) = v^T ReLU(W^T x) for the vectors of `relu_eigenvectors`.

    With a_0 = Gamma(d/2) / (2 sqrt(pi) Gamma((d + 1)/2)) and a_2 = a_0 / (d + 1): F_0 = sqrt(d) a_0 |x|, F_a = x_a / 2,
    F_ab = sqrt(d + 2) d a_2 x_a x_b / |x|, F_aa = c d a_2 (x_a^2 - |x|^2 / d) / |x|. They are orthogonal for
    x ~ N(0, 1), but for the F_aa among each other, and the mean of their square is the eigenvalue.

    Args:
        inputs: (n, d), d at least 2, no row zero.

    Returns:
        By name as in `relu_eigenvectors`, each (n,).

    Raises:
        ValueError: if the inputs are no finite matrix of at least two columns, or a row is zero.

    Source:
        arXiv:2505.17907; derivation 11.

    >>> values = relu_functions([[3.0, 4.0]])
    >>> float(values["F_1"][0]), round(float(values["F_0"][0]), 4)
    (1.5, 2.2508)
    """
    x = np.asarray(inputs, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2 or not np.isfinite(x).all():
        raise ValueError(f"inputs must be finite, (n, d) with d at least 2, got shape {x.shape}")
    d = x.shape[1]
    norms = np.linalg.norm(x, axis=1)
    if not norms.all():
        raise ValueError(
            f"inputs must not be zero, where the functions have no gradient, got {int((norms == 0).sum())} zero rows"
        )
    a0 = gamma(d / 2) / (2 * sqrt(pi) * gamma((d + 1) / 2))
    a2 = a0 / (d + 1)
    found = {"F_0": sqrt(d) * a0 * norms}
    found |= {f"F_{a + 1}": x[:, a] / 2 for a in range(d)}
    found |= {_pair(a, b): sqrt(d + 2) * d * a2 * x[:, a] * x[:, b] / norms for a, b in combinations(range(d), 2)}
    c = sqrt(d * (d + 2) / (2 * (d - 1)))
    return found | {_pair(a, a): c * d * a2 * (x[:, a] ** 2 - norms**2 / d) / norms for a in range(d)}


def _pair(a: int, b: int) -> str:
    return f"F_{a + 1}{b + 1}" if max(a, b) < 9 else f"F_{a + 1},{b + 1}"
