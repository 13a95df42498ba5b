"""What one matrix tells by itself: the law given the trivial components, and tests of a larger symmetry.

One N x N matrix holds N - 1, N(N-3)/2 and (N-1)(N-2)/2 independent copies of what V_H, V_2 and V_3 fix, so their
covariances can be estimated from it. The covariance of the two trivial components cannot: they are taken as observed.

Under S_N x S_N (rows and columns permuted independently) the covariance of V_H is diagonal, and GH_33 = G2 = G3 = gHH.
With gHH estimated by pooling these three, of D = (N-1)^2 - 1 dimensions in all, the likelihood ratio against S_N is
    LR = (N-1) [ln GH_11 + ln GH_22 - ln det GH] + D ln gHH - d2 ln G2 - d3 ln G3,
about chi squared with 5 degrees of freedom. It is the sum of two independent parts of known law: the determinant of the
correlations of a Wishart matrix, a product of two beta variables, and Bartlett's statistic of three variances, a
function of a Dirichlet vector. So its mean is known exactly, and dividing by it (Bartlett's correction) makes the chi
squared law good from small N on. The trivial component c = tr(F M F) / sqrt(N-1) is N(0, gHH), so that exactly
c^2/gHH ~ F(1, D).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma

from ...invariants.checks import checked_integer, checked_matrices
from .symmetry import randomisation_p_value

Array = NDArray[np.float64]

# Entries permuted in all: matrices of more than 130,000 entries have fewer than 999 randomisations.
_RANDOMISED_ENTRIES = 1 << 27
_OF_SQUARE_MATRICES = (
    "z_trace",
    "p_trace",
    "p_trace_randomisation",
    "symmetric_to_antisymmetric",
    "p_symmetry",
    "row_column_correlation",
    "p_row_column",
)


@dataclass(frozen=True)
class _Parts:
    """A square matrix in the pieces that a permutation of its columns moves or leaves.

    Args:
        columns, rows: (N,) components of V_H from column and row means.
        centred: (N, N), F M F, with zero row and column sums.
        squares: sum of the squares of `centred`.
    """

    columns: Array
    rows: Array
    centred: Array
    squares: float

    @classmethod
    def of(cls, matrix: Array) -> _Parts:
        size = len(matrix)
        row_means, column_means = matrix.mean(axis=1), matrix.mean(axis=0)
        mean = row_means.mean()
        centred = matrix - row_means[:, None]
        centred -= column_means - mean
        squares = float(np.square(centred).sum())
        return cls(sqrt(size) * (column_means - mean), sqrt(size) * (row_means - mean), centred, squares)


def analyse_matrix(matrix: ArrayLike, *, randomisations: int = 999, seed: int = 0) -> pd.Series:
    """Test one matrix for structure beyond independent rows and columns.

    A square matrix is tested for S_N x S_N (rows and columns permuted independently) within S_N (permuted together):
    self-connections, symmetry or antisymmetry, and units whose row and column are related reject it. A rectangular
    matrix is tested for independent entries of one variance within S_M x S_N: hub rows or columns reject it.

    The likelihood ratio and its p-value assume Gaussian entries. The randomisation tests are exact for entries of any
    law: they permute the columns of a square matrix, and all entries of a rectangular one.

    Args:
        matrix: (rows, columns), real and finite; at least 4 rows and 4 columns.
        randomisations: 0 for none; fewer are made of matrices with more than 130,000 entries, at least 99.
        seed: of the permutations.

    Returns:
        rows, columns; group, the symmetry that the shape allows; likelihood_ratio, degrees_of_freedom and p_value
        (chi squared with Bartlett's correction); p_randomisation of the likelihood ratio; z_trace, the centred trace in
        standard deviations, negative for self-inhibition, with p_trace (exact for Gaussian entries) and
        p_trace_randomisation; symmetric_to_antisymmetric, the ratio G2/G3 of variances, with p_symmetry (F law);
        row_column_correlation of the row and column means of the same unit, with p_row_column; row_hubs and
        column_hubs, the variance of row and column means in units of what independent entries give, with p_row_hubs and
        p_column_hubs; excess_kurtosis of the centred entries; randomisations made. What the shape does not have is NaN.

    Raises:
        ValueError: if the matrix has fewer than 4 rows or columns, is not finite, or has no variation.

    Source:
        The decomposition is that of arXiv:1809.07559; the conditional law and the tests are derived above.

    >>> rng = np.random.default_rng(0)
    >>> table = analyse_matrix(rng.normal(size=(64, 64)) - 0.5 * np.eye(64))
    >>> bool(table.z_trace < -3), bool(table.p_randomisation > 0.01)
    (True, True)
    """
    array = checked_matrices(matrix, square=False)
    if array.ndim != 2 or min(array.shape) < 4:
        raise ValueError(f"matrix must have two axes of at least 4 rows and columns, got shape {array.shape}")
    randomisations = checked_integer("randomisations", randomisations, least=0)
    if randomisations:
        randomisations = min(randomisations, max(99, _RANDOMISED_ENTRIES // array.size))
    largest = float(np.abs(array).max())
    scaled = array.astype(np.float64) / (largest or 1.0)
    if np.ptp(scaled) <= 1e-12:
        raise ValueError(f"matrix must vary, got {array.shape} entries that are all {float(array.flat[0]):g}")
    rows, columns = scaled.shape
    shape = {"rows": rows, "columns": columns, "group": "S_N" if rows == columns else "S_M x S_N"}
    rng = np.random.default_rng(seed)
    tests = _square(scaled, randomisations, rng) if rows == columns else _rectangular(scaled, randomisations, rng)
    return pd.Series(shape | tests | _hubs(scaled) | {"randomisations": randomisations}, dtype=object)


def bartlett_factor(dimensions: Sequence[int], correlated: int) -> float:
    """Mean of the likelihood ratio divided by its degrees of freedom, for Gaussian entries.

    Args:
        dimensions: of the variances that are equal under the hypothesis.
        correlated: degrees of freedom of the 3 x 3 Wishart matrix that is diagonal under it; 0 for none.

    >>> round(bartlett_factor((15, 104, 105), 15), 3)
    1.089
    """
    total = sum(dimensions)
    mean = sum(d * (np.log(d / total) + digamma(total / 2) - digamma(d / 2)) for d in dimensions)
    if correlated:
        of_betas = (digamma(correlated / 2) - digamma((correlated - lost) / 2) for lost in (1, 2))
        mean += correlated * sum(of_betas)
    return float(mean / (len(dimensions) - 1 + (3 if correlated else 0)))


def _square(matrix: Array, randomisations: int, rng: np.random.Generator) -> dict[str, float]:
    size = len(matrix)
    parts = _Parts.of(matrix)
    sigmas = (rng.permutation(size) for _ in range(randomisations))
    measured = _square_statistics(parts, np.arange(size))
    drawn = np.array([measured, *(_square_statistics(parts, sigma) for sigma in sigmas)])
    ratio, z_trace, symmetry = measured
    hook, d2, d3 = dimensions = _square_dimensions(size)
    correlation = float(np.corrcoef(parts.columns, parts.rows)[0, 1])
    return {
        **_tested(ratio, 5, bartlett_factor(dimensions, size - 1), drawn[:, 0]),
        "z_trace": z_trace,
        "p_trace": float(scipy.stats.f.sf(z_trace**2, 1, sum(dimensions))),
        "p_trace_randomisation": randomisation_p_value(np.abs(drawn[:, 1])) if randomisations else np.nan,
        "symmetric_to_antisymmetric": symmetry,
        "p_symmetry": _two_sided(scipy.stats.f(d2, d3), symmetry),
        "row_column_correlation": correlation,
        "p_row_column": _two_sided(scipy.stats.t(hook - 1), correlation * sqrt((hook - 1) / (1 - correlation**2))),
    }


def _two_sided(law: Any, value: float) -> float:
    return float(min(1.0, 2 * min(law.cdf(value), law.sf(value))))


def _square_dimensions(size: int) -> tuple[int, int, int]:
    """Dimensions of V_H, V_2 and V_3."""
    return size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2


def _square_statistics(parts: _Parts, sigma: NDArray[np.intp]) -> tuple[float, float, float]:
    """Likelihood ratio, c/sqrt(gHH) and G2/G3 of the matrix whose columns are permuted by sigma."""
    size = len(sigma)
    hook, d2, d3 = dimensions = _square_dimensions(size)
    permuted = parts.centred[:, sigma]
    diagonal = np.diagonal(permuted)
    trace = float(diagonal.sum())
    inside = sqrt(size / (size - 2)) * (diagonal - trace / size)
    copies = np.stack([parts.columns[sigma], parts.rows, inside])
    # no BLAS: its threads cost more than such small sums
    scatter = np.einsum("ka,la->kl", copies, copies)
    of_product = float(np.einsum("ij,ji->", permuted, permuted))
    symmetric = (parts.squares + of_product) / 2 - trace**2 / (size - 1) - float(scatter[2, 2])
    antisymmetric = (parts.squares - of_product) / 2
    sums = np.array([float(scatter[2, 2]), symmetric, antisymmetric])
    if (np.array([scatter[0, 0], scatter[1, 1], *sums]) <= 1e-12 * parts.squares).any():
        raise ValueError(
            "matrix must vary in every irrep: its row or column means, diagonal, symmetric or antisymmetric part "
            "are constant (is it symmetric, of low rank, or sparse?)"
        )
    scale = np.sqrt(np.diag(scatter))
    pooled = sums.sum() / sum(dimensions)
    ratio = -hook * np.linalg.slogdet(scatter / np.outer(scale, scale))[1]
    ratio -= float(np.dot(dimensions, np.log(sums / dimensions / pooled)))
    return float(ratio), trace / sqrt(size - 1) / sqrt(pooled), float(sums[1] / d2 / (sums[2] / d3))


def _rectangular(matrix: Array, randomisations: int, rng: np.random.Generator) -> dict[str, float]:
    matrix = matrix - matrix.mean()
    squares = float(np.square(matrix).sum())
    measured = _rectangular_ratio(matrix, squares)
    draws = (_rectangular_ratio(entries, squares) for entries in _shuffled(matrix, randomisations, rng))
    drawn = np.array([measured, *draws])
    tested = _tested(measured, 2, bartlett_factor(_rectangular_dimensions(matrix.shape), 0), drawn)
    return tested | dict.fromkeys(_OF_SQUARE_MATRICES, np.nan)


def _shuffled(matrix: Array, count: int, rng: np.random.Generator) -> Iterator[Array]:
    for _ in range(count):
        yield rng.permutation(matrix.ravel()).reshape(matrix.shape)


def _rectangular_dimensions(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Dimensions of V_0H (columns), V_H0 (rows) and V_HH."""
    rows, columns = shape
    return columns - 1, rows - 1, (rows - 1) * (columns - 1)


def _variances(matrix: Array, squares: float) -> Array:
    """Sums of squares of the column means, the row means and the rest, as components of an orthonormal basis.

    Args:
        matrix: of mean zero.
        squares: sum of the squares of its entries.
    """
    rows, columns = matrix.shape
    of_columns = rows * float(np.square(matrix.mean(axis=0)).sum())
    of_rows = columns * float(np.square(matrix.mean(axis=1)).sum())
    return np.array([of_columns, of_rows, squares - of_columns - of_rows])


def _rectangular_ratio(matrix: Array, squares: float) -> float:
    sums, dimensions = _variances(matrix, squares), np.array(_rectangular_dimensions(matrix.shape))
    if (sums <= 1e-12 * squares).any():
        raise ValueError("matrix must vary in rows, in columns and beyond them (is it of rank one, or sparse?)")
    return float(-np.dot(dimensions, np.log(sums / dimensions / (sums.sum() / dimensions.sum()))))


def _tested(ratio: float, degrees: int, factor: float, drawn: Array) -> dict[str, float]:
    return {
        "likelihood_ratio": ratio,
        "degrees_of_freedom": degrees,
        "p_value": float(scipy.stats.chi2.sf(ratio / factor, degrees)),
        "p_randomisation": randomisation_p_value(drawn) if len(drawn) > 1 else np.nan,
    }


def _hubs(matrix: Array) -> dict[str, float]:
    """Variances of row and column means against that of the centred entries, by F ratios; and the fourth moment."""
    dimensions = np.array(_rectangular_dimensions(matrix.shape))
    matrix = matrix - matrix.mean()
    columns, rows, rest = _variances(matrix, float(np.square(matrix).sum())) / dimensions
    squares = matrix - matrix.mean(axis=1, keepdims=True)
    squares -= matrix.mean(axis=0)
    np.square(squares, out=squares)
    fourth = float(np.square(squares).mean()) / float(squares.mean()) ** 2
    return {
        "row_hubs": rows / rest,
        "p_row_hubs": float(scipy.stats.f.sf(rows / rest, dimensions[1], dimensions[2])),
        "column_hubs": columns / rest,
        "p_column_hubs": float(scipy.stats.f.sf(columns / rest, dimensions[0], dimensions[2])),
        "excess_kurtosis": fourth - 3,
    }
