"""Are the eigenvectors of the noise spread over all directions?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number
from ...notation.p_values import p_text
from ..questions import delocalised


@dataclass(frozen=True)
class Delocalisation:
    """Whether the eigenvectors of the noise are spread over all directions."""

    heading: ClassVar[str] = "Eigenvectors of the noise"
    template: ClassVar[str] = "loss_surface/delocalisation"

    tests: tuple[dict[str, object], ...]
    verdicts: tuple[Verdict, ...]
    participation: float

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Delocalisation:
        """From the table `delocalisation`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        tests = tuple(records(table))
        found = tuple(verdicts[delocalised(str(row["direction"])), f"network {row['network']}"] for row in tests)
        return cls(tests, found, float(table.participation.mean()))

    @property
    def departing(self) -> int:
        """Tests that depart."""
        return sum(verdict is Verdict.DEPARTS for verdict in self.verdicts)

    def rows(self) -> list[dict[str, str]]:
        """A row for each network and direction."""
        return [
            {
                "network": str(row["network"]),
                "direction": str(row["direction"]),
                "mean of P |<u, q>|²": number(float(str(row["mean_overlap"])), ".3g"),
                "participation (random: 0.33)": number(float(str(row["participation"])), ".2f"),
                "p": p_text(float(str(row["p_value"]))),
                "verdict": verdict.value,
            }
            for row, verdict in zip(self.tests, self.verdicts, strict=True)
        ]
