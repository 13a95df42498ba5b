"""What a page asks of each initial variance, and by which test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..analysis.selection import at_last_epoch, records, where
from ..analysis.verdicts import Test
from .design import HE_NORMAL, STATIONARY

Tables = Mapping[str, pd.DataFrame]

LOSS = "the final training loss is that of He-normal"
ACCURACY = "the final test accuracy is that of He-normal"
QUESTIONS = {"train_loss": LOSS, "test_accuracy": ACCURACY}


def initial_variance_tests(performance: pd.DataFrame) -> list[Test]:
    """The tests of a page: every variance against He-normal, at the end of training, in pairs.

    Args:
        performance: of `performance_table`.

    Returns:
        Tests whose subject is the name of an ensemble.
    """
    last = at_last_epoch(performance)
    return [
        Test(QUESTIONS[row["metric"]], row["name"], float(row["p_value"]))
        for row in records(last[last.name != HE_NORMAL])
    ]


def best_scale(performance: pd.DataFrame, metric: str) -> dict[str, Any]:
    """The row of the scale whose networks are best at the end of training.

    Args:
        performance: of `performance_table`.
        metric: train_loss or test_accuracy.

    Returns:
        The row, by column; the ensemble of the pilot run is left out.

    >>> row = {"epoch": 1.0, "metric": "train_loss"}
    >>> table = pd.DataFrame([{**row, "name": "c-1", "mean": 0.5}, {**row, "name": "c-2", "mean": 0.4}])
    >>> best_scale(table, "train_loss")["name"]
    'c-2'
    """
    rows = records(where(at_last_epoch(performance[performance.name != STATIONARY]), metric=metric))
    sign = 1 if metric == "train_loss" else -1
    return min(rows, key=lambda row: sign * row["mean"] if row["mean"] == row["mean"] else float("inf"))
