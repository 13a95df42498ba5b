"""Are the eigenvalues as rigid as those of a random matrix, over several spacings?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....spectra import GOE, POISSON
from ...analysis.selection import records, where
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number, with_error
from ...notation.p_values import p_text
from ..number_variance import JUDGED
from ..questions import COUNTS, cell


@dataclass(frozen=True)
class NumberVariance:
    """Whether the eigenvalues are as rigid as those of a random matrix, over several spacings."""

    heading: ClassVar[str] = "Number variance"
    template: ClassVar[str] = "loss_surface/number_variance"

    judged: ClassVar[float] = JUDGED

    table: pd.DataFrame
    verdicts: dict[str, Verdict]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> NumberVariance:
        """From the table `number_variance`.

        Args:
            table: as `number_variances` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        subjects = dict.fromkeys(cell(row["epoch"], row["data"]) for row in records(table))
        return cls(table, {subject: verdicts[COUNTS, subject] for subject in subjects})

    @property
    def departing(self) -> list[str]:
        """Where the number variance is not that of GOE."""
        return [subject for subject, verdict in self.verdicts.items() if verdict is Verdict.DEPARTS]

    def at_judged(self, ensemble: str) -> pd.DataFrame:
        """The rows of one ensemble at the length that is judged.

        Args:
            ensemble: its name.

        Returns:
            A row for each epoch and part of the data.
        """
        return where(self.table, ensemble=ensemble, length=JUDGED)

    def rows(self) -> list[dict[str, str]]:
        """A row for each epoch, part of the data and length."""
        of_goe = records(where(self.table, ensemble=GOE.name))
        independent = records(where(self.table, ensemble=POISSON.name))
        return [
            {
                "batch Hessians": cell(row["epoch"], row["data"]),
                "length": number(row["length"], "g"),
                "number variance": with_error(row["number_variance"], row["standard_error"]),
                "GOE": number(row["expected"], ".3f"),
                "independent levels": number(other["expected"], ".3f"),
                "p (GOE)": p_text(row["p_value"]),
                "verdict": self.verdicts[cell(row["epoch"], row["data"])].value if row["length"] == JUDGED else "",
            }
            for row, other in zip(of_goe, independent, strict=True)
        ]
