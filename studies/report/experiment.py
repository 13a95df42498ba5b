"""The page of an experiment: its answer, claims of a paper, findings, tables and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ..plots.style import Illustration
from ..runs.provenance import package_version
from .findings.finding import Record, said
from .html import Table, linked, render

Rows = Sequence[tuple[str, object]]


def experiment_page(
    title: str,
    about: str,
    *,
    headline: Sequence[str],
    answer: Illustration,
    explained: str,
    findings: Sequence[tuple[Record, Sequence[Illustration]]],
    tables: Mapping[str, pd.DataFrame],
    captions: Mapping[str, str],
    settings: Mapping[str, Rows],
    paper: str = "",
) -> str:
    """Write the page of an experiment.

    Args:
        title: of the page.
        about: one sentence below it.
        headline: sentences of the first screen.
        answer: the figure beside them.
        explained: what the findings are about, in sentences.
        findings: records, each with the figures that stand beside it.
        tables: by name; one of the name `claims` stands on the page whole.
        captions: of the tables, in their order.
        settings: what was run, as names and values under headings.
        paper: whose claims the table is of.

    Returns:
        The page as HTML.
    """
    claims = tables.get("claims")
    return render(
        "experiment.html",
        title=title,
        about=about,
        version=package_version(),
        headline=headline,
        answer=answer,
        paper=paper,
        claims=None if claims is None else Table.head("Claims", "", claims, rows=len(claims)),
        explained=explained,
        findings=[(said(record), figures) for record, figures in findings],
        tables=linked(dict(tables), dict(captions)),
        settings=settings,
    )
