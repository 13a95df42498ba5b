"""Spaces of matrices at a given size: irreps, their dimensions, and O(N^2) maps to and from their blocks.

The components of an irrep have the shape (..., copies, labels). Labels may be overcomplete (N numbers of zero sum for
the N - 1 dimensions of V_H), but sums over labels of products of components are what an orthonormal basis would give.
The formulas are those of `decomposition.py`, which has them exactly; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..checks import check_symmetric, check_zero_diagonal, checked_integer
from .decomposition import Decomposition
from .matrix_kinds import rectangular, several_square, square, symmetric, symmetric_zero_diagonal
from .tensors import Coefficient, evaluate_coefficient

Array = NDArray[np.float64]


class MatrixSpace(Protocol):
    """Matrices of one shape, as a representation of the permutations that act on them."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns; before them the number of matrices, if there are several."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """One size for each node kind of the graphs."""

    @property
    def decomposition(self) -> Decomposition:
        """The exact decomposition, for every size."""

    def check(self, matrices: NDArray[np.floating]) -> None:
        """Check that matrices lie in the space.

        Args:
            matrices: (..., *shape) real numbers.

        Raises:
            ValueError: a matrix lies outside.
        """

    def project(self, matrices: Array) -> tuple[Array, ...]:
        """Return the components of matrices.

        Of matrices outside the space (not symmetric, say) these are the components of the nearest ones inside. The cost
        is O(entries).

        Args:
            matrices: (..., *shape).

        Returns:
            For each irrep (..., copies, labels).
        """

    def assemble(self, components: Sequence[Array]) -> Array:
        """Return the matrices with given components: the inverse (and adjoint) of `project`.

        Args:
            components: as `project` returns them.

        Returns:
            (..., *shape).
        """


def irrep_dimensions(space: MatrixSpace) -> tuple[int, ...]:
    """Return the dimension of each irrep of a space.

    Args:
        space: of matrices.

    Returns:
        One dimension for each irrep, in the order of the space.

    >>> irrep_dimensions(SquareSpace(10))
    (1, 9, 35, 36)
    """
    return tuple(_dimension(irrep.dimension, space.sizes) for irrep in space.decomposition.irreps)


@lru_cache(maxsize=1024)
def _dimension(formula: Coefficient, sizes: tuple[int, ...]) -> int:
    return int(evaluate_coefficient(formula, sizes))


def space_of(shape: tuple[int, ...]) -> MatrixSpace:
    """Return the space of all matrices of a shape: under S_N if square, otherwise under S_M x S_N.

    Args:
        shape: (rows, columns), or (count, N, N) of several matrices.

    Returns:
        The space.

    Raises:
        ValueError: the shape is neither.

    >>> space_of((10, 784))
    RectangularSpace(rows=10, columns=784)
    """
    rows, columns = shape[-2:]
    if len(shape) == 3 and rows == columns:
        return MultiMatrixSpace(shape[0], rows)
    if len(shape) == 2:
        return SquareSpace(rows) if rows == columns else RectangularSpace(rows, columns)
    raise ValueError(f"matrices must be of shape (rows, columns) or (count, N, N), got {shape}")


