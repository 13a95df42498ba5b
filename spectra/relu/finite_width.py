"""The Fisher matrix of a ReLU network of finite width: eigenvalues, eigenvectors and functions to the order 1/m."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

from ..checks import checked_count
from .fisher import relu_fisher_eigenvalue

# Sums over the harmonics end here. Beyond it eigenvalues are below 1e-5 of those of the groups.
_LAST_DEGREE = 40


@dataclass(frozen=True)
class FiniteWidth:
    """One eigenspace of the Fisher matrix of m hidden units w_i ~ N(0, 1/m): means over the weights, to the order 1/m.

    Args:
        degree: l of its harmonics: 0, 1 or 2.
        multiplicity: N_l, the number of its eigenvalues.
        eigenvalue: their limit lambda_l for m to infinity.
        mean: of the mean of these eigenvalues.
        spread: root of the mean of (eigenvalue - limit)^2.
        vector_leak: mean share of |v_k|^2 outside of the eigenspace, for v_k of `relu_eigenvectors`.
        function_leak: mean share of E[F_k^2] outside of the functions f_u of the eigenspace, for the limits F_k.
        function_error: mean of E[(f_v - F_v)^2] / E[F_v^2] for v of `relu_eigenvectors`; exact at every m.
    """

    degree: int
    multiplicity: int
    eigenvalue: float
    mean: float
    spread: float
    vector_leak: float
    function_leak: float
    function_error: float


def relu_multiplicity(dimension: int, degree: int) -> int:
    """Count the spherical harmonics of a degree.

    Args:
        dimension: d, at least 2.
        degree: l, at least 0.

    Returns:
        C(l + d - 1, l) - C(l + d - 3, l - 2).

    Raises:
        ValueError: if the dimension or the degree is smaller, or no integer.

    Source:
        Derivation 11.

    >>> [relu_multiplicity(5, degree) for degree in range(4)]
    [1, 5, 14, 30]
    """
    d = checked_count("dimension", dimension, least=2)
    l = checked_count("degree", degree, least=0)
    return comb(l + d - 1, l) - (comb(l + d - 3, l - 2) if l > 1 else 0)


def relu_finite_width(dimension: int, hidden: int) -> tuple[FiniteWidth, ...]:
    """Return the change of the eigenspaces of degree 0, 1 and 2 by a finite number of hidden units.

    The Fisher matrix is sum_k lambda_k v_k v_k^T over the vectors v_k of all degrees. Their Gram matrix G is a sum over
    independent units, with mean 1 and, by the addition theorem, sum_{j of degree h} Var G_kj = (d + 2) N_h / (d m) for
    each k of another degree. Perturbation theory to second order in G - 1 gives the rest.

    Args:
        dimension: d of the inputs, at least 2.
        hidden: m, the number of hidden units, at least 1. The results are good where `spread` is well below the gaps.

    Returns:
        The eigenspaces of degree 0, 1 and 2; the third is that of the products and of the differences of squares.

    Raises:
        ValueError: if the dimension or the number of units is smaller, or no integer.

    Source:
        Derivation 11.

    >>> first, *_, third = relu_finite_width(5, 3000)
    >>> round(first.mean, 5), round(first.spread, 5), round(third.function_error, 4)
    (0.8799, 0.01015, 0.0475)
    """
    m = checked_count("hidden", hidden, least=1)
    degrees = (0, 1, *range(2, _LAST_DEGREE + 1, 2))
    values = {degree: float(relu_fisher_eigenvalue(dimension, degree)) for degree in degrees}
    counts = {degree: relu_multiplicity(dimension, degree) for degree in degrees}
    return tuple(_eigenspace(dimension, m, degree, values, counts) for degree in (0, 1, 2))


def _eigenspace(d: int, m: int, degree: int, values: dict[int, float], counts: dict[int, int]) -> FiniteWidth:
    own, count = values[degree], counts[degree]
    variance = (d + 2) / (d * m)
    others = [(counts[h], value, own - value) for h, value in values.items() if h != degree]
    # the trace d/2 has all degrees; beyond the last one an eigenvalue is nothing beside `own`
    beyond = (d / 2 - sum(counts[h] * value for h, value in values.items())) / own
    shift = sum(n * value / gap for n, value, gap in others) + beyond
    found: dict[str, Any] = {
        "mean": own * (1 + variance * shift),
        "spread": own * sqrt(((d + 2) / d * count - 1) / m),
        "vector_leak": variance * sum(n * (value / gap) ** 2 for n, value, gap in others),
        "function_leak": variance * (sum(n * own * value / gap**2 for n, value, gap in others) + beyond),
        "function_error": ((d + 2) / 2 - own) / (m * own),
    }
    return FiniteWidth(degree, count, own, **found)
