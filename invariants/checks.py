"""Checks of arguments: each error names the argument, the requirement, and the value that came."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked_integer(name: str, value: Any, least: int) -> int:
    """Return an argument as an integer, of any integer type.

    Args:
        name: of the argument, for the message.
        value: the argument.
        least: smallest value that is allowed.

    Returns:
        The value as an int.

    Raises:
        ValueError: the value is below `least`, or a boolean, a symbol or a float.

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
    """Return matrices as a real array.

    Args:
        matrices: (..., rows, columns) real numbers.
        square: require as many rows as columns.
        finite: require finite entries; False leaves them unread (see `check_finite`).

    Returns:
        (..., rows, columns) in the dtype that was given.

    Raises:
        ValueError: the matrices are not real, have fewer than two axes, or are not square or not finite where required.

    >>> checked_matrices(np.ones((3, 10, 9)), square=True)
    Traceback (most recent call last):
        ...
    ValueError: matrices must be square in the last two axes, got shape (3, 10, 9)
    """
    batch = as_array("matrices", matrices)
    if batch.dtype.kind not in "fiub":
        raise ValueError(f"matrices must be real numbers, got dtype {batch.dtype}")
    if batch.ndim < 2 or min(batch.shape[-2:]) == 0:
        raise ValueError(f"matrices must have a last two axes of rows and columns, got shape {batch.shape}")
    if square and batch.shape[-1] != batch.shape[-2]:
        raise ValueError(f"matrices must be square in the last two axes, got shape {batch.shape}")
    if finite:
        check_finite(batch)
    return batch


def as_array(name: str, values: Any) -> NDArray[Any]:
    """Convert an argument to a numpy array.

    Args:
        name: of the argument, for the message.
        values: anything that numpy makes an array of.

    Returns:
        The array, in the dtype that numpy gives it.

    Raises:
        ValueError: numpy cannot make one (rows of several lengths, some tensors), or entries are masked: numpy would
            compute with what lies under the mask.

    >>> as_array("weights", [[1.0], [2.0, 3.0]])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: weights must be an array of numbers, got what numpy cannot make one of (...)
    """
    parts = values if isinstance(values, list | tuple) else [values]
    if any(np.ma.is_masked(part) for part in parts):
        raise ValueError(
            f"{name} must be complete, got a masked array with masked entries: leave these matrices out, or fill them"
        )
    try:
        return np.asarray(values)
    # torch tells in these ways of tensors that require a gradient, are on a device, or are of a dtype of its own
    except (ValueError, TypeError, RuntimeError) as error:
        converted = "tensor.detach()" + (".float()" if "bfloat16" in str(getattr(values, "dtype", "")) else "")
        hint = f"; of a tensor give {converted}.cpu().numpy()" if hasattr(values, "detach") else ""
        raise ValueError(
            f"{name} must be an array of numbers, got what numpy cannot make one of ({error}){hint}"
        ) from None


def finite_in_float64(batch: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which entries are finite in float64, in which everything is computed. Numbers of np.longdouble may not be.

    Args:
        batch: real array of any shape.

    Returns:
        Boolean array of the same shape.

    >>> finite_in_float64(np.array([1.0, np.inf]))
    array([ True, False])
    """
    with np.errstate(over="ignore"):
        finite: NDArray[np.bool_] = np.isfinite(batch.astype(np.float64) if batch.dtype.itemsize > 8 else batch)
    return finite


def check_finite(batch: NDArray[Any]) -> None:
    """Check that all entries are finite in float64.

    Args:
        batch: real array of any shape.

    Raises:
        ValueError: there are NaN or infinite entries; tells how many, and the index of the first.

    >>> check_finite(np.array([[1.0, np.nan]]))
    Traceback (most recent call last):
        ...
    ValueError: matrices must be finite, got 1 NaN or infinite entries, the first at index (0, 1)
    """
    bad = ~finite_in_float64(batch)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        count = int(bad.sum())
        raise ValueError(f"matrices must be finite, got {count} NaN or infinite entries, the first at index {first}")


def check_symmetric(matrices: NDArray[Any]) -> None:
    """Check that matrices are symmetric, up to rounding errors of their dtype.

    Args:
        matrices: (..., N, N) real numbers.

    Raises:
        ValueError: a matrix is not symmetric; tells the largest difference.

    >>> check_symmetric(np.array([[1.0, 2.0], [2.0, 3.0]]))
    """
    precision = rounding_unit(matrices)
    values = matrices.astype(np.float64)
    largest = np.abs(values).max(axis=(-2, -1), initial=0)
    difference = np.abs(values - values.swapaxes(-1, -2)).max(axis=(-2, -1), initial=0)
    if (difference > 100 * precision * largest).any():
        raise ValueError(f"matrices must be symmetric, got entries {difference.max():.3g} off their mirrors")


def check_zero_diagonal(matrices: Any) -> None:
    """Check that the diagonals of matrices are zero.

    Args:
        matrices: (..., N, N) array or tensor.

    Raises:
        ValueError: a diagonal entry is not zero.

    >>> check_zero_diagonal(np.eye(2))
    Traceback (most recent call last):
        ...
    ValueError: matrices must have a zero diagonal, got entries that are not zero
    """
    if matrices.diagonal(0, -2, -1).any():
        raise ValueError("matrices must have a zero diagonal, got entries that are not zero")


def rounding_unit(matrices: NDArray[Any]) -> float:
    """Return the relative rounding error of an array's dtype.

    Args:
        matrices: real array.

    Returns:
        The rounding error; for integers that of float64, in which they are computed.

    >>> rounding_unit(np.ones(1, dtype=np.float32)) > rounding_unit(np.ones(1)) == rounding_unit(np.ones(1, dtype=int))
    True
    """
    kind = matrices.dtype if matrices.dtype.kind == "f" else np.float64
    return max(float(np.finfo(kind).eps), float(np.finfo(np.float64).eps))
