"""Quantity (2) of the paper: deviations of the 39 higher invariants from the predictions of the fitted model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.layers.layer import Tables
from ...analysis.selection import at_last_epoch
from ...analysis.through_training.published_invariants import papers_choice
from ...report.claims import Agreement
from ..questions import Found, ends
from ..runs import FinishedRun
from .claim import GOOD


@dataclass(frozen=True)
class Deviations:
    """Deviations of some invariants at one epoch, in standard deviations of one network's value."""

    epoch: float
    invariants: int
    median: float
    largest: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Deviations:
        """Summarise the rows of one epoch.

        Args:
            rows: of the table of comparisons, with the columns epoch and deviation.

        Returns:
            The record.
        """
        return cls(rows.epoch.iloc[0], len(rows), rows.deviation.median(), rows.deviation.max())

    @property
    def scale(self) -> Agreement:
        """Agrees if all are good on the paper's scale, in part if their median is.

        >>> Deviations(50.0, 39, 0.2, 1.5).scale.value
        'agrees in part'
        """
        if self.largest < GOOD:
            return Agreement.AGREES
        return Agreement.PARTLY if self.median < GOOD else Agreement.DIFFERS


@dataclass(frozen=True)
class HigherInvariants:
    """The 39 invariants of the paper at the first and the last epoch. Agrees while all miss by less than one spread.

    Args:
        start, end: of the 39.
        everything: of all cubic and quartic invariants, at the last epoch.
        largest_z: of the 39 at the last epoch, in standard errors of the mean.
    """

    title: ClassVar[str] = "quantity (2): the fitted model predicts the 39 higher invariants through training"
    template: ClassVar[str] = "higher_invariants"

    start: Deviations
    end: Deviations
    everything: Deviations
    largest_z: float

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> HigherInvariants:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        first, last = ends(papers_choice(layer["comparison"]))
        everything = Deviations.of(at_last_epoch(layer["comparison"]))
        return cls(Deviations.of(first), Deviations.of(last), everything, last.z.abs().max())

    @property
    def verdict(self) -> Agreement:
        """The outcome on the scale of the paper."""
        return self.end.scale
