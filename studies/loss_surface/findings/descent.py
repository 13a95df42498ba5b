"""Steps of preconditioned descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number, with_error
from ..questions import STEP, spike


@dataclass(frozen=True)
class Descent:
    """Steps of preconditioned descent along the outliers."""

    heading: ClassVar[str] = "Preconditioned descent"
    template: ClassVar[str] = "loss_surface/descent"

    steps: tuple[dict[str, float], ...]
    verdicts: tuple[Verdict, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Descent:
        """From the table `descent`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        steps = tuple(records(table))
        found = tuple(
            verdicts[
                f"{STEP}, damping {number(step['damping'], '.3g')}", spike(int(step["network"]), int(step["place"]))
            ]
            for step in steps
        )
        return cls(steps, found)

    @property
    def departing(self) -> int:
        """Steps that are not as predicted."""
        return sum(verdict is Verdict.DEPARTS for verdict in self.verdicts)

    @property
    def error(self) -> float:
        """The largest difference of measured from predicted, as a share."""
        return max(abs(step["measured"] / step["predicted"] - 1) for step in self.steps)

    @property
    def effect(self) -> float:
        """The largest effect of the noise that is predicted, as a share of the step."""
        return max(abs(step["predicted"] / step["without_noise"] - 1) for step in self.steps)

    def rows(self) -> list[dict[str, str]]:
        """A row for each outlier and damping."""
        return [
            {
                "network": number(step["network"], ".0f"),
                "outlier": number(-step["place"], ".0f"),
                "damping": number(step["damping"], ".3g"),
                "e": number(step["effective_damping"], ".3g"),
                "step": with_error(step["measured"], step["standard_error"]),
                "1/(θ + e)": number(step["predicted"], ".3g"),
                "1/(θ + damping)": number(step["without_noise"], ".3g"),
                "verdict": verdict.value,
            }
            for step, verdict in zip(self.steps, self.verdicts, strict=True)
        ]
