"""Tests of one matrix: the law given the trivial components, and tests of a larger symmetry.

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

from math import ceil, sqrt
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from ....invariants.checks import checked_integer, checked_matrices, rounding_unit
from ....invariants.representation.spaces import (
    MatrixSpace,
    MultiMatrixSpace,
    RectangularSpace,
    SymmetricSpace,
    space_of,
)
from ..symmetry.symmetry import randomisation_p_value
from .bartlett import bartlett_factor
from .column_shifts import Parts, Sums, random_shifts, unpermuted
from .hubs import hub_row_draws
from .one_symmetric_matrix import symmetric_tests
from .several_matrices import relation_tests

Array = NDArray[np.float64]

# A sequential test ends when its p-value can no longer be this small.
_LEVEL = 0.05
_FEWEST_EXCEEDANCES = 10
# Below so many rows or columns the variance of their means is known to within a factor of 10 at best.
_FEW = 8
_OF_SQUARE_MATRICES = (
    "z_trace",
    "p_trace",
    "p_trace_randomisation",
    "symmetric_to_antisymmetric",
    "p_symmetry",
    "p_symmetry_randomisation",
    "z_symmetry",
    "row_column_correlation",
    "p_row_column",
    "p_row_column_randomisation",
)


def analyse_matrix(
    matrix: ArrayLike, *, space: MatrixSpace | None = None, replicates: int = 999, seed: int = 0
) -> pd.Series:
    """Test one matrix for structure beyond independent rows and columns.

    A square matrix is tested for S_N x S_N (rows and columns permuted independently) within S_N (permuted together):
    self-connections, symmetry or antisymmetry, and units whose row and column are related reject it. A rectangular
    matrix is tested for independent entries of one variance within S_M x S_N: hub rows or columns reject it.
    A symmetric matrix is tested for independent entries (the diagonal apart) within S_N, and several matrices under one
    permutation for relations with each other.

    The likelihood ratio and its p-value assume Gaussian entries. The randomisation tests are exact for entries of any
    law: they permute the columns of a square matrix. For hub rows they shift the rows of blocks of columns, for hub
    columns the columns of blocks of rows.

    Args:
        matrix: (rows, columns), real and finite; at least 4 rows and 4 columns. Or (k, N, N), several matrices whose
            rows and columns are the same units; N above 3 k.
        space: `SquareSpace` or `RectangularSpace`, which says whether rows and columns of a square matrix are the same
            units (by default they are); `SymmetricSpace` for a symmetric matrix; `MultiMatrixSpace`.
        replicates: the most that are made, 0 for none. Those of the columns of a square matrix end when no p-value
            can fall below 5% any more; the p-values are valid all the same (Besag and Clifford 1991).
        seed: of the permutations.

    Returns:
        rows, columns; group, the symmetry that the shape allows; likelihood_ratio, degrees_of_freedom and p_value
        (chi squared with Bartlett's correction); p_randomisation of the likelihood ratio (of a rectangular matrix:
        twice the smaller of those of hub rows and columns); z_trace, the centred trace in standard deviations, negative
        for self-inhibition, with p_trace (exact for Gaussian entries); symmetric_to_antisymmetric, the ratio G2/G3 of
        variances, with p_symmetry (F law) and z_symmetry, its logarithm in standard deviations over permuted columns;
        row_column_correlation of the row and column means of the same unit, with p_row_column; row_hubs and
        column_hubs, the variance of row and column means in units of what independent entries give, with p_row_hubs and
        p_column_hubs (F law); beside each p_x but p_value the exact p_x_randomisation; excess_kurtosis of the centred
        entries; replicates, how many times columns were permuted (rectangular: how many blocks were shifted). What the
        shape does not have is NaN.
        Of a symmetric matrix row_hubs are of rows and columns, and diagonal_correlation, with p_diagonal, relates the
        diagonal of a unit to its row. Of several matrices there are symmetric_correlation and
        antisymmetric_correlation, of the two that are most related; p_value is exact for Gaussian entries, as are
        p_means_and_diagonals, p_symmetric_parts and p_antisymmetric_parts, for relations in V_H, V_2 and V_3 alone; and
        p_randomisation permutes the units of each matrix by themselves.
        cannot_be_known: the questions that fewer than 8 rows or columns leave open, in words; else empty.

    Raises:
        ValueError: if the matrix has fewer than 4 rows or columns, is not finite, has no variation, is of rank one, or
            does not lie in the space.

    Source:
        The decomposition is that of arXiv:1809.07559; the conditional law and the tests are derived above. Sequential
        p-values: J. Besag, P. Clifford, Biometrika 78 (1991) 301.

    >>> rng = np.random.default_rng(0)
    >>> table = analyse_matrix(rng.normal(size=(64, 64)) - 0.5 * np.eye(64))
    >>> bool(table.z_trace < -3), bool(table.p_randomisation > 0.01)
    (True, True)
    """
    array = checked_matrices(matrix, square=False)
    if array.ndim not in (2, 3) or min(array.shape[-2:]) < 4:
        raise ValueError(
            f"matrix must have at least 4 rows and columns, got shape {array.shape}: below that an irrep is absent and "
            f"nothing can be known"
        )
    replicates = checked_integer("replicates", replicates, least=0)
    largest = float(np.abs(array).max())
    scaled = array.astype(np.float64) / (largest or 1.0)
    if np.ptp(scaled) <= 1e-12:
        raise ValueError(f"matrix must vary, got {array.shape} entries that are all {float(array.flat[0]):g}")
    *_, rows, columns = scaled.shape
    space = space_of(scaled.shape) if space is None else space
    if space.shape != scaled.shape:
        raise ValueError(f"space must be of matrices of shape {scaled.shape}, got {space}")
    square = not isinstance(space, RectangularSpace)
    shape = {"rows": rows, "columns": columns, "group": "S_N" if square else "S_M x S_N"}
    open_questions = {"cannot_be_known": _cannot_be_known(min(rows, columns))}
    rng = np.random.default_rng(seed)
    if isinstance(space, MultiMatrixSpace):
        return pd.Series(shape | relation_tests(scaled, space, replicates, rng) | open_questions, dtype=object)
    _check_rank(scaled, 100 * rounding_unit(array))
    if isinstance(space, SymmetricSpace):
        space.check(array)
        return pd.Series(shape | symmetric_tests(scaled, space, replicates, rng) | open_questions, dtype=object)
    made = replicates
    if square:
        tests, made = _square(scaled, replicates, rng)
    else:
        tests = _rectangular(scaled)
    hubs = _hubs(scaled, replicates, rng)
    if not square and replicates:
        smaller = min(hubs["p_row_hubs_randomisation"], hubs["p_column_hubs_randomisation"])
        tests["p_randomisation"] = min(1.0, 2 * smaller)
    return pd.Series(shape | tests | hubs | {"replicates": made} | open_questions, dtype=object)


def _check_rank(matrix: Array, rounding: float) -> None:
    """Raise ValueError if a matrix, whose largest entry is 1, is the product of a column and a row."""
    row, column = np.unravel_index(np.abs(matrix).argmax(), matrix.shape)
    product = matrix[:, column] / matrix[row, column]
    if all(np.abs(own - factor * matrix[row]).max() <= rounding for own, factor in zip(matrix, product, strict=True)):
        rows, columns = matrix.shape
        raise ValueError(
            f"matrix must have a rank above one, got the product of a column and a row: {rows + columns} numbers, not "
            f"{rows * columns} entries"
        )


def _cannot_be_known(size: int) -> str:
    """Name the statistics that a matrix of few rows or columns does not have."""
    if size >= _FEW:
        return ""
    low, high = scipy.stats.chi2.ppf([0.025, 0.975], size - 1)
    return (
        f"{size} rows or columns are few: the variance of their means is known to within a factor of {high / low:.0f} "
        f"(95%), and only strong structure can be seen"
    )


def _square(matrix: Array, replicates: int, rng: np.random.Generator) -> tuple[dict[str, float], int]:
    """The tests of a square matrix, and how often its columns were permuted."""
    parts = Parts.of(matrix)
    hook, d2, d3 = dimensions = _square_dimensions(len(matrix))
    sums = unpermuted(parts)
    measured = _square_statistics(parts, sums)
    if not np.isfinite(measured).all():
        raise ValueError(
            "matrix must vary in every irrep: its row or column means, diagonal, symmetric or antisymmetric part "
            "are constant (is it symmetric, of low rank, or sparse?)"
        )
    ratio, z_trace, symmetry, correlation = map(float, measured[:, 0])
    drawn, p = _permuted_columns(parts, measured, replicates, rng)
    logarithms = drawn[2][np.isfinite(drawn[2])]
    spread = float(logarithms.std(ddof=1)) if len(logarithms) > 1 else 0.0
    tests = {
        **_likelihood_ratio(ratio, 5, bartlett_factor(dimensions, hook)),
        "p_randomisation": p[0],
        "z_trace": z_trace,
        "p_trace": float(scipy.stats.f.sf(z_trace**2, 1, sum(dimensions))),
        "p_trace_randomisation": p[1],
        "symmetric_to_antisymmetric": float(np.exp(symmetry)),
        "p_symmetry": _two_sided(scipy.stats.f(d2, d3), float(np.exp(symmetry))),
        "p_symmetry_randomisation": p[2],
        "z_symmetry": (symmetry - float(logarithms.mean())) / spread if spread else np.nan,
        "row_column_correlation": correlation,
        "p_row_column": _two_sided(scipy.stats.t(hook - 1), correlation * sqrt((hook - 1) / (1 - correlation**2))),
        "p_row_column_randomisation": p[3],
    }
    return tests, drawn.shape[1]


def _permuted_columns(
    parts: Parts, measured: Array, most: int, rng: np.random.Generator
) -> tuple[Array, tuple[float, ...]]:
    """The statistics with permuted columns, (4, draws), and the sequential p-value of each; NaN without draws.

    Draws end when each statistic has been reached so often that its p-value is above 5%, however many more there were.
    """
    drawn = np.empty((len(measured), 0))
    enough = max(_FEWEST_EXCEEDANCES, ceil(_LEVEL * (most + 1)))
    reached = np.abs(measured) * (1 - 1e-9)  # equal ones may differ by rounding
    orbits = random_shifts(parts, rng)
    while drawn.shape[1] < most:
        more = _square_statistics(parts, next(orbits))[:, : most - drawn.shape[1]]
        drawn = np.concatenate([drawn, more], axis=1)
        if ((np.abs(drawn) >= reached).sum(axis=1) >= enough).all():
            break
    return drawn, tuple(_sequential_p_value(row, enough) for row in np.abs(drawn) >= reached)


def _sequential_p_value(exceeds: NDArray[np.bool_], enough: int) -> float:
    """Besag and Clifford's p-value: `enough` over the number of draws until so many exceed, or as without an end."""
    if not len(exceeds):
        return np.nan
    count = np.cumsum(exceeds)
    if count[-1] >= enough:
        return float(enough / (1 + np.argmax(count == enough)))
    return float((1 + count[-1]) / (1 + len(exceeds)))


