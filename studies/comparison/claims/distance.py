"""Quantity (4) of the paper: the Wasserstein distance to initialisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.verdicts import Verdict
from ...report.claims import Agreement
from ..questions import END_PARAMETERS, Found
from ..runs import FinishedRun


@dataclass(frozen=True)
class GrowingDistance:
    """The distance at the first and the last epoch. Agrees if it grows and the parameters leave their initial values.

    Args:
        first, last: epochs.
        start, end: 2-Wasserstein distances to the law at initialisation, in units of a weight.
        rising: in how many steps between stored epochs it grows.
        steps: how many there are.
        by_chance: the central band of nine in ten Gaussian ensembles, at the first epoch.
        parameters: whether they depart from their initial values at the last epoch.
    """

    title: ClassVar[str] = "quantity (4): the Wasserstein distance to initialisation grows through training"
    template: ClassVar[str] = "distance"

    first: float
    last: float
    start: float
    end: float
    rising: int
    steps: int
    by_chance: tuple[float, float]
    parameters: Verdict

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> GrowingDistance:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        table = layer["distances"].sort_values("epoch", kind="stable")
        first, last = table.iloc[0], table.iloc[-1]
        steps = table.wasserstein.diff().dropna()
        return cls(
            first.epoch,
            last.epoch,
            first.wasserstein,
            last.wasserstein,
            int((steps > 0).sum()),
            len(steps),
            (first.null_lower, first.null_upper),
            found.get(END_PARAMETERS, Verdict.OPEN),
        )

    @property
    def verdict(self) -> Agreement:
        """Agrees if the distance is larger at the end, by more than chance explains."""
        grows = self.end > self.start and self.parameters is Verdict.DEPARTS
        return Agreement.AGREES if grows else Agreement.DIFFERS
