"""Finding of the paper: training brings correlations that need the general model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.layers.layer import Tables
from ...analysis.selection import at_last_epoch
from ...analysis.verdicts import Verdict
from ...paper.size import reductions
from ...report.claims import Agreement
from ..questions import FIVE, INDEPENDENT, Found
from ..runs import FinishedRun


@dataclass(frozen=True)
class GeneralModel:
    """Wald tests of simpler models against the 13 parameters at the last epoch. Agrees if both are rejected.

    Args:
        p_independent: of independent entries of one law; NaN if there are too few networks.
        p_five: of the five parameters that independent permutations of rows and columns leave.
        independent, five: whether these models are rejected.
        smaller: how the run is smaller than those of the paper.
    """

    title: ClassVar[str] = "training brings correlations that need the general model"
    template: ClassVar[str] = "general_model"

    p_independent: float
    p_five: float
    independent: Verdict
    five: Verdict
    smaller: tuple[str, ...]

    @classmethod
    def of(cls, run: FinishedRun, layer: Tables, found: Found) -> GeneralModel:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its tables.
            found: verdicts on the layer, by question.

        Returns:
            The record.
        """
        wald = at_last_epoch(layer["nested_models"]).set_index("symmetry").p_wald
        return cls(
            float(wald["iid"]),
            float(wald["S_N x S_N"]),
            found.get(INDEPENDENT, Verdict.OPEN),
            found.get(FIVE, Verdict.OPEN),
            tuple(reductions(run.config)),
        )

    @property
    def untested(self) -> bool:
        """Whether there are too few networks for a Wald test."""
        return self.p_independent != self.p_independent or self.p_five != self.p_five

    @property
    def verdict(self) -> Agreement:
        """Agrees if both are rejected, in part if only independent entries are.

        If not even these are rejected, a run smaller than the paper's decides nothing.
        """
        if self.untested:
            return Agreement.OPEN
        if self.independent is not Verdict.DEPARTS:
            return Agreement.OPEN if self.smaller else Agreement.DIFFERS
        return Agreement.AGREES if self.five is Verdict.DEPARTS else Agreement.PARTLY
