"""The eigenvalues of the four groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from markupsafe import Markup

from ...analysis.selection import records
from ...analysis.verdicts import Verdicts
from ...notation.number_format import number, with_error
from ..measures.groups import group_name_html
from ..questions import APPROXIMATE, AT_WIDTH, Tables
from .departing import departing_groups


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of the four groups.

    Args:
        table: of `eigenvalue_table`, as rows.
        departing, papers_departing: groups whose mean departs from the value at this width, and from the paper's.
        gap: the first eigenvalue below the groups, in parts of the smallest of them, means over the networks.
    """

    heading: ClassVar[str] = "Eigenvalues"
    template: ClassVar[str] = "function_forms/spectrum"

    table: tuple[dict[str, Any], ...]
    departing: Markup
    papers_departing: Markup
    gap: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Spectrum:
        """Read the tables.

        Args:
            tables: of the study: eigenvalues and spectrum.
            verdicts: of the page.

        Returns:
            The record.
        """
        means = tables["spectrum"]["mean"].to_numpy()
        return cls(
            tuple(records(tables["eigenvalues"])),
            departing_groups(verdicts, AT_WIDTH),
            departing_groups(verdicts, APPROXIMATE),
            float(means[-1] / means[-2]),
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a group."""
        return [
            {
                "group": group_name_html(str(row["group"])),
                "multiplicity": str(row["multiplicity"]),
                "measured": with_error(row["measured"], row["standard_error"]),
                "this width": number(row["at_width"], ".5g"),
                "infinite width": number(row["exact"], ".5g"),
                "the paper's": number(row["approximate"], ".5g"),
                "spread": f"{number(100 * row['spread'], '.2g')}%",
                "spread, 1/m": f"{number(100 * row['expected_spread'], '.2g')}%",
                "of the trace": f"{number(100 * row['share'], '.4g')}%",
                "exact share": f"{number(100 * row['exact_share'], '.4g')}%",
            }
            for row in self.table
        ]
