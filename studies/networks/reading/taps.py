"""Correlations between the taps of a convolution: neighbouring ones are alike, so their statistics are not independent.

Let the entries of different filters and channels be independent, with correlations R between taps. Then the centred
traces of the taps have correlations R, and what is quadratic in the entries, such as variances of means or of the
symmetric part, has correlations R squared entry by entry, for entries of any law.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

Array = NDArray[np.float64]
#: Correlations between the taps of each tensor, as a table carries them.
Correlations = Mapping[str, tuple[tuple[float, ...], ...]]

_PIECE = re.compile(r"(?P<tensor>.*)\[(?P<number>\d+)\]$")


def tap_correlations(tensor: NDArray[Any]) -> tuple[tuple[float, ...], ...]:
    """Correlations between the taps of a convolution, of entries without the means of their rows and columns.

    Args:
        tensor: (outputs, inputs, k, ...).

    Returns:
        (taps, taps); NaN where a tap does not vary.

    >>> tensor = np.random.default_rng(0).normal(size=(30, 20, 1)) * [1.0, -2.0]
    >>> np.round(tap_correlations(tensor), 6).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    taps = np.moveaxis(tensor.reshape(*tensor.shape[:2], -1).astype(np.float64), -1, 0)
    taps -= taps.mean(axis=1, keepdims=True)
    taps -= taps.mean(axis=2, keepdims=True)
    flat = taps.reshape(len(taps), -1)
    products = flat @ flat.T
    norms = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = products / norms[:, None] / norms
    return tuple(tuple(map(float, row)) for row in correlations)


def correlations_of(names: Sequence[str], of_tensors: Correlations) -> Array:
    """Correlations between the entries of matrices: of the taps of one tensor its own, of others zero.

    Args:
        names: of the matrices, those of one tensor beside each other.
        of_tensors: by name.

    Returns:
        (matrices, matrices).

    >>> correlations_of(["a[0]", "a[2]", "b"], {"a": ((1.0, 0.5, 0.2), (0.5, 1.0, 0.5), (0.2, 0.5, 1.0))}).tolist()
    [[1.0, 0.2, 0.0], [0.2, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    taps: dict[str, list[int]] = {}
    for name in names:
        piece = _PIECE.match(name)
        of_convolution = piece and piece["tensor"] in of_tensors
        taps.setdefault(piece["tensor"] if piece and of_convolution else name, []).append(
            int(piece["number"]) if piece and of_convolution else 0
        )
    blocks = [
        np.array(of_tensors[tensor])[np.ix_(numbers, numbers)] if tensor in of_tensors else np.eye(1)
        for tensor, numbers in taps.items()
    ]
    return np.asarray(block_diag(*blocks))