def _two_sided(law: Any, value: float) -> float:
    return float(min(1.0, 2 * min(law.cdf(value), law.sf(value))))


def _square_dimensions(size: int) -> tuple[int, int, int]:
    """Dimensions of V_H, V_2 and V_3."""
    return size - 1, size * (size - 3) // 2, (size - 1) * (size - 2) // 2


def _square_statistics(parts: Parts, sums: Sums) -> Array:
    """(4, permutations): likelihood ratio, c/sqrt(gHH), ln G2/G3, correlation of means; infinite where undefined."""
    size = len(parts.rows)
    dimensions = _square_dimensions(size)
    scale = sqrt(size / (size - 2))
    of_columns, of_rows = np.einsum("i,i->", parts.columns, parts.columns), np.einsum("i,i->", parts.rows, parts.rows)
    inside = scale**2 * (sums.diagonal - sums.trace**2 / size)
    symmetric = (parts.squares + sums.product) / 2 - sums.trace**2 / (size - 1) - inside
    antisymmetric = (parts.squares - sums.product) / 2
    squares = np.stack([inside, symmetric, antisymmetric])
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = squares.sum(axis=0) / sum(dimensions)
        correlations = (
            sums.columns_rows / np.sqrt(of_columns * of_rows),
            scale * sums.columns_diagonal / np.sqrt(of_columns * inside),
            scale * sums.rows_diagonal / np.sqrt(of_rows * inside),
        )
        a, b, c = correlations
        determinant = 1 + 2 * a * b * c - a**2 - b**2 - c**2
        variances = squares / np.array(dimensions)[:, None]
        ratio = -dimensions[0] * np.log(determinant) - np.array(dimensions) @ np.log(variances / pooled)
        found = np.stack([ratio, sums.trace / sqrt(size - 1) / np.sqrt(pooled), np.log(variances[1] / variances[2]), a])
    least = 1e-12 * parts.squares
    undefined = (squares <= least).any(axis=0) | (min(of_columns, of_rows) <= least) | ~np.isfinite(found).all(axis=0)
    found[:, undefined] = np.inf
    return found


