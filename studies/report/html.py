"""HTML pages from templates: everything inside the file, every value escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..notation.number_format import number
from ..notation.symbols import formula_html, group_html, parameter_html
from ..plots.inline_svg import inline_svg

HEAD = 12


@dataclass(frozen=True)
class Table:
    """A table as it stands on a page.

    Args:
        title, caption: above it.
        columns, rows: text, ready to read.
        total: rows of the whole table.
        link: address of the CSV file, relative to the page.
    """

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    link: str | None = None

    @classmethod
    def head(cls, name: str, caption: str, table: pd.DataFrame, link: str | None = None, rows: int = HEAD) -> Table:
        """The first rows of a table.

        >>> Table.head("t", "", pd.DataFrame({"x": [0.123456, 2.0]}), rows=1).rows
        (('0.1235',),)
        """
        top = table.head(rows)
        cells = tuple(tuple(cell(value) for value in row) for row in top.itertuples(index=False, name=None))
        return cls(name, caption, tuple(str(column) for column in top.columns), cells, len(table), link)


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
    return [
        Table.head(name, caption, _with_symbols(tables[name]), f"tables/{name}.csv")
        for name, caption in captions.items()
        if name in tables
    ]


def _with_symbols(table: pd.DataFrame) -> pd.DataFrame:
    groups = dict.fromkeys(("symmetry", "against", "irreps"), group_html)
    written = {"parameter": parameter_html, "formula": formula_html, **groups}
    head = table.head(HEAD)
    shown = {
        name: head[name].map(write, na_action="ignore").astype(object)
        for name, write in written.items()
        if name in table
    }
    return table.assign(**shown) if shown else table
