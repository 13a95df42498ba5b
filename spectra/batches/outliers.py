"""Outliers of batch Hessians as functions of the batch size: theta + s(b)^2 / theta is linear in 1/b."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..checks import checked_spectra
from .line import fit_line
from .noise import checked_batches


def fit_outliers(
    spectra: Mapping[int, ArrayLike],
    places: Sequence[int] = (-1,),
    *,
    first_order: Mapping[int, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Fit the outliers of batch Hessians as lines in 1/b, theta + slope / b.

    For a spike theta in free noise of a semicircle the slope is b s(b)^2 / theta, so that slope times theta is the same
    for every outlier.

    Args:
        spectra: by batch size, (batches, P), eigenvalues of the batch Hessians; at least two sizes of 4 batches.
        places: of the outliers in increasing order, as Python counts: -1 the largest, 0 the smallest.
        first_order: by batch size, (batches, places), q^T (H_b - A) q with q the eigenvector of A at each place. Their
            mean is zero where A is the mean of H_b, so taking them off only makes the means more precise.

    Returns:
        A row an outlier: place, theta, theta_low, theta_high, slope, slope_low, slope_high, slope_error,
        slope_degrees_of_freedom, p_value of the departures from the line, noise_variance (slope times theta, which
        estimates b s^2), noise_variance_error.

    Raises:
        ValueError: if there are too few sizes or batches, a place is beyond the spectrum, or
            first_order has other shapes.

    Source:
        arXiv:2205.08601.

    >>> spectra = {b: [[0.0, 5 + 0.2 * k / b + 2 / b] for k in range(-3, 4)] for b in (2, 4, 8)}
    >>> fit_outliers(spectra)[["theta", "slope"]].round(3).values.tolist()
    [[5.0, 2.0]]
    """
    batches = checked_batches(spectra)
    dimension = next(iter(batches.values())).shape[1]
    inverse = 1 / np.array(list(batches), dtype=np.float64)
    draws = np.array([len(values) for values in batches.values()])
    shifts = {size: np.zeros((len(values), len(places))) for size, values in batches.items()}
    for size, shift in (first_order or {}).items():
        if size not in shifts or np.shape(shift) != shifts[size].shape:
            raise ValueError(
                f"first_order must be (batches, places) for each batch size, got shape {np.shape(shift)} at {size}"
            )
        shifts[size] = np.asarray(shift, dtype=np.float64)
    rows = []
    for column, place in enumerate(places):
        if not -dimension <= place < dimension:
            raise ValueError(f"places must be below {dimension} in absolute value, got {place}")
        found = [values[:, place] - shifts[size][:, column] for size, values in batches.items()]
        means = np.array([values.mean() for values in found])
        errors = np.array([values.std(ddof=1) for values in found]) / np.sqrt(draws)
        if not (errors > 0).all():
            raise ValueError(f"spectra must vary from batch to batch, got the same eigenvalue at place {place}")
        line = fit_line(inverse, means, errors, draws)
        theta, slope = line.intercept, line.slope
        rows.append(
            {
                "place": place,
                "theta": theta.value,
                "theta_low": theta.low,
                "theta_high": theta.high,
                "slope": slope.value,
                "slope_low": slope.low,
                "slope_high": slope.high,
                "slope_error": slope.standard_error,
                "slope_degrees_of_freedom": slope.degrees_of_freedom,
                "p_value": line.p_value,
                "noise_variance": slope.value * theta.value,
                "noise_variance_error": slope.standard_error * abs(theta.value),
            }
        )
    return pd.DataFrame(rows)


def slope_of_coupled_noise(eigenvalues: ArrayLike, couplings: ArrayLike, place: int) -> float:
    """Return the slope in 1/b of an eigenvalue under noise of any kind, to second order in the noise.

    It is the sum over the other eigenvectors q_j of b E[(q_j^T N q)^2] / (theta - lambda_j). Noise that prefers no
    direction has b s^2 / P in each numerator.

    Args:
        eigenvalues: (P,) of A, in increasing order.
        couplings: (P,), b E[(q_j^T N q)^2] for the noise N = H_b - A and the eigenvector q at the place.
        place: of q.

    Returns:
        The slope.

    Source:
        Second-order perturbation theory: T. Kato, Perturbation Theory for Linear Operators (1966), chapter 2.

    >>> slope_of_coupled_noise([0.0, 2.0], [1.0, 7.0], -1)
    0.5
    """
    values = checked_spectra(eigenvalues, least=2)
    coupled = np.asarray(couplings, dtype=np.float64)
    if values.ndim != 1 or coupled.shape != values.shape:
        raise ValueError(f"couplings must be one an eigenvalue, got shapes {coupled.shape} and {values.shape}")
    others = np.delete(np.arange(len(values)), place)
    return float((coupled[others] / (values[place] - values[others])).sum())
