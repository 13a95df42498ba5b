"""The bound on the loss beside the losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scipy.stats import spearmanr

from ...analysis.selection import at_last_epoch, where
from ..design import STATIONARY
from ..questions import QUESTIONS, Tables


@dataclass(frozen=True)
class Bound:
    """The order of the ensembles by the bound, and by what they learnt.

    Args:
        loss: rank correlation of the excess of the bound and the training loss over the scales; 1 if the bound tells.
        accuracy: the same with the error on the test images.
        count: of the scales.
    """

    heading: ClassVar[str] = "The bound and the networks"
    template: ClassVar[str] = "initial_variance/bound"

    loss: float
    accuracy: float
    count: int

    @classmethod
    def of(cls, tables: Tables) -> Bound:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The finding.
        """
        ratios, performance = (at_last_epoch(tables[name]) for name in ("ratios", "performance"))
        excess = ratios[ratios.name != STATIONARY].groupby("name").excess.sum()
        found = []
        for metric in QUESTIONS:
            mean = where(performance, metric=metric).set_index("name")["mean"].reindex(excess.index)
            known = excess.notna() & mean.notna()
            found.append(float(spearmanr(excess[known], mean[known]).statistic))
        return cls(found[0], -found[1], len(excess))

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
