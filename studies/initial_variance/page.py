"""The page of a study of the initial variance."""

from __future__ import annotations

import pandas as pd

from ..analysis.verdicts import Verdicts
from ..plots.style import Illustration
from ..report.findings.finding import said
from ..report.html import Table, linked, render
from ..report.prose import paragraphs
from ..runs.provenance import package_version
from .design import Design
from .figures import draw_answer, draw_figures
from .findings import Headline, initial_variance_records

CAPTIONS = {
    "claims": "What arXiv:2508.12834 says, what this study measures, and whether they agree.",
    "verdicts": "Every test that this page judges, all of them together by Holm’s procedure at 5%.",
    "performance": "Loss and accuracy of every initial variance by epoch, also in pairs with He-normal.",
    "ratios": "How training changes the weights, by initial variance, layer and epoch.",
    "crossings": "c*, the scale of the initial variance that training keeps, by layer and epoch.",
}


def initial_variance_page(
    tables: dict[str, pd.DataFrame], verdicts: Verdicts, design: Design
) -> tuple[str, list[Illustration]]:
    """Write the page.

    Args:
        tables: of the study, by the names of `CAPTIONS`.
        verdicts: on `initial_variance_tests`.
        design: of the study.

    Returns:
        The page as HTML, and its figures.
    """
    answer, figures = draw_answer(tables), draw_figures(tables)
    claims = tables["claims"]
    page = render(
        "initial_variance.html",
        title=f"The variance of initial weights, {design.base.networks} networks each on {design.base.dataset}",
        version=package_version(),
        headline=paragraphs(Headline.template, Headline.of(tables)),
        answer=answer,
        claims=Table.head("Claims", "", claims, rows=len(claims)),
        findings=[
            (said(record), figures.get(record.template, [])) for record in initial_variance_records(tables, verdicts)
        ],
        tables=linked(tables, CAPTIONS),
        settings=design.rows(),
    )
    return page, [answer, *(figure for own in figures.values() for figure in own)]
