"""Preconditioned descent under noise: the step along a spike, measured and predicted by the local law."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..checks import checked_positive, checked_spectra
from ..laws.empirical import EmpiricalLaw
from ..laws.law import effective_damping


def descent_steps(
    eigenvalues: ArrayLike, overlaps: ArrayLike, theta: float, damping: float, noise: ArrayLike
) -> pd.Series:
    """Compare the step that (H + damping)^-1 makes along a spike with the prediction 1 / (theta + e).

    Args:
        eigenvalues: (batches, P) of batch Hessians, in increasing order.
        overlaps: (batches, P), squared overlaps of their eigenvectors with the unit vector of the spike.
        theta: the spike, its eigenvalue without noise.
        damping: positive, such that no eigenvalue is below its negative.
        noise: eigenvalues of the noise alone, any shape; e = 1 / <1 / (lambda + damping)> is their mean. Those of the
            bulk of the batch Hessians serve.

    Returns:
        measured: mean over the batches of q^T (H + damping)^-1 q; standard_error of it; predicted: 1 / (theta + e);
        without_noise: 1 / (theta + damping); effective_damping: e; damping; theta.

    Raises:
        ValueError: if shapes do not fit, there are fewer than 2 batches, overlaps do not add up to one, or an
            eigenvalue is at or below -damping.

    Source:
        arXiv:2205.08601.

    >>> steps = descent_steps([[0.0, 3.0]] * 2, [[0.0, 1.0]] * 2, 3.0, 1.0, [0.0, 0.0])
    >>> float(steps.measured), float(steps.predicted)
    (0.25, 0.25)
    """
    values, squares = checked_spectra(eigenvalues, least=2), np.asarray(overlaps, dtype=np.float64)
    checked_positive("damping", damping)
    if values.ndim != 2 or len(values) < 2 or squares.shape != values.shape:
        raise ValueError(
            f"eigenvalues and overlaps must be (batches, P) of at least 2 batches, got shapes {values.shape} and "
            f"{squares.shape}"
        )
    sums = squares.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-6):
        raise ValueError(
            f"overlaps must add up to one for each batch, got sums from {sums.min():.6g} to {sums.max():.6g}"
        )
    law = EmpiricalLaw(np.ravel(noise))
    smallest = min(values.min(), law.support[0])
    if smallest + damping <= 0:
        raise ValueError(f"damping must be above {-smallest:g}, the negative of the smallest eigenvalue, got {damping}")
    steps = (squares / (values + damping)).sum(axis=1)
    effective = float(effective_damping(law, damping))
    return pd.Series(
        {
            "theta": theta,
            "damping": damping,
            "effective_damping": effective,
            "measured": float(steps.mean()),
            "standard_error": float(steps.std(ddof=1) / np.sqrt(len(steps))),
            "predicted": 1 / (theta + effective),
            "without_noise": 1 / (theta + damping),
        }
    )
