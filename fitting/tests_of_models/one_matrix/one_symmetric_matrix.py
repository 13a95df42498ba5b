"""Tests of one symmetric matrix: independent entries, the diagonal apart, within S_N.

A symmetric matrix holds N - 1 pairs of components of V_H, and N(N-3)/2 of V_2. For independent entries, of one
law on the diagonal and one off it, the two combinations of V_H that come from the diagonal and from the other entries
are uncorrelated, and the latter has the variance of V_2. So two numbers tell: the correlation of the diagonal of a unit
with its row, and the variance of rows in units of V_2's, large for hub units. Without a diagonal there is the latter.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from ....invariants.representation.spaces import SymmetricSpace, irrep_dimensions
from ..symmetry.symmetry import randomisation_p_value
from .bartlett import bartlett_factor

Array = NDArray[np.float64]

# Entries permuted in all: of larger matrices there are fewer randomisations, at least 99.
_RANDOMISED_ENTRIES = 1 << 27


def symmetric_tests(
    matrix: Array, space: SymmetricSpace, replicates: int, rng: np.random.Generator
) -> dict[str, float]:
    """The tests of one symmetric matrix.

    Args:
        matrix: (N, N), in the space.
        space: with or without a diagonal.
        replicates: at most; permutations of the entries off the diagonal, and of those on it.
        rng: of the permutations.

    Returns:
        likelihood_ratio, degrees_of_freedom, p_value (chi squared with Bartlett's correction), p_randomisation;
        row_hubs, the variance of rows in units of V_2's, with p_row_hubs (F law); diagonal_correlation of the diagonal
        with the rows, with p_diagonal (Student's t); replicates, how many randomisations were made.

    Raises:
        ValueError: if rows, diagonal or the rest do not vary.

    >>> space = SymmetricSpace(8)
    >>> noise = np.random.default_rng(0).normal(size=(8, 8))
    >>> symmetric_tests(noise + noise.T, space, 0, np.random.default_rng(0))["degrees_of_freedom"]
    2
    """
    _, hook, two = irrep_dimensions(space)
    statistics = _Statistics(matrix, space)
    ratio, hubs, correlation = statistics(statistics.entries, statistics.diagonal)
    made = min(replicates, max(99, _RANDOMISED_ENTRIES // matrix.size)) if replicates else 0
    drawn = [ratio]
    for _ in range(made):
        entries, diagonal = rng.permutation(statistics.entries), rng.permutation(statistics.diagonal)
        drawn.append(statistics(entries, diagonal)[0])
    factor = bartlett_factor((hook, two), hook if space.diagonal else 0, 2)
    degrees = 2 if space.diagonal else 1
    result = {
        "likelihood_ratio": ratio,
        "degrees_of_freedom": degrees,
        "p_value": float(scipy.stats.chi2.sf(ratio / factor, degrees)),
        "p_randomisation": randomisation_p_value(np.array(drawn)) if made else np.nan,
        "row_hubs": hubs,
        "p_row_hubs": float(scipy.stats.f.sf(hubs, hook, two)),
        "diagonal_correlation": correlation,
        "p_diagonal": np.nan,
        "replicates": made,
    }
    if space.diagonal:
        student = correlation * sqrt((hook - 1) / (1 - correlation**2))
        result["p_diagonal"] = float(2 * scipy.stats.t.sf(abs(student), hook - 1))
    return result


class _Statistics:
    """Likelihood ratio, variance of rows over V_2's, and correlation, of the entries in any order.

    Args:
        matrix: (N, N), symmetric.
        space: that of the matrix.
    """

    def __init__(self, matrix: Array, space: SymmetricSpace) -> None:
        self.space = space
        size = space.size
        self.above = np.triu_indices(size, 1)
        self.entries = matrix[self.above]
        self.diagonal = np.diagonal(matrix).copy()
        self.dimensions = irrep_dimensions(space)[1:]
        # what permutations leave alone: the squares of all entries about their means, on and off the diagonal
        self.off_squares = 2 * float(np.square(self.entries - self.entries.mean()).sum())

    def __call__(self, entries: Array, diagonal: Array) -> tuple[float, float, float]:
        size, (hook, two) = self.space.size, self.dimensions
        rows, columns = self.above
        sums = np.bincount(rows, entries, size) + np.bincount(columns, entries, size)
        # the two combinations of V_H, as vectors of the norm that they have in the matrix
        of_rows = (sums - sums.mean()) * sqrt(2 / (size - 2))
        of_diagonal = diagonal - diagonal.mean()
        squares = float(np.square(of_rows).sum())
        rest = self.off_squares - squares
        on = float(np.square(of_diagonal).sum()) if self.space.diagonal else 1.0
        if min(squares, rest) <= 1e-12 * self.off_squares or on <= 1e-12 * float(np.square(diagonal).sum()):
            raise ValueError(
                "matrix must vary in rows, in the diagonal and beyond them (is it of rank one, or sparse?)"
            )
        pooled = (squares + rest) / (hook + two)
        ratio = -hook * np.log(squares / hook / pooled) - two * np.log(rest / two / pooled)
        correlation = float(of_rows @ of_diagonal / sqrt(squares * on)) if self.space.diagonal else np.nan
        if self.space.diagonal:
            ratio -= hook * np.log1p(-(correlation**2))
        return float(ratio), squares / hook / (rest / two), correlation
