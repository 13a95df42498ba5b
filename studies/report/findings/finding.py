"""What a finding is: a heading, a paragraph, and a table where there is more than one number."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..html import Table


@dataclass(frozen=True)
class Finding:
    """One finding: a paragraph, and a table with a row a layer where there is more than one number."""

    heading: str
    text: str
    table: Table | None = None


def finding_table(title: str, rows: list[dict[str, str]]) -> Table:
    """The table of a finding, from text that is ready to read.

    >>> finding_table("Distances", [{"layer": "layer 1", "distance": "0.5"}]).columns
    ('layer', 'distance')
    """
    table = pd.DataFrame(rows, dtype=object)
    return Table.head(title, "", table, rows=len(table))
