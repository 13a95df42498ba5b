"""The noise of batch Hessians: its scale s(b) as a power of the batch size, and how far it is from a semicircle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..checks import Array, checked_spectra
from ..laws.semicircle import Semicircle
from ..local.ensembles import GOE
from .line import Estimate, fit_line

#: Batches of one size that a standard error can be estimated from.
LEAST_BATCHES = 4


@dataclass(frozen=True)
class NoiseFit:
    """The power law s(b) = s(1) b^exponent.

    Args:
        scales: a row a batch size: batch_size, batches, scale (s, the root mean square eigenvalue), standard_error.
        exponent: with interval; independent examples give -1/2.
        at_one: s(1), with interval.
        p_value: of the departures from a power law; NaN of two sizes.
    """

    scales: pd.DataFrame
    exponent: Estimate
    at_one: Estimate
    p_value: float


def fit_noise(noise: Mapping[int, ArrayLike]) -> NoiseFit:
    """Fit the scale of the noise of batch Hessians as a power of the batch size.

    The scale is the root mean square eigenvalue, whatever the law of the noise. Its errors come from the spread over
    batches.

    Args:
        noise: by batch size, (batches, P), eigenvalues of H_b - A, A the Hessian of all examples. Without A take
            (H_b - H_b') / sqrt(2) of pairs of independent batches. At least two sizes, with 4 batches each.

    Returns:
        The fit.

    Raises:
        ValueError: if there are too few sizes or batches, or eigenvalues are not finite.

    Source:
        arXiv:2205.08601.

    >>> rng = np.random.default_rng(0)
    >>> noise = {b: [GOE.spectrum(50, rng) / b**0.5 for _ in range(8)] for b in (4, 16, 64)}
    >>> fit = fit_noise(noise)
    >>> round(fit.exponent.value, 1), round(fit.at_one.value, 1)
    (-0.5, 1.0)
    """
    spectra = checked_batches(noise)
    rows = []
    for size, values in spectra.items():
        squares = np.square(values).mean(axis=1)
        scale = float(np.sqrt(squares.mean()))
        if not scale > 0:
            raise ValueError(f"noise must not vanish, got only zeros at batch size {size}")
        error = float(squares.std(ddof=1) / np.sqrt(len(squares)) / (2 * scale))
        rows.append({"batch_size": size, "batches": len(squares), "scale": scale, "standard_error": error})
    scales = pd.DataFrame(rows)
    s = scales.scale.to_numpy()
    line = fit_line(
        np.log(scales.batch_size.to_numpy(float)), np.log(s), scales.standard_error.to_numpy() / s,
        scales.batches.to_numpy(),
    )  # fmt: skip
    logs = line.intercept
    value, low, high = (float(np.exp(number)) for number in (logs.value, logs.low, logs.high))
    return NoiseFit(
        scales,
        line.slope,
        Estimate(value, value * logs.standard_error, low, high, logs.degrees_of_freedom),
        line.p_value,
    )


def semicircle_test(noise: ArrayLike, *, replicates: int = 99, seed: int = 0) -> pd.Series:
    """Test whether the eigenvalues of noise follow a semicircle.

    Args:
        noise: (batches, P), eigenvalues of H_b - A of one batch size.
        replicates: simulated sets of as many GOE spectra.
        seed: of the simulation.

    Returns:
        fourth_moment: mean of lambda^4 over the squared mean of lambda^2, 2 for a semicircle; distance: the largest
        distance of the cumulative laws (Kolmogorov and Smirnov), of the semicircle of the same mean square; p_value of
        the distance; outside: share of eigenvalues beyond 2.1 s on either side; batches, dimension, replicates.

    Raises:
        ValueError: if the eigenvalues are too few or not finite, or all zero.

    Source:
        arXiv:2205.08601; E. P. Wigner, Ann. Math. 62 (1955) 548.

    >>> rng = np.random.default_rng(1)
    >>> bool(semicircle_test([GOE.spectrum(60, rng) for _ in range(4)]).p_value > 0.05)
    True
    """
    values = checked_spectra(noise, least=10)
    if values.ndim != 2 or not values.any():
        raise ValueError(f"noise must be (batches, P) and not all zero, got shape {values.shape}")
    batches, dimension = values.shape
    null = _null_distances(batches, dimension, replicates, seed)
    distance, scale = _distance(values)
    return pd.Series(
        {
            "fourth_moment": float((values**4).mean() / scale**4),
            "distance": distance,
            "p_value": (1 + int((null >= distance).sum())) / (1 + replicates),
            "outside": float((np.abs(values) > 2.1 * scale).mean()),
            "batches": batches,
            "dimension": dimension,
            "replicates": replicates,
        }
    )


@lru_cache(maxsize=8)
def _null_distances(batches: int, dimension: int, replicates: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    drawn = (np.stack([GOE.spectrum(dimension, rng) for _ in range(batches)]) for _ in range(replicates))
    return np.array([_distance(spectra)[0] for spectra in drawn])


def _distance(values: Array) -> tuple[float, float]:
    scale = float(np.sqrt(np.square(values).mean()))
    levels = np.sort(values.ravel())
    law = Semicircle(scale).cdf(levels)
    steps = np.arange(len(levels) + 1) / len(levels)
    return float(max((steps[1:] - law).max(), (law - steps[:-1]).max())), scale


def checked_batches(spectra: Mapping[int, ArrayLike]) -> dict[int, Array]:
    """Return spectra of batches as float64, by increasing batch size.

    Args:
        spectra: by batch size, (batches, P).

    Returns:
        The same, each spectrum in increasing order.

    Raises:
        ValueError: if there are fewer than two sizes or four batches, or shapes and values do not fit.

    >>> checked_batches({4: [[0.0, 1.0]] * 4})
    Traceback (most recent call last):
        ...
    ValueError: spectra must be of at least 2 batch sizes, got 1
    """
    if len(spectra) < 2:
        raise ValueError(f"spectra must be of at least 2 batch sizes, got {len(spectra)}")
    found = {}
    for size in sorted(spectra):
        if size < 1:
            raise ValueError(f"batch sizes must be at least 1, got {size}")
        values = checked_spectra(spectra[size], least=2)
        if values.ndim != 2 or len(values) < LEAST_BATCHES:
            raise ValueError(
                f"spectra must be (batches, P) of at least {LEAST_BATCHES} batches, got shape {values.shape} at batch "
                f"size {size}"
            )
        found[size] = values
    if len({values.shape[1] for values in found.values()}) > 1:
        raise ValueError("spectra must be of one dimension P, got several")
    return found