@dataclass(frozen=True)
class SquareSpace:
    """N x N matrices under S_N: 2 V_0 + 3 V_H + V_2 + V_3 (arXiv:1809.07559, section 2).

    Args:
        size: N, at least 4, so that all four irreps are there.

    Raises:
        ValueError: if the size is below 4.

    >>> space = SquareSpace(4)
    >>> matrix = np.arange(16.0).reshape(4, 4)
    >>> bool(np.allclose(space.assemble(space.project(matrix)), matrix))
    True
    """

    size: int

    def __post_init__(self) -> None:
        # below 4 some irreps are absent
        object.__setattr__(self, "size", checked_integer("size", self.size, least=4))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, N)."""
        return (self.size, self.size)

    @property
    def sizes(self) -> tuple[int, ...]:
        """(N,): one kind of nodes."""
        return (self.size,)

    @property
    def decomposition(self) -> Decomposition:
        """The exact decomposition."""
        return square()

    def check(self, matrices: NDArray[np.floating]) -> None:
        """Do nothing: every matrix of the shape is in the space.

        Args:
            matrices: (..., N, N) real numbers.
        """

    def project(self, matrices: Array) -> tuple[Array, ...]:
        """Return the components of matrices.

        Args:
            matrices: (..., N, N).

        Returns:
            V_0 (..., 2, 1), V_H (..., 3, N), V_2 and V_3 (..., 1, N^2).
        """
        n = self.size
        row_means, column_means = matrices.mean(axis=-1), matrices.mean(axis=-2)
        mean = row_means.mean(axis=-1)
        centred = matrices - row_means[..., :, None]
        centred -= (column_means - mean[..., None])[..., None, :]  # F M F
        diagonal = np.diagonal(centred, axis1=-2, axis2=-1)
        trace = diagonal.sum(axis=-1)
        h3 = sqrt(n / (n - 2)) * (diagonal - trace[..., None] / n)
        v0 = np.stack([n * mean, trace / sqrt(n - 1)], axis=-1)[..., None]
        vh = np.stack(
            [sqrt(n) * (column_means - mean[..., None]), sqrt(n) * (row_means - mean[..., None]), h3], axis=-2
        )
        transposed = centred.swapaxes(-1, -2)
        v2, v3 = centred + transposed, centred - transposed
        v2 /= 2
        v3 /= 2
        self._add_inside_centred(v2, -trace / sqrt(n - 1), -h3)
        flat = (*matrices.shape[:-2], 1, n * n)
        return v0, vh, v2.reshape(flat), v3.reshape(flat)

    def assemble(self, components: Sequence[Array]) -> Array:
        """Return the matrices with given components: the inverse (and adjoint) of `project`.

        Args:
            components: as `project` returns them.

        Returns:
            (..., N, N).
        """
        n = self.size
        v0, vh, v2, v3 = components
        matrices: Array = (v2 + v3).reshape(*v2.shape[:-2], n, n)
        self._add_inside_centred(matrices, v0[..., 1, 0], vh[..., 2, :])
        matrices += v0[..., 0, :, None] / n + (vh[..., 0, None, :] + vh[..., 1, :, None]) / sqrt(n)
        return matrices

    def _add_inside_centred(self, matrices: Array, scalar: Array, vector: Array) -> None:
        """Add the parts of V_0 and V_H inside V_H x V_H: scalar F / sqrt(N-1) + sqrt(N/(N-2)) F diag(vector) F."""
        n = self.size
        scaled = sqrt(n / (n - 2)) * vector
        matrices -= (scaled / n)[..., :, None]
        matrices -= (scaled / n + (scalar / (n * sqrt(n - 1)))[..., None])[..., None, :]
        index = np.arange(n)
        matrices[..., index, index] += scaled + (scalar / sqrt(n - 1))[..., None]


@dataclass(frozen=True)
class RectangularSpace:
    """M x N matrices under S_M x S_N, rows and columns permuted separately: V_00 + V_0H + V_H0 + V_HH.

    Args:
        rows: M, at least 2.
        columns: N, at least 2.

    Raises:
        ValueError: if a size is below 2.

    >>> irrep_dimensions(RectangularSpace(10, 784))
    (1, 783, 9, 7047)
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", checked_integer("rows", self.rows, least=2))
        object.__setattr__(self, "columns", checked_integer("columns", self.columns, least=2))

    @property
    def shape(self) -> tuple[int, int]:
        """(M, N)."""
        return (self.rows, self.columns)

    @property
    def sizes(self) -> tuple[int, ...]:
        """(M, N): rows are nodes of kind 0, columns of kind 1."""
        return (self.rows, self.columns)

    @property
    def decomposition(self) -> Decomposition:
        """The exact decomposition."""
        return rectangular()

    def check(self, matrices: NDArray[np.floating]) -> None:
        """Do nothing: every matrix of the shape is in the space.

        Args:
            matrices: (..., M, N) real numbers.
        """

    def project(self, matrices: Array) -> tuple[Array, ...]:
        """Return the components of matrices.

        Args:
            matrices: (..., M, N).

        Returns:
            (..., 1, 1), (..., 1, N), (..., 1, M), (..., 1, M N).
        """
        m, n = self.shape
        row_means, column_means = matrices.mean(axis=-1), matrices.mean(axis=-2)
        mean = row_means.mean(axis=-1, keepdims=True)
        centred = matrices - row_means[..., :, None] - column_means[..., None, :] + mean[..., None]
        return (
            sqrt(m * n) * mean[..., None],
            sqrt(m) * (column_means - mean)[..., None, :],
            sqrt(n) * (row_means - mean)[..., None, :],
            centred.reshape(*matrices.shape[:-2], 1, m * n),
        )

    def assemble(self, components: Sequence[Array]) -> Array:
        """Return the matrices with given components: the inverse (and adjoint) of `project`.

        Args:
            components: as `project` returns them.

        Returns:
            (..., M, N).
        """
        m, n = self.shape
        overall, columns, rows, centred = components
        matrices: Array = centred.reshape(*centred.shape[:-2], m, n)
        return matrices + overall / sqrt(m * n) + columns / sqrt(m) + rows.swapaxes(-1, -2) / sqrt(n)


