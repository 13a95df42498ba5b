"""The Fisher matrix of the output weights of a two-layer ReLU network with random hidden weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike

from ..checks import Array, checked_count
from ..laws.law import is_symbolic


def relu_fisher_matrix(weights: ArrayLike) -> Array:
    """Return I_ij = E[X_i X_j] of X = ReLU(W^T x), x ~ N(0, 1_d): the Fisher matrix of f_v(x) = X^T v in v.

    I_ij = |w_i| |w_j| / (2 pi) (sin t + (pi - t) cos t), t the angle of w_i and w_j.

    Args:
        weights: (d, m), a hidden unit in each column; d at least 1.

    Returns:
        (m, m), symmetric and positive semidefinite.

    Raises:
        ValueError: if the weights are no finite matrix.

    Source:
        arXiv:2505.17907; the kernel is that of Y. Cho and L. K. Saul (2009).

    >>> relu_fisher_matrix(np.eye(2)).round(4)
    array([[0.5   , 0.1592],
           [0.1592, 0.5   ]])
    """
    w = checked_weights(weights)
    gram = w.T @ w
    norms = np.sqrt(np.diagonal(gram))
    scale = np.outer(norms, norms)
    cosine = np.clip(gram / np.where(scale > 0, scale, 1.0), -1, 1)
    np.fill_diagonal(cosine, 1.0)
    angle = np.arccos(cosine)
    fisher: Array = scale * (np.sqrt(1 - cosine**2) + (np.pi - angle) * cosine) / (2 * np.pi)
    return fisher


def checked_weights(weights: ArrayLike) -> Array:
    """Return hidden weights as float64 (d, m).

    Args:
        weights: (d, m), a hidden unit in each column.

    Returns:
        (d, m), float64.

    Raises:
        ValueError: if they are no finite matrix.

    >>> checked_weights(np.zeros(3))
    Traceback (most recent call last):
        ...
    ValueError: weights must be (d, m), a hidden unit in each column, got shape (3,)
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or 0 in w.shape:
        raise ValueError(f"weights must be (d, m), a hidden unit in each column, got shape {w.shape}")
    if not np.isfinite(w).all():
        raise ValueError(f"weights must be finite, got {int((~np.isfinite(w)).sum())} that are not")
    return w


def relu_fisher_eigenvalues(dimension: Any, approximate: bool = False) -> tuple[tuple[Any, Any], ...]:
    """Return the four groups of large eigenvalues of the Fisher matrix, for w_i ~ N(0, 1/m) and m to infinity.

    The groups are those of |w|, of the d linear functions, of the d (d - 1) / 2 products x_a x_b / |x|, and of the
    d - 1 differences of squares. By the rotations of x, the last two have one eigenvalue.

    Args:
        dimension: d of the inputs, at least 2: an integer, or an expression of sympy for an exact result.
        approximate: the values of the paper, (2 d + 1)/(4 pi), 1/4 and 1/(2 pi (d + 2)), instead of the exact ones.

    Returns:
        (eigenvalue, multiplicity) of each group, in decreasing order of eigenvalue for d > 2.

    Raises:
        ValueError: if the dimension is a number and no integer of at least 2.

    Source:
        arXiv:2505.17907; exact values: derivation 11.

    >>> relu_fisher_eigenvalues(sympy.Integer(5))
    ((225/256, 1), (1/4, 5), (25/1024, 10), (25/1024, 4))
    >>> [round(value, 4) for value, _ in relu_fisher_eigenvalues(5, approximate=True)]
    [0.8754, 0.25, 0.0227, 0.0227]
    """
    exact = is_symbolic(dimension)
    d = dimension if exact else sympy.Integer(checked_count("dimension", dimension, least=2))
    if approximate:
        first, second = (2 * d + 1) / (4 * sympy.pi), 1 / (2 * sympy.pi * (d + 2))
    else:
        first, second = relu_fisher_eigenvalue(d, 0), relu_fisher_eigenvalue(d, 2)
    values = (first, sympy.Rational(1, 4), second, second)
    counts = (sympy.Integer(1), d, d * (d - 1) / 2, d - 1)
    if exact:
        return tuple(zip(values, counts, strict=True))
    return tuple((float(value), int(count)) for value, count in zip(values, counts, strict=True))


def relu_fisher_eigenvalue(dimension: Any, degree: int) -> Any:
    """Return the exact eigenvalue, at m = infinity, of |w| Y_l(w/|w|) with Y_l a spherical harmonic of degree l.

    It is d^2 a_l^2 with a_l the Funk-Hecke coefficient of ReLU on the sphere: zero for odd l > 1.

    Args:
        dimension: d, an integer of at least 2 or an expression of sympy.
        degree: l, at least 0.

    Returns:
        An expression of sympy. Its multiplicity is that of harmonics of degree l in d dimensions.

    Source:
        Derivation 11.

    >>> relu_fisher_eigenvalue(sympy.Integer(5), 2), relu_fisher_eigenvalue(sympy.Integer(5), 3)
    (25/1024, 0)
    """
    if degree < 0:
        raise ValueError(f"degree must be at least 0, got {degree}")
    d = dimension if is_symbolic(dimension) else sympy.Integer(checked_count("dimension", dimension, least=2))
    if degree == 1:
        return sympy.Rational(1, 4)
    if degree % 2:
        return sympy.Integer(0)
    coefficient = sympy.gamma(d / 2) / (2 * sympy.sqrt(sympy.pi) * sympy.gamma((d + 1) / 2))
    # a_{l+2} / a_l = (1 - l) / (d + l + 1)
    for lower in range(0, degree, 2):
        coefficient *= (1 - lower) / (d + lower + 1)
    return sympy.gammasimp(d**2 * coefficient**2)
