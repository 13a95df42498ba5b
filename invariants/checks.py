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

    Raises:
        ValueError: if numpy cannot (rows of several lengths, some tensors), or entries are masked: numpy would compute
            with what lies under the mask.

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
    """Which entries are finite in float64, in which all is computed: np.longdouble reaches further.

    >>> finite_in_float64(np.array([1.0, np.inf]))
    array([ True, False])
    """
    with np.errstate(over="ignore"):
        finite: NDArray[np.bool_] = np.isfinite(batch.astype(np.float64) if batch.dtype.itemsize > 8 else batch)
    return finite


def check_finite(batch: NDArray[Any]) -> None:
    """Raise ValueError, with the place of the first, if an array has NaN or infinite entries, or beyond float64.

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
    """Raise ValueError unless every matrix of (..., N, N) is symmetric, but for rounding errors of its dtype.

    >>> check_symmetric(np.array([[1.0, 2.0], [2.0, 3.0]]))
    """
    precision = rounding_unit(matrices)
    values = matrices.astype(np.float64)
    largest = np.abs(values).max(axis=(-2, -1), initial=0)
    difference = np.abs(values - values.swapaxes(-1, -2)).max(axis=(-2, -1), initial=0)
    if (difference > 100 * precision * largest).any():
        raise ValueError(f"matrices must be symmetric, got entries {difference.max():.3g} off their mirrors")


def check_zero_diagonal(matrices: Any) -> None:
    """Raise ValueError unless every matrix of (..., N, N), an array or a tensor, has a diagonal of zeros.

    >>> check_zero_diagonal(np.eye(2))
    Traceback (most recent call last):
        ...
    ValueError: matrices must have a zero diagonal, got entries that are not zero
    """
    if matrices.diagonal(0, -2, -1).any():
        raise ValueError("matrices must have a zero diagonal, got entries that are not zero")


def rounding_unit(matrices: NDArray[Any]) -> float:
    """Relative rounding error of an array's dtype; that of float64 for integers, which are computed in it.

    >>> rounding_unit(np.ones(1, dtype=np.float32)) > rounding_unit(np.ones(1)) == rounding_unit(np.ones(1, dtype=int))
    True
    """
    kind = matrices.dtype if matrices.dtype.kind == "f" else np.float64
    return max(float(np.finfo(kind).eps), float(np.finfo(np.float64).eps))