def _rectangular(matrix: Array) -> dict[str, float]:
    matrix = matrix - matrix.mean()
    ratio = _rectangular_ratio(matrix, float(np.square(matrix).sum()))
    tested = _likelihood_ratio(ratio, 2, bartlett_factor(_rectangular_dimensions(matrix.shape), 0))
    return tested | {"p_randomisation": np.nan} | dict.fromkeys(_OF_SQUARE_MATRICES, np.nan)


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


def _likelihood_ratio(ratio: float, degrees: int, factor: float) -> dict[str, float]:
    return {
        "likelihood_ratio": ratio,
        "degrees_of_freedom": degrees,
        "p_value": float(scipy.stats.chi2.sf(ratio / factor, degrees)),
    }


def _hubs(matrix: Array, replicates: int, rng: np.random.Generator) -> dict[str, float]:
    """Variances of row and column means against that of the centred entries, and the fourth moment of these."""
    dimensions = np.array(_rectangular_dimensions(matrix.shape))
    matrix = matrix - matrix.mean()
    columns, rows, rest = _variances(matrix, float(np.square(matrix).sum())) / dimensions
    p_rows = p_columns = np.nan
    if replicates:
        p_rows, p_columns = (
            randomisation_p_value(hub_row_draws(turned, replicates, rng)) for turned in (matrix, matrix.T)
        )
    squares = matrix - matrix.mean(axis=1, keepdims=True)
    squares -= matrix.mean(axis=0)
    np.square(squares, out=squares)
    fourth = float(np.square(squares).mean()) / float(squares.mean()) ** 2
    return {
        "row_hubs": rows / rest,
        "p_row_hubs": float(scipy.stats.f.sf(rows / rest, dimensions[1], dimensions[2])),
        "p_row_hubs_randomisation": p_rows,
        "column_hubs": columns / rest,
        "p_column_hubs": float(scipy.stats.f.sf(columns / rest, dimensions[0], dimensions[2])),
        "p_column_hubs_randomisation": p_columns,
        "excess_kurtosis": fourth - 3,
    }
