"""Inner products in parameter space and in function space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number
from ..measures.groups import group_name_html
from ..questions import EVERY, INNER, Tables


@dataclass(frozen=True)
class Orthogonality:
    """Inner products in parameter space and in function space.

    Args:
        table: of `orthogonality_table`, as rows.
        pairs: of functions.
        largest_z: of the Monte Carlo against u^T I v.
        departs: whether that is a departure.
        largest_between: the largest root mean square cosine between two groups.
    """

    heading: ClassVar[str] = "Orthogonality in function space"
    template: ClassVar[str] = "function_forms/orthogonality"

    table: tuple[dict[str, Any], ...]
    pairs: int
    largest_z: float
    departs: bool
    largest_between: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Orthogonality:
        """Read the tables.

        Args:
            tables: of the study: inner_products and orthogonality.
            verdicts: of the page.

        Returns:
            The record.
        """
        table, products = tables["orthogonality"], tables["inner_products"]
        return cls(
            tuple(records(table)),
            len(products),
            products.z.abs().max(),
            verdicts[INNER, EVERY] is Verdict.DEPARTS,
            table[table.first_group != table.second_group].root_mean_square.max(),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a pair of groups."""
        return [
            {
                "groups": group_name_html(str(row["first_group"])) + ", " + group_name_html(str(row["second_group"])),
                "pairs": str(row["pairs"]),
                "root mean square cosine": number(row["root_mean_square"], ".3f"),
                "largest": number(row["largest"], ".3f"),
                "infinite width": number(row["limit"], ".3g"),
                "expected at this width": number(row["expected"], ".3f"),
            }
            for row in self.table
        ]
