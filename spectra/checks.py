"""Checks of spectra: each error names the argument, the requirement, and the value that came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def checked_spectra(eigenvalues: ArrayLike, *, least: int) -> Array:
    """Return spectra as float64, each in increasing order along the last axis.

    Args:
        eigenvalues: (..., count), real.
        least: the fewest eigenvalues that are needed.

    Returns:
        (..., count), float64, sorted.

    Raises:
        ValueError: if they are complex, not finite, or too few.

    >>> checked_spectra([2.0, 1.0], least=3)
    Traceback (most recent call last):
        ...
    ValueError: eigenvalues must be at least 3 along the last axis, got shape (2,)
    """
    values = np.asarray(eigenvalues)
    if values.dtype.kind not in "fiu":
        raise ValueError(f"eigenvalues must be real numbers, got dtype {values.dtype}")
    if values.ndim == 0 or values.shape[-1] < least:
        raise ValueError(f"eigenvalues must be at least {least} along the last axis, got shape {values.shape}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"eigenvalues must be finite, got {int((~np.isfinite(values)).sum())} that are not")
    return np.sort(values, axis=-1)


def checked_positive(name: str, value: Any) -> float:
    """Return a positive finite number.

    Args:
        name: of the argument, for the error.
        value: the number to check.

    Returns:
        The number as a float.

    Raises:
        ValueError: if it is not.

    >>> checked_positive("s", -1.0)
    Traceback (most recent call last):
        ...
    ValueError: s must be a positive number, got -1.0
    """
    if not (isinstance(value, int | float | np.integer | np.floating) and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(value)


def checked_count(name: str, value: Any, *, least: int) -> int:
    """Return an integer that is large enough.

    Args:
        name: of the argument, for the message.
        value: the argument.
        least: the smallest allowed.

    Returns:
        The value as an int.

    Raises:
        ValueError: if it is no integer, or smaller.

    >>> checked_count("dimension", 1, least=2)
    Traceback (most recent call last):
        ...
    ValueError: dimension must be an integer of at least 2, got 1
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
    return int(value)
