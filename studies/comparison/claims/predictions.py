"""Finding of the paper: the general model's predictions of higher invariants stay good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.network_subsets import TRAINED
from ...analysis.selection import at_last_epoch
from ...analysis.through_training.published_invariants import papers_choice
from ...analysis.verdicts import Verdict, departures
from ...report.claims import Agreement
from ..questions import END_GAUSSIAN, Found, ends
from ..runs import FinishedRun
from .higher_invariants import Deviations
from .largest_z import LargestZ


@dataclass(frozen=True)
class Predictions:
    """The higher invariants at the last epoch. Agrees if chance explains all, in part if they are good on our scale.

    Args:
        higher: the largest |z|.
        departing: how many of them depart.
        deviations: of all of them.
        scale: how good the 39 of the paper are on its scale.
        gaussian: whether the higher invariants depart.
        untrained: how many networks did not learn.
        learnt: largest |z| and median deviation without them; None if all learnt, or too few for a fit.
    """

    title: ClassVar[str] = "the general model's predictions of higher invariants stay good"
    template: ClassVar[str] = "predictions"

    higher: LargestZ
    departing: int
    deviations: Deviations
    scale: Agreement
    gaussian: Verdict
    untrained: int
    learnt: tuple[float, float] | None

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> Predictions:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        _, last = ends(layer["comparison"])
        untrained = int(run.tables["networks"].untrained.sum())
        learnt = at_last_epoch(run.table("comparison", int(last.layer.iloc[0]), TRAINED)) if untrained else last[:0]
        return cls(
            LargestZ.of(layer, last),
            int(departures(last).sum()),
            Deviations.of(last),
            Deviations.of(papers_choice(last)).scale,
            found.get(END_GAUSSIAN, Verdict.OPEN),
            untrained,
            (learnt.z.abs().max(), learnt.deviation.median()) if len(learnt) else None,
        )

    @property
    def verdict(self) -> Agreement:
        """Differs if they depart and are not good on the paper's scale either."""
        if self.gaussian is Verdict.DEPARTS:
            return Agreement.DIFFERS if self.scale is Agreement.DIFFERS else Agreement.PARTLY
        return Agreement.AGREES if self.gaussian is Verdict.NO_DEPARTURE else Agreement.OPEN
