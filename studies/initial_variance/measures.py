"""What trained ensembles tell: the growth of the weights layer by layer, and how well the networks learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import ttest_1samp

from ...training import EnsembleConfig
from ...training.initialisation import Initialisation
from ...training.pilot import mean_ratio
from .bound import bound_excess
from .design import HE_NORMAL, STATIONARY

METRICS = ("train_loss", "test_accuracy")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One ensemble.

    Args:
        name: among those of the study.
        scales: variance of the initial weights of each layer in units of He-normal.
        epochs: of the snapshots.
        squares: (layer, epoch, network), squared norms of the weights.
        sizes: number of weights of each layer.
        metrics: (epoch, network) of each of `METRICS`.
    """

    name: str
    scales: tuple[float, ...]
    epochs: Array
    squares: Array
    sizes: tuple[int, ...]
    metrics: Mapping[str, Array]

    @classmethod
    def of(cls, name: str, ensemble: xr.Dataset, drawn: EnsembleConfig, advance: Callable[[], None]) -> Measured:
        """Read an ensemble.

        Args:
            name: of the ensemble.
            ensemble: with all layers stored.
            drawn: its configuration, with the variances that the weights were drawn with.
            advance: called after each layer.

        Returns:
            The measurement.
        """
        squares, scales = [], []
        he_normal = Initialisation.parse("he-normal")
        for layer, shape in enumerate(drawn.shapes):
            weights = ensemble[f"weight_{layer}"]
            states = [np.square(weights.isel(epoch=k).values, dtype=np.float64) for k in range(weights.sizes["epoch"])]
            squares.append([state.sum(axis=(1, 2)) for state in states])
            law = Initialisation.parse(drawn.initialisation, layer)
            scales.append(law.moments(shape)[0] / he_normal.moments(shape)[0])
            advance()
        metrics = {metric: ensemble[metric].values.T.astype(float) for metric in METRICS}
        sizes = tuple(rows * columns for rows, columns in drawn.shapes)
        return cls(name, tuple(scales), ensemble.epoch.values.astype(float), np.array(squares), sizes, metrics)

    @property
    def scale(self) -> float:
        """The scale of all layers; NaN where each has its own."""
        return self.scales[0] if self.name != STATIONARY else float("nan")


def ratio_table(measured: Mapping[str, Measured]) -> pd.DataFrame:
    """Tabulate how training changes the weights.

    Args:
        measured: name -> ensemble.

    Returns:
        Columns name, layer, scale (initial variance over He-normal's), epoch, networks, ratio (r: mean square weight
        over that at the start), standard_error, growth (of the squared norm), growth_standard_error, excess (of the
        bound over its smallest value, in units of the temperature).
    """
    rows = []
    for name, own in measured.items():
        for layer, size in enumerate(own.sizes):
            start = own.squares[layer, 0]
            for place, epoch in enumerate(own.epochs):
                end = own.squares[layer, place]
                alive = np.isfinite(end)
                ratio, error = mean_ratio(start[alive], end[alive]) if alive.any() else (np.nan, np.nan)
                growth, growth_error = _mean(end[alive] - start[alive])
                rows.append(
                    {
                        "name": name,
                        "layer": layer,
                        "scale": own.scales[layer],
                        "epoch": epoch,
                        "networks": int(alive.sum()),
                        "ratio": float(ratio),
                        "standard_error": float(error),
                        "growth": growth,
                        "growth_standard_error": growth_error,
                        "excess": float(bound_excess(float(ratio), size)),
                    }
                )
    return pd.DataFrame(rows)


def performance_table(measured: Mapping[str, Measured]) -> pd.DataFrame:
    """Tabulate how well networks learn, also in pairs with those from He-normal of the same random numbers.

    Args:
        measured: name -> ensemble.

    Returns:
        Columns name, scale, epoch, metric, networks, mean, standard_error, difference (from He-normal, mean over
        pairs), difference_standard_error, better (share of pairs in which it is better than He-normal), p_value
        (Student's t of the pairs). Networks whose loss is not finite are left out, with their partners.
    """
    rows = []
    for name, own in measured.items():
        for metric in METRICS:
            sign = -1 if metric.endswith("loss") else 1
            for place, epoch in enumerate(own.epochs):
                values, other = own.metrics[metric][place], measured[HE_NORMAL].metrics[metric][place]
                value, error = _mean(values[np.isfinite(values)])
                pairs = values - other
                pairs = pairs[np.isfinite(pairs)]
                difference, difference_error = _mean(pairs)
                rows.append(
                    {
                        "name": name,
                        "scale": own.scale,
                        "epoch": epoch,
                        "metric": metric,
                        "networks": int(np.isfinite(values).sum()),
                        "mean": value,
                        "standard_error": error,
                        "difference": difference,
                        "difference_standard_error": difference_error,
                        "better": float((sign * pairs > 0).mean()) if len(pairs) else float("nan"),
                        "p_value": paired_p_value(pairs),
                    }
                )
    return pd.DataFrame(rows)


def paired_p_value(differences: Array) -> float:
    """Test whether differences of pairs have mean zero, by Student's t, two-sided.

    Args:
        differences: (pairs,).

    Returns:
        The p-value; NaN where there are fewer than two, or all are equal.

    >>> round(paired_p_value(np.array([1.0, 2.0, 3.0])), 4), paired_p_value(np.array([1.0, 1.0]))
    (0.0742, nan)
    """
    if len(differences) < 2 or not np.ptp(differences):
        return float("nan")
    return float(ttest_1samp(differences, 0.0).pvalue)


def _mean(values: Array) -> tuple[float, float]:
    """The mean and its standard error; NaN where there are too few."""
    if len(values) < 2:
        return (float(values[0]) if len(values) else float("nan")), float("nan")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
