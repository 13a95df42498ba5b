"""A finding: a record of numbers and verdicts, and the paragraph and the table that say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import pandas as pd

from ..html import Table
from ..prose import prose


@dataclass(frozen=True)
class Finding:
    """One finding as it stands on a page: a paragraph, and a table where there is more than one number."""

    heading: str
    text: str
    table: Table | None = None


class Record(Protocol):
    """A finding as data."""

    heading: ClassVar[str]
    template: ClassVar[str]

    def rows(self) -> list[dict[str, str]]:
        """The rows of its table as text, none if it has no table."""


def said(record: Record) -> Finding:
    """Write a record as it stands on a page.

    Args:
        record: its template is in templates/findings.

    Returns:
        Its paragraph and its table.
    """
    rows = record.rows()
    return Finding(
        record.heading, prose(record.template, record), finding_table(record.heading, rows) if rows else None
    )


def finding_table(title: str, rows: list[dict[str, str]]) -> Table:
    """Make the table of a finding.

    Args:
        title: of the table.
        rows: text that is ready to read, by column.

    Returns:
        The table.

    >>> finding_table("Distances", [{"layer": "layer 1", "distance": "0.5"}]).columns
    ('layer', 'distance')
    """
    table = pd.DataFrame(rows, dtype=object)
    return Table.head(title, "", table, rows=len(table))
