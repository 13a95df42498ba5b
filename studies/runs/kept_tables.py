"""Tables that a long analysis has made so far, kept in a folder until it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...training.store.layout import checksum
from ...training.store.limits import read_bytes, read_json
from .files import read_table, write_bytes, write_table

_MARKER = "done"
_LARGEST = 2**30


def keep_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write tables, and then a marker with a checksum of each.

    Args:
        folder: of these tables alone.
        tables: by name.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     keep_tables(Path(folder), {"a": pd.DataFrame({"x": [1]})})
    ...     list(kept_tables(Path(folder)))
    ['a']
    """
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table)
    sums = {name: checksum((folder / f"{name}.csv").read_bytes()) for name in tables}
    write_bytes(folder / _MARKER, json.dumps(sums).encode(), durable=True)


def kept_tables(folder: Path) -> dict[str, pd.DataFrame] | None:
    """Read tables that `keep_tables` has written.

    Args:
        folder: as given to `keep_tables`.

    Returns:
        The tables by name; None if they are not all there, or one is not what was written.
    """
    try:
        sums = read_json(folder / _MARKER)
        contents = {name: read_bytes(folder / f"{name}.csv", _LARGEST) for name in sums}
    except (OSError, ValueError):
        return None
    if any(checksum(contents[name]) != expected for name, expected in sums.items()):
        return None
    return {name: read_table(folder / f"{name}.csv") for name in sums}
