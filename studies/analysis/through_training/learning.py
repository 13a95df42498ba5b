"""Loss and accuracy over the ensemble by epoch, and those of each network at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from ....training import untrained

METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def learning_table(ensemble: xr.Dataset, masks: Mapping[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """Mean and spread of losses and accuracies over the networks, a row for each metric, epoch and subset.

    Columns: metric, epoch, subset, networks, mean, standard_deviation, q05, q25, median, q75, q95.

    >>> metrics = {name: (("network", "epoch"), np.full((2, 1), 0.5)) for name in METRICS}
    >>> ensemble = xr.Dataset(metrics, coords={"epoch": [0.0]})
    >>> learning_table(ensemble, {"all": np.ones(2, bool)})[["metric", "networks", "mean"]].values.tolist()[0]
    ['train_loss', 2, 0.5]
    """
    rows = []
    for metric in METRICS:
        values = ensemble[metric].to_numpy().astype(np.float64)
        for place, epoch in enumerate(ensemble.epoch.to_numpy()):
            for subset, mask in masks.items():
                chosen = values[mask, place]
                if len(chosen):
                    rows.append({"metric": metric, "epoch": epoch, "subset": subset, **_summary(chosen)})
    return pd.DataFrame(rows)


def network_table(ensemble: xr.Dataset) -> pd.DataFrame:
    """A row for each network: its final losses and accuracies, and whether it counts as untrained.

    >>> metrics = {name: (("network", "epoch"), [[0.1], [0.9]]) for name in METRICS}
    >>> network_table(xr.Dataset(metrics, coords={"network": [0, 1]})).untrained.tolist()
    [True, False]
    """
    final = ensemble[list(METRICS)].isel(epoch=-1)
    columns = {name: final[name].to_numpy() for name in METRICS}
    return pd.DataFrame(
        {"network": ensemble.network.to_numpy(), **columns, "untrained": untrained(ensemble).to_numpy()}
    )


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        "networks": len(values),
        "mean": float(values.mean()),
        "standard_deviation": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
        **{name: float(np.quantile(values, level)) for name, level in QUANTILES.items()},
    }
