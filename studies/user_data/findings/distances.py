"""Distances of an ensemble from simpler laws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.selection import records
from ...notation.number_format import number
from ...notation.p_values import p_text


@dataclass(frozen=True)
class DistanceTest:
    """A distance and its law under the simpler of two laws.

    Args:
        distance: its name.
        between: the two laws.
        value: in units of an entry.
        by_chance: its central band under the simpler law.
        p: of a distance as large by chance.
        smallest: the smallest p-value that the replicates can give.
    """

    distance: str
    between: str
    value: float
    by_chance: tuple[float, float]
    p: float
    smallest: float


@dataclass(frozen=True)
class Distances:
    """All distances of an ensemble, the one in closed form first."""

    heading: ClassVar[str] = "How far are they from simpler?"
    template: ClassVar[str] = "fit/distances"

    tests: tuple[DistanceTest, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Distances:
        """Read the distances of one ensemble.

        Args:
            table: a row a distance.

        Returns:
            The record.

        >>> row = {"distance": "Wasserstein", "between": "fit, iid", "value": 1.0, "p_value": 0.02, "replicates": 499}
        >>> Distances.of(pd.DataFrame([row | {"null_lower": 0.1, "null_upper": 0.4}])).tests[0].smallest
        0.002
        """
        return cls(
            tuple(
                DistanceTest(
                    row["distance"],
                    row["between"],
                    row["value"],
                    (row["null_lower"], row["null_upper"]),
                    row["p_value"],
                    1 / (row["replicates"] + 1),
                )
                for row in records(table)
            )
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a distance."""
        return [
            {
                "distance": own.distance,
                "between": own.between,
                "value": number(own.value, ".3g"),
                "by chance": " to ".join(number(end, ".3g") for end in own.by_chance),
                "p": p_text(own.p, own.smallest),
            }
            for own in self.tests
        ]
