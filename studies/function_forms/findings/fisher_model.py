"""The Gaussian model of small Fisher matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...analysis.selection import records
from ...analysis.verdicts import Verdicts
from ...notation.number_format import number
from ..questions import GAUSSIAN, INVARIANT, MOMENTS, Tables
from .departing import departing_sizes


@dataclass(frozen=True)
class FisherModel:
    """The Gaussian model of small Fisher matrices.

    Args:
        table: of `gaussianity`, as rows.
        moments, gaussian, invariant: sizes at which each question departs.
        inside, parameters: exact parameters inside their 95% intervals, and how many there are.
        largest: formula, size and z of the largest departure.
    """

    heading: ClassVar[str] = "The Gaussian model of Fisher matrices"
    template: ClassVar[str] = "function_forms/fisher_model"

    table: tuple[dict[str, Any], ...]
    moments: str
    gaussian: str
    invariant: str
    inside: int
    parameters: int
    largest: tuple[str, int, float]

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> FisherModel:
        """Read the tables.

        Args:
            tables: of the study: parameters, comparison and gaussianity.
            verdicts: of the page.

        Returns:
            The record.
        """
        own = tables["parameters"]
        compared = tables["comparison"]
        top = compared.iloc[compared.z.abs().argmax()]
        return cls(
            tuple(records(tables["gaussianity"])),
            departing_sizes(verdicts, MOMENTS),
            departing_sizes(verdicts, GAUSSIAN),
            departing_sizes(verdicts, INVARIANT),
            int(own.exact.between(own.lower, own.upper).sum()),
            len(own),
            (top.formula, int(top["size"]), float(top.z)),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a size."""
        return [
            {
                "size": f"{row['size']} × {row['size']}",
                "matrices": str(row["matrices"]),
                "p, Gaussian": number(row["global_p_value"], ".2g"),
                "smallest possible": number(row["smallest_p_value"], ".2g"),
                "median deviation": number(row["median_deviation"], ".3f"),
                "p, permutation invariant": number(row["invariance_p_value"], ".2g"),
            }
            for row in self.table
        ]
