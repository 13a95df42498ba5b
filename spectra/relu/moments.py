"""First and second moments of the entries of the Fisher matrix, exact for every width."""

from __future__ import annotations

from math import gamma

from ..checks import checked_count
from .finite_width import relu_multiplicity
from .fisher import relu_fisher_eigenvalue

_LAST_DEGREE = 60


def relu_fisher_moments(dimension: int, hidden: int) -> dict[str, float]:
    """Return the means of entries of the Fisher matrix and of products of two, over the weights w_i ~ N(0, 1/m).

    An entry is a sum over harmonics, I_ij = sum_k lambda_k v_k(w_i) v_k(w_j). Of a unit that occurs once, the mean over
    its direction leaves degree 0. If both entries share both units, the addition theorem gives a sum over degrees.

    Args:
        dimension: d of the inputs, at least 2.
        hidden: m, the number of hidden units, at least 1.

    Returns:
        By the indices of the entries, of which different digits are different units: "01" is the mean of I_ij, "00 01"
        that of I_ii I_ij, and so on for the two single entries and the seven products.

    Raises:
        ValueError: if the dimension or the number of units is smaller, or no integer.

    Source:
        Derivation 11.

    >>> moments = relu_fisher_moments(5, 12)
    >>> list(moments)
    ['00', '01', '00 00', '00 11', '00 01', '00 12', '01 01', '01 12', '01 23']
    >>> round(moments["00"], 6)
    0.208333
    """
    d, m = checked_count("dimension", dimension, least=2), checked_count("hidden", hidden, least=1)
    first = float(relu_fisher_eigenvalue(d, 0))
    degrees = (0, 1, *range(2, _LAST_DEGREE + 1, 2))
    squares = sum(relu_multiplicity(d, degree) * float(relu_fisher_eigenvalue(d, degree)) ** 2 for degree in degrees)
    norm, cube = (2 ** (k / 2) * gamma((d + k) / 2) / gamma(d / 2) for k in (1, 3))  # E|g|^k, g ~ N(0, 1)
    diagonal, entry = d / (2 * m), first * norm**2 / (d * m)
    return {
        "00": diagonal,
        "01": entry,
        "00 00": d * (d + 2) / (4 * m**2),
        "00 11": diagonal**2,
        "00 01": first * norm * cube / (2 * d * m**2),
        "00 12": diagonal * entry,
        "01 01": squares / m**2,
        "01 12": first**2 * norm**2 / (d * m**2),
        "01 23": entry**2,
    }
