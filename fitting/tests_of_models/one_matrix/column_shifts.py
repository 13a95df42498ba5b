"""Statistics of a square matrix whose columns are permuted, for N permutations at the cost of one Fourier transform.

The shifts c^k of a cycle c of all columns are N permutations. With C'[i, j] = C[i, j + k], indices modulo N, and F the
two-dimensional Fourier transform of C,
    tr C'^2 = 1/N^2 sum_pq conj(F[p, q]) F[q, p] exp(2 pi i k (p - q) / N),
so that sums along the diagonals of conj(F) F^T and one more transform of length N give all N of them. The other
statistics are sums along the diagonals of C.

The measured matrix is one of the N of its own orbit; further orbits begin at columns permuted at random. Under the
hypothesis that permuted columns change no law, the measured one is equally likely to be any of them all. So the rank of
its statistic is uniform, whatever the law of the entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROWS_AT_A_TIME = 64


@dataclass(frozen=True)
class Parts:
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
    def of(cls, matrix: Array) -> Parts:
        """Take a matrix to pieces.

        Args:
            matrix: (N, N).

        Returns:
            Its pieces.
        """
        size = len(matrix)
        row_means, column_means = matrix.mean(axis=1), matrix.mean(axis=0)
        mean = row_means.mean()
        centred = matrix - row_means[:, None]
        centred -= column_means - mean
        flat = centred.ravel()
        squares = float(np.einsum("i,i->", flat, flat))
        return cls(sqrt(size) * (column_means - mean), sqrt(size) * (row_means - mean), centred, squares)

    def reordered(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Parts:
        """Reorder rows and columns.

        Args:
            rows: (N,) a permutation.
            columns: (N,) a permutation.

        Returns:
            The pieces of M[rows][:, columns].
        """
        centred = np.take(np.take(self.centred, rows, axis=0), columns, axis=1)
        return Parts(self.columns[columns], self.rows[rows], centred, self.squares)


@dataclass(frozen=True)
class Sums:
    """The sums that the statistics of several permuted matrices need; each is (permutations,).

    Args:
        trace: tr C.
        product: tr C^2.
        columns_rows, columns_diagonal, rows_diagonal, diagonal: scalar products of the three vectors column means, row
            means and diagonal of C, as they stand in `Parts`.
    """

    trace: Array
    product: Array
    columns_rows: Array
    columns_diagonal: Array
    rows_diagonal: Array
    diagonal: Array


def unpermuted(parts: Parts) -> Sums:
    """Compute the sums of the matrix itself.

    Args:
        parts: of the matrix.

    Returns:
        Sums of one permutation, the identity.

    >>> parts = Parts.of(np.random.default_rng(0).normal(size=(5, 5)))
    >>> bool(np.isclose(unpermuted(parts).product, all_shifts(parts).product[0]))
    True
    """
    diagonal, centred = np.diagonal(parts.centred), parts.centred
    # no BLAS: its threads cost more than such small sums
    found = (
        diagonal.sum(),
        np.einsum("ij,ji->", centred, centred),
        np.einsum("i,i->", parts.columns, parts.rows),
        np.einsum("i,i->", parts.columns, diagonal),
        np.einsum("i,i->", parts.rows, diagonal),
        np.einsum("i,i->", diagonal, diagonal),
    )
    return Sums(*(np.array([float(value)]) for value in found))


def all_shifts(parts: Parts) -> Sums:
    """Compute the sums of the N matrices whose columns are shifted, C'[i, j] = C[i, j + k] with k = 0, ..., N - 1.

    Time O(N^2 log N); memory three times that of the matrix.

    Args:
        parts: of the matrix.

    Returns:
        Sums of N permutations.
    """
    size = len(parts.rows)
    trace, columns_diagonal, rows_diagonal, diagonal = np.zeros((4, size))
    spectrum = np.zeros(size, dtype=np.complex128)
    transformed = scipy.fft.fft2(parts.centred)
    twice = np.concatenate([parts.columns, parts.columns])
    for start in range(0, size, _ROWS_AT_A_TIME):
        rows = slice(start, min(start + _ROWS_AT_A_TIME, size))
        along = _along_diagonals(parts.centred[rows], start)
        count = len(along)
        shifted = np.lib.stride_tricks.sliding_window_view(twice[start:], size)[:count]
        trace += along.sum(axis=0)
        diagonal += np.einsum("ik,ik->k", along, along)
        rows_diagonal += np.einsum("i,ik->k", parts.rows[rows], along)
        columns_diagonal += np.einsum("ik,ik->k", shifted, along)
        spectrum += _along_diagonals(np.conj(transformed[rows]) * transformed[:, rows].T, start).sum(axis=0)
    # the diagonals of the spectrum are counted as q - p, the exponent has p - q
    product = scipy.fft.fft(spectrum).real / size**2
    of_means = scipy.fft.irfft(scipy.fft.rfft(parts.columns) * np.conj(scipy.fft.rfft(parts.rows)), size)
    return Sums(trace, product, of_means, columns_diagonal, rows_diagonal, diagonal)


def random_shifts(parts: Parts, rng: np.random.Generator) -> Iterator[Sums]:
    """Orbits of shifts without end: the first without the measured matrix (N - 1), the others whole (N).

    Args:
        parts: of the measured matrix.
        rng: chooses the cycle and where the other orbits begin.

    Yields:
        Sums of the permutations of one orbit.
    """
    size = len(parts.rows)
    cycle = rng.permutation(size)
    columns = cycle
    while True:
        found = all_shifts(parts.reordered(cycle, columns))
        order = 1 + rng.permutation(size - 1) if columns is cycle else rng.permutation(size)
        yield Sums(*(values[order] for values in vars(found).values()))
        columns = rng.permutation(size)


def _along_diagonals(rows: NDArray[np.inexact], start: int) -> NDArray[np.inexact]:
    """(count, N): element k of row i is rows[i, start + i + k], indices modulo N."""
    count, size = rows.shape
    twice = np.concatenate([rows, rows], axis=1)
    twice = np.roll(twice, -start, axis=1) if start else twice
    down, right = twice.strides
    return np.lib.stride_tricks.as_strided(twice, (count, size), (down + right, right), writeable=False)
