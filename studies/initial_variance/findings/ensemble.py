"""One ensemble beside that of He-normal."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...analysis.selection import at_last_epoch, records, where


@dataclass(frozen=True)
class Ensemble:
    """How the networks of one variance learnt, and how they differ from those from He-normal."""

    name: str
    networks: int
    mean: float
    error: float
    difference: float
    difference_error: float
    better: float

    @classmethod
    def of(cls, performance: pd.DataFrame, metric: str, name: str) -> Ensemble:
        """Read the row of an ensemble at the last epoch.

        Args:
            performance: of `performance_table`.
            metric: of its metrics.
            name: of the ensemble.

        Returns:
            The numbers.
        """
        (row,) = records(at_last_epoch(where(performance, metric=metric, name=name)))
        return cls(
            str(row["name"]),
            int(row["networks"]),
            row["mean"],
            row["standard_error"],
            row["difference"],
            row["difference_standard_error"],
            row["better"],
        )
