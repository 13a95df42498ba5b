"""How fast the functions of each group are learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from markupsafe import Markup

from ...analysis.selection import records
from ...analysis.verdicts import Verdicts
from ...notation.number_format import number, with_error
from ..measures.descent import DESCENT, FLOW
from ..measures.groups import group_name_html
from ..questions import RATES, Tables
from .departing import departing_groups


@dataclass(frozen=True)
class Decay:
    """How fast the functions of each group are learnt.

    Args:
        table: of the rates, as rows.
        flow, descent: groups whose rates depart from the eigenvalues.
        fastest: how many times as fast as F_ab F_0 is learnt, by gradient flow.
    """

    heading: ClassVar[str] = "What is learnt first"
    template: ClassVar[str] = "function_forms/decay"

    table: tuple[dict[str, Any], ...]
    flow: Markup
    descent: Markup
    fastest: float

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Decay:
        """Read the tables.

        Args:
            tables: of the study: rates.
            verdicts: of the page.

        Returns:
            The record.
        """
        rates = tables["rates"]
        flow = rates[rates.method == FLOW].set_index("group").measured
        by_flow, by_descent = (departing_groups(verdicts, RATES[method]) for method in (FLOW, DESCENT))
        return cls(tuple(records(rates)), by_flow, by_descent, float(flow["F_0"] / flow["F_ab"]))

    def rows(self) -> list[dict[str, str]]:
        """A row for each method and group."""
        return [
            {
                "method": str(row["method"]),
                "group": group_name_html(str(row["group"])),
                "measured rate": with_error(row["measured"], row["standard_error"]),
                "by the exact eigenvalue": number(row["exact"]),
                "by the paper's": number(row["approximate"]),
            }
            for row in self.table
        ]