@dataclass(frozen=True)
class SymmetricSpace:
    """Symmetric N x N matrices under S_N: 2 V_0 + 2 V_H + V_2, or V_0 + V_H + V_2 without the diagonal.

    Args:
        size: N, at least 4.
        diagonal: False for matrices of zero diagonal.

    Raises:
        ValueError: if the size is below 4.

    >>> irrep_dimensions(SymmetricSpace(10))
    (1, 9, 35)
    """

    size: int
    diagonal: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", checked_integer("size", self.size, least=4))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, N)."""
        return (self.size, self.size)

    @property
    def sizes(self) -> tuple[int, ...]:
        """(N,): one kind of nodes."""
        return (self.size,)

    @property
    def decomposition(self) -> Decomposition:
        """The exact decomposition."""
        return symmetric() if self.diagonal else symmetric_zero_diagonal()

    def check(self, matrices: NDArray[np.floating]) -> None:
        """Check that matrices are symmetric, and of zero diagonal if so required.

        Args:
            matrices: (..., N, N) real numbers.

        Raises:
            ValueError: a matrix lies outside.
        """
        check_symmetric(matrices)
        if not self.diagonal:
            check_zero_diagonal(matrices)

    def project(self, matrices: Array) -> tuple[Array, ...]:
        """Return the components of matrices.

        Args:
            matrices: (..., N, N).

        Returns:
            V_0 (..., 2 or 1, 1), V_H (..., 2 or 1, N), V_2 (..., 1, N^2).
        """
        n = self.size
        v0, vh, v2, _ = SquareSpace(n).project(matrices)
        if self.diagonal:
            return v0, np.stack([(vh[..., 0, :] + vh[..., 1, :]) / sqrt(2), vh[..., 2, :]], axis=-2), v2
        off_diagonal = matrices * (1 - np.eye(n))
        sums = off_diagonal.sum(axis=-1) + off_diagonal.sum(axis=-2)
        total = sums.sum(axis=-1, keepdims=True) / 2
        centred = sums - 2 * total / n
        return total[..., None] / sqrt(n * (n - 1)), centred[..., None, :] / sqrt(2 * (n - 2)), v2

    def assemble(self, components: Sequence[Array]) -> Array:
        """Return the matrices with given components: the inverse (and adjoint) of `project`.

        Args:
            components: as `project` returns them.

        Returns:
            (..., N, N).
        """
        n = self.size
        v0, vh, v2 = components
        if self.diagonal:
            half = vh[..., 0, :] / sqrt(2)
            return SquareSpace(n).assemble((v0, np.stack([half, half, vh[..., 1, :]], axis=-2), v2, np.zeros_like(v2)))
        sums = vh[..., 0, :, None] + vh[..., 0, None, :]
        rest: Array = v2.reshape(*v2.shape[:-2], n, n)
        return (rest + v0 / sqrt(n * (n - 1)) + sums / sqrt(2 * (n - 2))) * (1 - np.eye(n))


@dataclass(frozen=True)
class MultiMatrixSpace:
    """Several N x N matrices under one S_N; for two see arXiv:2104.03707.

    Args:
        count: how many matrices.
        size: N, at least 4.

    >>> MultiMatrixSpace(2, 10).shape
    (2, 10, 10)
    """

    count: int
    size: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", checked_integer("count", self.count, least=1))
        object.__setattr__(self, "size", checked_integer("size", self.size, least=4))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(count, N, N)."""
        return (self.count, self.size, self.size)

    @property
    def sizes(self) -> tuple[int, ...]:
        """(N,): one kind of nodes."""
        return (self.size,)

    @property
    def decomposition(self) -> Decomposition:
        """The exact decomposition."""
        return several_square(self.count)

    def check(self, matrices: NDArray[np.floating]) -> None:
        """Do nothing: every matrix of the shape is in the space.

        Args:
            matrices: (..., count, N, N) real numbers.
        """

    def project(self, matrices: Array) -> tuple[Array, ...]:
        """Return the components of matrices.

        Args:
            matrices: (..., count, N, N).

        Returns:
            For each irrep the copies of the first matrix, then of the second, ...
        """
        parts = SquareSpace(self.size).project(matrices)
        return tuple(part.reshape(*part.shape[:-3], -1, part.shape[-1]) for part in parts)

    def assemble(self, components: Sequence[Array]) -> Array:
        """Return the matrices with given components: the inverse (and adjoint) of `project`.

        Args:
            components: as `project` returns them.

        Returns:
            (..., count, N, N).
        """
        return SquareSpace(self.size).assemble(
            [part.reshape(*part.shape[:-2], self.count, -1, part.shape[-1]) for part in components]
        )


SeveralSpace = MultiMatrixSpace
