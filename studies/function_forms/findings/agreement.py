"""Eigenvectors and functions against the four groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...analysis.selection import records
from ...notation.number_format import number, with_error
from ..measures.groups import group_name_html
from ..questions import Tables
from ..settings import Settings


@dataclass(frozen=True)
class Agreement:
    """Eigenvectors and functions against the four groups.

    Args:
        table: of `agreement_table`, as rows.
        hidden: m.
        error, leak: the largest squared error of functions of approximate vectors, and the same of eigenvectors.
    """

    heading: ClassVar[str] = "Eigenvectors and functions"
    template: ClassVar[str] = "function_forms/agreement"

    table: tuple[dict[str, Any], ...]
    hidden: int
    error: float
    leak: float

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Agreement:
        """Read the tables.

        Args:
            tables: of the study: agreement.
            settings: of the study.

        Returns:
            The record.
        """
        largest = tables["agreement"].groupby("quantity").measured.max()
        found = tuple(records(tables["agreement"]))
        return cls(found, settings.hidden, largest["function_error"], largest["function_leak"])

    def rows(self) -> list[dict[str, str]]:
        """A row a group, measured beside expected."""
        names = {"vector_leak": "vectors outside", "function_leak": "functions outside", "function_error": "error of f"}
        found: dict[str, dict[str, str]] = {}
        for row in self.table:
            own = found.setdefault(str(row["group"]), {"group": group_name_html(str(row["group"]))})
            quantity, measured, error = str(row["quantity"]), row["measured"], row["standard_error"]
            if quantity == "angle":
                own["largest angle"] = f"{with_error(measured, error)}°"
            else:
                own[names[quantity]] = f"{with_error(100 * measured, 100 * error)}%"
                own[f"{names[quantity]}, expected"] = f"{number(100 * row['expected'], '.3g')}%"
        return list(found.values())
