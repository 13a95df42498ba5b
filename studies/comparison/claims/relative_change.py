"""Quantity (3) of the paper: relative change of the deviations of quantity (2) through training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.through_training.published_invariants import papers_choice, relative_changes
from ...report.claims import Agreement
from ..questions import Found
from ..runs import FinishedRun


@dataclass(frozen=True)
class RelativeChange:
    """Relative change of the deviations of the 39 invariants. The paper claims no number, so there is no verdict.

    Args:
        median: of the changes.
        above: how many are above 0.
        invariants: how many there are.
        uniform: whether the weights begin uniform.
    """

    title: ClassVar[str] = "quantity (3): relative change of (2), (final − initial)/(final + initial)"
    template: ClassVar[str] = "relative_change"
    verdict: ClassVar[Agreement] = Agreement.OPEN

    median: float
    above: int
    invariants: int
    uniform: bool

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> RelativeChange:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        change = relative_changes(papers_choice(layer["comparison"])).dropna()
        return cls(change.median(), int((change > 0).sum()), len(change), "uniform" in run.config.initialisation)
