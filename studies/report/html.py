"""HTML pages from templates: everything inside the file, every value escaped."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ..notation.number_format import number
from ..notation.symbols import formula_html, group_html, parameter_html
from ..plots.inline_svg import inline_svg

HEAD = 12

#: Rows of one table that a page holds; of a longer one it keeps whole epochs, the last among them.
LARGEST = 30_000

# The highest level takes three times the time and saves a hundredth.
_COMPRESSION = 6


@dataclass(frozen=True)
class Table:
    """A table as it stands on a page.

    Args:
        title, caption: above it.
        columns, rows: text, ready to read.
        total: rows of the whole table.
        link: address of the CSV file, relative to the page.
        packed: all rows for the script of the page, as `packed` returns them; empty if `rows` are all.
        note: names the rows that `packed` leaves out.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    link: str | None = None
    packed: str = ""
    note: str = ""

    @classmethod
    def head(cls, name: str, caption: str, table: pd.DataFrame, link: str | None = None, rows: int = HEAD) -> Table:
        """The first rows of a table.

        >>> Table.head("t", "", pd.DataFrame({"x": [0.123456, 2.0]}), rows=1).rows
        (('0.1235',),)
        """
        top = table.head(rows)
        cells = tuple(tuple(cell(value) for value in row) for row in top.itertuples(index=False, name=None))
        return cls(name, caption, tuple(cell(column) for column in top.columns), cells, len(table), link)


def cell(value: object) -> str:
    """A value in a table: four significant digits of a float, a dash for none, anything else as it is.

    >>> cell(0.000123456), cell(-12), cell("01 12"), cell(float("nan")), cell(pd.NA)
    ('0.0001235', '−12', '01 12', '–', '–')
    """
    if isinstance(value, Markup):
        return value
    if value is pd.NA:
        return number(float("nan"))
    if isinstance(value, float):
        return number(value)
    return number(value, "d") if isinstance(value, int) and not isinstance(value, bool) else str(value)


def render(template: str, **values: object) -> str:
    """A page from a template of this package.

    >>> "<title>All</title>" in render("catalogue.html", title="All", rows=[])
    True
    """
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline_svg"] = inline_svg
    return environment.get_template(template).render(**values)


def linked(tables: dict[str, pd.DataFrame], captions: dict[str, str]) -> Sequence[Table]:
    """The heads of tables that were written to `tables/`, in the order of their captions; symbols as on the page.

    >>> linked({"a": pd.DataFrame({"x": [1]})}, {"a": "All of it."})[0].link
    'tables/a.csv'
    """
    return [_linked(name, caption, tables[name]) for name, caption in captions.items() if name in tables]


def _linked(name: str, caption: str, table: pd.DataFrame) -> Table:
    shown, note = thinned(table)
    content = packed(_with_symbols(shown)) if len(table) > HEAD else ""
    head = Table.head(name, caption, _with_symbols(table.head(HEAD)), f"tables/{name}.csv")
    return replace(head, total=len(table), packed=content, note=note)


def thinned(table: pd.DataFrame, largest: int = LARGEST) -> tuple[pd.DataFrame, str]:
    """Select whole epochs of a table that is too long for a page.

    Args:
        table: with a column `epoch`, or of any columns if it is short enough.
        largest: number of rows that a page may hold.

    Returns:
        The rows, and a sentence that says which were selected; empty if all were.

    >>> thinned(pd.DataFrame({"epoch": [0.0, 1.0, 2.0, 3.0]}), 2)
    (   epoch
    0    0.0
    3    3.0, 'Epochs 0, 3 only; the file has all.')
    """
    if len(table) <= largest:
        return table, ""
    if "epoch" not in table or table.epoch.nunique() < 2:
        return table.head(largest), f"The first {largest} rows only; the file has all."
    epochs = np.sort(table.epoch.unique())
    count = max(1, largest * len(epochs) // len(table))
    chosen = epochs[np.unique(np.linspace(len(epochs) - 1, 0, count).round().astype(int))]
    return table[
        table.epoch.isin(chosen)
    ], f"Epochs {', '.join(f'{epoch:g}' for epoch in chosen)} only; the file has all."


def packed(table: pd.DataFrame) -> str:
    """All rows of a table for the script of a page: JSON by column, compressed by gzip, in base64.

    A column of floats is a list of numbers of four significant digits, null where there is none. Any other column is
    a list of its different texts (HTML) and a list of places in it.

    >>> text = packed(pd.DataFrame({"x": [0.123456, float("nan")], "name": ["a", "a"]}))
    >>> from base64 import b64decode
    >>> json.loads(gzip.decompress(b64decode(text)))
    [{'values': [0.1235, None]}, {'texts': ['a'], 'places': [0, 0]}]
    """
    columns: list[dict[str, list[object]]] = []
    for name in table:
        column = table[name]
        if pd.api.types.is_float_dtype(column.dtype):
            numbers = column.to_numpy(float).tolist()
            values: list[object] = [float(f"{value:.4g}") if isfinite(value) else None for value in numbers]
            columns.append({"values": values})
        else:
            texts: dict[str, int] = {}
            written = lru_cache(maxsize=None, typed=True)(_escaped)  # what stands in many rows is written once
            places: list[object] = [texts.setdefault(written(value), len(texts)) for value in column.tolist()]
            columns.append({"texts": [*texts], "places": places})
    return packed_json(columns)


def _escaped(value: object) -> str:
    return str(escape(cell(value)))


def packed_json(content: object) -> str:
    """Write JSON for the script of a page, compressed by gzip, in base64.

    Args:
        content: lists, dictionaries, text and finite numbers.

    Returns:
        ASCII text.

    >>> from base64 import b64decode
    >>> gzip.decompress(b64decode(packed_json([1, None])))
    b'[1,null]'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    return b64encode(gzip.compress(text, _COMPRESSION, mtime=0)).decode()


def _with_symbols(table: pd.DataFrame) -> pd.DataFrame:
    groups = dict.fromkeys(("symmetry", "against", "irreps"), group_html)
    written = {"parameter": parameter_html, "formula": formula_html, **groups}
    shown = {}
    for name, write in written.items():
        if name in table:
            symbols = {value: write(value) for value in table[name].dropna().unique()}
            shown[name] = table[name].map(symbols, na_action="ignore").astype(object)
    return table.assign(**shown) if shown else table
