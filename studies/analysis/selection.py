"""Choose rows of a labelled table."""

from __future__ import annotations

from typing import Any

import pandas as pd


def where(table: pd.DataFrame, **labels: object) -> pd.DataFrame:
    """The rows whose columns have the given values.

    >>> where(pd.DataFrame({"layer": [1, 2], "epoch": [0, 0]}), layer=2, epoch=0).index.tolist()
    [1]
    """
    for column, value in labels.items():
        table = table[table[column] == value]
    return table


def at_last_epoch(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last epoch that the table has.

    >>> at_last_epoch(pd.DataFrame({"epoch": [0.0, 1.0]})).index.tolist()
    [1]
    """
    return where(table, epoch=table.epoch.max())


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries.

    >>> records(pd.DataFrame({"layer": [1]}))
    [{'layer': 1}]
    """
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
