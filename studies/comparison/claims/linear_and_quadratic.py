"""Quantity (1) of the paper: deviations of the linear and quadratic invariants from their values at initialisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.verdicts import Verdict
from ...report.claims import Agreement
from ..questions import END_INVARIANTS, START_INVARIANTS, Found, ends
from ..runs import FinishedRun


@dataclass(frozen=True)
class LinearAndQuadratic:
    """Deviations of the 13 from initialisation, in standard errors. Agrees if only those at the end depart.

    Args:
        first, last: epochs.
        largest: deviation at the first and at the last epoch.
        published: the same with the standard errors of the published code.
        above_two: how many deviations are above 2 at the last epoch.
        invariants: how many there are.
        start, end: whether they depart at the first and at the last epoch.
    """

    title: ClassVar[str] = "quantity (1): the 13 linear and quadratic invariants leave their values at initialisation"
    template: ClassVar[str] = "linear_and_quadratic"

    first: float
    last: float
    largest: tuple[float, float]
    published: tuple[float, float]
    above_two: int
    invariants: int
    start: Verdict
    end: Verdict

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> LinearAndQuadratic:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        first, last = ends(layer["initialisation"])
        return cls(
            first.epoch.iloc[0],
            last.epoch.iloc[0],
            (first.deviation.max(), last.deviation.max()),
            (first.published_deviation.max(), last.published_deviation.max()),
            int((last.deviation > 2).sum()),
            len(last),
            found.get(START_INVARIANTS, Verdict.OPEN),
            found.get(END_INVARIANTS, Verdict.OPEN),
        )

    @property
    def verdict(self) -> Agreement:
        """Agrees if chance explains the largest deviation at first and not at the end."""
        leaves = self.start is not Verdict.DEPARTS and self.end is Verdict.DEPARTS
        return Agreement.AGREES if leaves else Agreement.DIFFERS
