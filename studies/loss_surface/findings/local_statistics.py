"""Do neighbouring eigenvalues repel each other as those of a random matrix?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....spectra import GOE
from ...analysis.selection import records, where
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number, with_error
from ..questions import cell, ratios_of


@dataclass(frozen=True)
class Ratios:
    """Ratios of spacings of one epoch and part of the data."""

    subject: str
    mean: float
    expected: float
    error: float
    zeros: float
    parameters: int
    verdicts: dict[str, Verdict]


@dataclass(frozen=True)
class LocalStatistics:
    """Whether neighbouring eigenvalues repel each other as those of a random matrix."""

    heading: ClassVar[str] = "Local statistics"
    template: ClassVar[str] = "loss_surface/local_statistics"

    cells: tuple[Ratios, ...]
    networks: int
    smallest: float
    largest: float

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> LocalStatistics:
        """From the table `local`.

        Args:
            table: as `local_statistics` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        cells = []
        for row in records(where(table, ensemble=GOE.name)):
            subject = cell(row["epoch"], row["data"])
            names = where(table, epoch=row["epoch"], data=row["data"]).ensemble
            cells.append(
                Ratios(
                    subject,
                    row["mean_ratio"],
                    row["expected"],
                    row["standard_error"],
                    row["zeros"],
                    row["parameters"],
                    {name: verdicts[ratios_of(name), subject] for name in names},
                )
            )
        means = [own.mean for own in cells]
        return cls(tuple(cells), int(table.networks.iloc[0]), min(means), max(means))

    def departing(self, ensemble: str) -> list[str]:
        """Where the ratios are not those of an ensemble.

        Args:
            ensemble: its name.

        Returns:
            The subjects.
        """
        return [own.subject for own in self.cells if own.verdicts[ensemble] is Verdict.DEPARTS]

    def rows(self) -> list[dict[str, str]]:
        """A row for each epoch and part of the data."""
        return [
            {
                "batch Hessians": own.subject,
                "mean ratio": with_error(own.mean, own.error),
                "GOE of this size": number(own.expected, ".4f"),
                "zeros": f"{number(own.zeros, '.0f')} of {own.parameters}",
                **{name: verdict.value for name, verdict in own.verdicts.items()},
            }
            for own in self.cells
        ]
