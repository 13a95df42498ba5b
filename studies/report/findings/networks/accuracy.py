"""The accuracy of the networks at the end of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.network_subsets import ALL, TRAINED
from ....analysis.selection import at_last_epoch, records, where


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of the test accuracy over some networks."""

    networks: int
    mean: float
    standard_deviation: float


@dataclass(frozen=True)
class Accuracy:
    """Test accuracy at the last epoch.

    Args:
        epoch: the last.
        everyone: all networks.
        learnt: without the untrained ones; None if there are none.
    """

    heading: ClassVar[str] = "Accuracy"
    template: ClassVar[str] = "accuracy"

    epoch: float
    everyone: Spread
    learnt: Spread | None

    @classmethod
    def of(cls, training: pd.DataFrame) -> Accuracy:
        """Read the table of losses and accuracies.

        Args:
            training: of `analyse`.

        Returns:
            The record.

        >>> row = {"metric": "test_accuracy", "epoch": 1.0, "networks": 12, "mean": 0.9, "standard_deviation": 0.01}
        >>> Accuracy.of(pd.DataFrame([{**row, "subset": name} for name in ("all", "trained")])).learnt
        """
        last = at_last_epoch(where(training, metric="test_accuracy"))
        everyone, learnt = (
            [
                Spread(int(row["networks"]), row["mean"], row["standard_deviation"])
                for row in records(where(last, subset=name))
            ]
            for name in (ALL, TRAINED)
        )
        fewer = bool(learnt) and learnt[0].networks < everyone[0].networks
        return cls(float(last.epoch.iloc[0]), everyone[0], learnt[0] if fewer else None)

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
