"""Checks of what users give: each error names the argument, what is required, and what came."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_integer(name: str, value: Any, least: int) -> int:
    """An integer of at least `least`, of any integer type; ValueError for anything else (booleans, symbols, floats).

    >>> checked_integer("degree", np.int64(3), least=1)
    3
    >>> checked_integer("degree", 2.5, least=1)
    Traceback (most recent call last):
        ...
    ValueError: degree must be an integer of at least 1, got 2.5
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_) or number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return number


def checked_matrices(matrices: ArrayLike, *, square: bool, finite: bool = True) -> NDArray[np.floating]:
    """Matrices as a real array (..., rows, columns); ValueError that says what is wrong with them otherwise.

    With `finite=False` the entries are not looked at: see `check_finite`.

    >>> checked_matrices(np.ones((3, 10, 9)), square=True)
    Traceback (most recent call last):
        ...
    ValueError: matrices must be square in the last two axes, got shape (3, 10, 9)
    """
    try:
        batch = np.asarray(matrices)
    except ValueError as error:
        raise ValueError(f"matrices must be an array of numbers, got what numpy cannot make one of ({error})") from None
    if batch.dtype.kind not in "fiub":
        raise ValueError(f"matrices must be real numbers, got dtype {batch.dtype}")
    if batch.ndim < 2 or min(batch.shape[-2:]) == 0:
        raise ValueError(f"matrices must have a last two axes of rows and columns, got shape {batch.shape}")
    if square and batch.shape[-1] != batch.shape[-2]:
        raise ValueError(f"matrices must be square in the last two axes, got shape {batch.shape}")
    if finite:
        check_finite(batch)
    return batch


def check_finite(batch: NDArray[Any]) -> None:
    """Raise ValueError, with the place of the first, if an array has NaN or infinite entries.

    >>> check_finite(np.array([[1.0, np.nan]]))
    Traceback (most recent call last):
        ...
    ValueError: matrices must be finite, got 1 NaN or infinite entries, the first at index (0, 1)
    """
    bad = ~np.isfinite(batch)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        count = int(bad.sum())
        raise ValueError(f"matrices must be finite, got {count} NaN or infinite entries, the first at index {first}")


def check_symmetric(matrices: NDArray[Any]) -> None:
    """Raise ValueError unless every matrix of (..., N, N) is symmetric, but for rounding errors of its dtype.

    >>> check_symmetric(np.array([[1.0, 2.0], [2.0, 3.0]]))
    """
    precision = rounding_unit(matrices)
    values = matrices.astype(np.float64)
    largest = np.abs(values).max(axis=(-2, -1), initial=0)
    difference = np.abs(values - values.swapaxes(-1, -2)).max(axis=(-2, -1), initial=0)
    if (difference > 100 * precision * largest).any():
        raise ValueError(f"matrices must be symmetric, got entries {difference.max():.3g} off their mirrors")


def rounding_unit(matrices: NDArray[Any]) -> float:
    """Relative rounding error of an array's dtype; that of float64 for integers, which are computed in it.

    >>> rounding_unit(np.ones(1, dtype=np.float32)) > rounding_unit(np.ones(1)) == rounding_unit(np.ones(1, dtype=int))
    True
    """
    kind = matrices.dtype if matrices.dtype.kind == "f" else np.float64
    return max(float(np.finfo(kind).eps), float(np.finfo(np.float64).eps))
