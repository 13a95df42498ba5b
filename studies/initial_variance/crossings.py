"""c*: the scale of the initial variance at which training leaves the mean square weight of a layer as it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .design import SCALES, scale_name
from .measures import Measured

DRAWS = 999

Array = NDArray[np.float64]


def crossing(log_scales: Array, log_ratios: Array) -> float:
    """Find where r falls through 1, by linear interpolation of ln r.

    Args:
        log_scales: (points,), increasing.
        log_ratios: (points,), ln r; points that are not finite are left out.

    Returns:
        The logarithm of the scale of the first such place; NaN if there is none.

    >>> crossing(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.25, -0.25])), crossing(np.zeros(1), np.ones(1))
    (1.5, nan)
    """
    finite = np.isfinite(log_ratios)
    x, y = log_scales[finite], log_ratios[finite]
    falls = np.flatnonzero((y[:-1] > 0) & (y[1:] <= 0))
    if not len(falls):
        return float("nan")
    k = falls[0]
    return float(x[k] + (x[k + 1] - x[k]) * y[k] / (y[k] - y[k + 1]))


def crossing_table(measured: Mapping[str, Measured], seed: int = 0) -> pd.DataFrame:
    """Find c* of each layer after each snapshot, with intervals from resampled networks.

    Args:
        measured: name -> ensemble, of every scale.
        seed: of the resampling.

    Returns:
        Columns layer, epoch, c_star (NaN where r does not fall through 1 within the scales), low, high (95%), found
        (share of the resampled ensembles with a crossing). A network is resampled with all its scales.
    """
    ensembles = [measured[scale_name(scale)] for scale in SCALES]
    log_scales = np.log(np.array(SCALES))
    # (scale, layer, epoch, network); the norms of diverged networks are not finite
    squares = np.stack([own.squares for own in ensembles])
    count = squares.shape[-1]
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).T.astype(float)
    rows = []
    for layer in range(squares.shape[1]):
        start = squares[:, layer, 0]
        for place, epoch in enumerate(ensembles[0].epochs):
            if place == 0:
                continue
            end = squares[:, layer, place]
            log_ratios = np.log(end.mean(axis=1) / start.mean(axis=1))
            drawn = np.log((end @ weights) / (start @ weights))
            found = np.array([crossing(log_scales, drawn[:, draw]) for draw in range(DRAWS)])
            known = np.exp(found[np.isfinite(found)])
            low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
            rows.append(
                {
                    "layer": layer,
                    "epoch": epoch,
                    "c_star": float(np.exp(crossing(log_scales, log_ratios))),
                    "low": float(low),
                    "high": float(high),
                    "found": len(known) / DRAWS,
                }
            )
    return pd.DataFrame(rows)
