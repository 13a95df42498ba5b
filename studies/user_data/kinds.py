"""Kinds of a user's matrices: the space of each kind, and hints where shape or entries do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...fitting import BlockGaussian, MatrixSpace, RectangularSpace, SquareSpace, SymmetricSpace
from ...invariants.checks import check_symmetric, rounding_unit

#: The kinds of matrices that --kind takes, and the permutations that each is invariant under.
KINDS: dict[str, Callable[[int, int], MatrixSpace]] = {
    "square": lambda rows, columns: SquareSpace(rows),
    "rectangular": RectangularSpace,
    "symmetric": lambda rows, columns: SymmetricSpace(rows),
    "symmetric-zero-diagonal": lambda rows, columns: SymmetricSpace(rows, diagonal=False),
    "correlation": lambda rows, columns: SymmetricSpace(rows, diagonal=False),
}

# Rounding errors by which a correlation matrix may miss its mirror or its unit diagonal.
_ROUNDINGS = 1000
# Entries of the matrices that are looked at together.
_LOOKED_AT = 1 << 20


def check_kind(kind: str | None) -> None:
    """Raise ValueError unless a kind is one of `KINDS`, or None.

    >>> check_kind("triangular")
    Traceback (most recent call last):
        ...
    ValueError: kind must be one of square, rectangular, symmetric, symmetric-zero-diagonal, correlation, ...
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")


def of_kind(name: str, matrices: NDArray[Any], kind: str | None) -> NDArray[Any]:
    """The matrices that a model of their kind is fitted to: of correlation matrices the part off the diagonal.

    Args:
        name: of the ensemble, for messages.
        matrices: (n, rows, columns).
        kind: one of `KINDS`; None: square or rectangular, by the shape.

    Returns:
        The matrices as they are; correlation matrices symmetric and with a zero diagonal, in float64.

    Raises:
        ValueError: there are none, they are all the same, or they are not of the kind; with the kind that they are of.

    >>> of_kind("words", np.array([[[1.0, 0.5], [0.5, 1.0]], [[1.0, 0.2], [0.2, 1.0]]]), "correlation")[0].tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    count, rows, columns = matrices.shape
    if count == 0:
        raise ValueError(f"{name}: matrices must be one or more, got none (shape {matrices.shape})")
    if count > 1 and _all(matrices, lambda part: bool((part == matrices[0]).all())):
        raise ValueError(f"{name}: matrices must vary, got {count} that are all the same")
    if kind not in (None, "rectangular") and rows != columns:
        raise ValueError(f"{name}: --kind {kind} needs square matrices, got {rows} × {columns} (see --tensor)")
    if kind == "correlation":
        return _correlations(name, matrices)
    if kind is None and rows == columns and rows > 1 and count > 1 and _all(matrices, _is_symmetric):
        diagonal = np.diagonal(matrices, axis1=1, axis2=2)
        fitting = "symmetric" if diagonal.any() else "symmetric-zero-diagonal"
        if np.abs(diagonal - 1.0).max() <= _ROUNDINGS * rounding_unit(matrices):
            fitting = "correlation"
        raise ValueError(
            f"{name}: all matrices are symmetric, for which the model of square ones has no meaning: "
            f"use --kind {fitting}"
        )
    return matrices


def fitted(name: str, matrices: NDArray[Any], kind: str | None) -> BlockGaussian:
    """Fit the model of a kind to what `of_kind` gives.

    Args:
        name: of the ensemble, for messages.
        matrices: (n, rows, columns).
        kind: one of `KINDS`; None: square or rectangular, by the shape.

    Returns:
        The model.

    Raises:
        ValueError: the model cannot be fitted; with a hint if it is for want of matrices.

    >>> fitted("words", np.random.default_rng(0).normal(size=(20, 4, 4)), None).space
    SquareSpace(size=4)
    """
    count, rows, columns = matrices.shape
    try:
        return BlockGaussian.fit(matrices, KINDS[kind](rows, columns) if kind else None)
    except ValueError as error:
        if count > 1:
            raise ValueError(f"{name}: {error}") from None
        size = isqrt(columns)
        flat = f"; if each row is a matrix, reshape to ({rows}, {size}, {size})" if 3 < size == columns / size else ""
        raise ValueError(
            f"{name}: a fit needs an ensemble of matrices, got one of {rows} × {columns}; `pigmm network` analyses "
            f"single matrices, those of one checkpoint say{flat}"
        ) from None


def check_first_axis(name: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError if the matrices of an array of three axes seem to be counted by its last one.

    >>> check_first_axis("words", (10, 10, 500))
    Traceback (most recent call last):
        ...
    ValueError: words: an array (n, rows, columns) is n matrices, got (10, 10, 500); ...
    """
    if len(shape) == 3 and 1 < shape[0] == shape[1] < shape[2]:
        raise ValueError(
            f"{name}: an array (n, rows, columns) is n matrices, got {shape}; if these are {shape[2]} of "
            f"{shape[0]} × {shape[1]}, store numpy.moveaxis(array, -1, 0), else give --kind rectangular"
        )


def _all(matrices: NDArray[Any], has: Callable[[NDArray[Any]], bool]) -> bool:
    """Whether all matrices have a property; a few are looked at at a time, since most ensembles have it not."""
    return all(has(few) for few in _few_at_a_time(matrices))


def _few_at_a_time(matrices: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, _LOOKED_AT // matrices[0].size)
    return (matrices[start : start + step] for start in range(0, len(matrices), step))


def _is_symmetric(matrices: NDArray[Any]) -> bool:
    try:
        check_symmetric(matrices)
    except ValueError:
        return False
    return True


def _correlations(name: str, matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Symmetric matrices with a zero diagonal, from correlation matrices that are so but for rounding."""
    values = matrices.astype(np.float64)
    tolerance = _ROUNDINGS * rounding_unit(matrices)
    off_mirror = max(float(np.abs(few - few.swapaxes(1, 2)).max()) for few in _few_at_a_time(values))
    off_one = float(np.abs(np.diagonal(values, axis1=1, axis2=2) - 1).max())
    largest = max(float(values.max()), -float(values.min()))
    for what, found, most in (
        ("be symmetric, got entries {} off their mirrors", off_mirror, tolerance),
        ("have ones on the diagonal, got entries {} off one", off_one, tolerance),
        ("have entries between -1 and 1, got one of size {}", largest, 1 + tolerance),
    ):
        if found > most:
            raise ValueError(f"{name}: correlation matrices must {what.format(f'{found:.3g}')}")
    index = np.arange(values.shape[1])
    for few in _few_at_a_time(values):
        few[:] = (few + few.swapaxes(1, 2)) / 2
        few[:, index, index] = 0
    return values
