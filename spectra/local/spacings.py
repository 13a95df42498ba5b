"""Spacings of eigenvalues: ratios of neighbours, unfolding to unit density, number variance."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from ..checks import Array, checked_spectra


def without_zeros(eigenvalues: ArrayLike, tolerance: float | None = None) -> tuple[Array, int]:
    """Set aside the zero eigenvalues of one matrix, which have no spacings.

    Args:
        eigenvalues: (count,), real.
        tolerance: what counts as zero, as a share of the largest |eigenvalue|; default: count times the rounding of
            float64, as for the rank of a matrix. Matrices computed in float32 need some 1e-6.

    Returns:
        The others in increasing order, and how many were set aside.

    >>> without_zeros([0.0, 1e-18, 1.0, 2.0])
    (array([1., 2.]), 2)
    """
    values = checked_spectra(eigenvalues, least=1)
    if values.ndim != 1:
        raise ValueError(f"eigenvalues must have one axis, got shape {values.shape}")
    share = len(values) * np.finfo(np.float64).eps if tolerance is None else tolerance
    kept = np.abs(values) > share * np.abs(values).max()
    return values[kept], int((~kept).sum())


def spacing_ratios(eigenvalues: ArrayLike) -> Array:
    """Return min(r, 1/r), r the ratios of consecutive spacings, which need no unfolding.

    Args:
        eigenvalues: (..., count), at least 3, in any order.

    Returns:
        (..., count - 2), between 0 and 1.

    Raises:
        ValueError: if two consecutive spacings are zero: set degenerate eigenvalues aside first (`without_zeros`).

    Source:
        V. Oganesyan and D. A. Huse, Phys. Rev. B 75 (2007) 155111.

    >>> spacing_ratios([0.0, 1.0, 3.0, 7.0])
    array([0.5, 0.5])
    """
    gaps = np.diff(checked_spectra(eigenvalues, least=3), axis=-1)
    smaller, larger = np.minimum(gaps[..., :-1], gaps[..., 1:]), np.maximum(gaps[..., :-1], gaps[..., 1:])
    if (larger == 0).any():
        raise ValueError(
            f"eigenvalues must differ, got {int((larger == 0).sum())} pairs of consecutive spacings that are zero: set "
            "degenerate eigenvalues aside (without_zeros)"
        )
    ratios: Array = smaller / larger
    return ratios


def unfold(eigenvalues: ArrayLike, law: Any = None) -> Array:
    """Map eigenvalues to unit mean density: x = count * F(eigenvalue), F the smooth cumulative law.

    Args:
        eigenvalues: (count,) of one matrix, or (matrices, count) of several with one law; any order.
        law: gives F as `law.cdf`. Default: of several matrices the pooled eigenvalues of the others; of one, a monotone
            curve (PCHIP) through every k-th of its own eigenvalues, k the root of their number, which takes out
            correlations over more than k levels.

    Returns:
        Of the same shape, in increasing order.

    Raises:
        ValueError: if there are fewer than 10 eigenvalues.

    Source:
        M. L. Mehta, Random Matrices, chapter 1; the curve: F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17
        (1980) 238.

    >>> from pigmm.spectra import GOE
    >>> spacings = np.diff(unfold(GOE.spectrum(1000, np.random.default_rng(0))))
    >>> bool(abs(spacings.mean() - 1) < 0.02)
    True
    """
    values = checked_spectra(eigenvalues, least=10)
    count = values.shape[-1]
    if law is not None:
        unfolded: Array = count * np.asarray(law.cdf(values), dtype=np.float64)
        return unfolded
    if values.ndim == 1:
        return _own_curve(values)
    if values.ndim != 2:
        raise ValueError(f"eigenvalues must have one or two axes, got shape {values.shape}")
    if len(values) == 1:
        return _own_curve(values[0])[None]
    return np.stack([_pooled(values, k) for k in range(len(values))])


def _own_curve(values: Array) -> Array:
    count = len(values)
    step = ceil(sqrt(count))
    places = np.unique(np.append(np.arange(0, count, step), count - 1))
    knots, first = np.unique(values[places], return_index=True)
    if len(knots) < 2:
        raise ValueError("eigenvalues must differ, got all the same")
    curve: Array = PchipInterpolator(knots, places[first])(values)
    return curve


def _pooled(values: Array, own: int) -> Array:
    others = np.sort(np.delete(values, own, axis=0).ravel())
    # a step function of many steps a level; ties count half
    ranks = np.searchsorted(others, values[own], side="left") + np.searchsorted(others, values[own], side="right")
    unfolded: Array = ranks / (2 * (len(values) - 1))
    return unfolded


def number_variance(unfolded: ArrayLike, lengths: ArrayLike) -> Array:
    """Return the variance of the number of levels in an interval, over intervals of each length.

    Poisson levels have L; GOE about (2/pi^2) (ln(2 pi L) + 0.5772 + 1 - pi^2/8).

    Args:
        unfolded: (..., count), at unit density; see `unfold`.
        lengths: (m,), positive, in mean spacings, at most half the count.

    Returns:
        (m,), pooled over all spectra; intervals begin at every half spacing.

    Source:
        M. L. Mehta, Random Matrices, chapter 16.

    >>> number_variance(np.arange(100.0), [2.0]).round(3)
    array([0.])
    """
    levels = checked_spectra(unfolded, least=10)
    spectra = levels.reshape(-1, levels.shape[-1])
    sizes = np.atleast_1d(np.asarray(lengths, dtype=np.float64))
    if sizes.ndim != 1 or not ((sizes > 0) & (2 * sizes <= levels.shape[-1])).all():
        raise ValueError(
            "lengths must be positive and at most half the number of levels, in mean spacings, got "
            f"{sizes.tolist()} with {levels.shape[-1]} levels"
        )
    found = []
    for length in sizes:
        counts = []
        for spectrum in spectra:
            starts = np.arange(spectrum[0] + 0.25, spectrum[-1] - length, 0.5)
            ends = np.searchsorted(spectrum, starts + length) - np.searchsorted(spectrum, starts)
            counts.append(ends)
        found.append(np.concatenate(counts).var())
    return np.array(found)
