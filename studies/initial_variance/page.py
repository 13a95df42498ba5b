"""The page of a study of the initial variance."""

from __future__ import annotations

import pandas as pd

from ..analysis.verdicts import Verdicts
from ..plots.style import Illustration
from ..report.experiment import experiment_page
from ..report.prose import paragraphs
from .design import Design
from .figures import draw_answer, draw_figures
from .findings.headline import Headline
from .findings.study import initial_variance_records

CAPTIONS = {
    "claims": "What arXiv:2508.12834 says, what this study measures, and whether they agree.",
    "verdicts": "Every test that this page judges, all of them together by Holm’s procedure at 5%.",
    "performance": "Loss and accuracy of every initial variance by epoch, also in pairs with He-normal.",
    "ratios": "How training changes the weights, by initial variance, layer and epoch.",
    "crossings": "c*, the scale of the initial variance that training keeps, by layer and epoch.",
}
_EXPLAINED = (
    "Initial weights are N(0, c · 2/fan_in); c = 1 is He-normal. r is the mean square weight of a layer after training "
    "over that before, and c* the scale at which r falls through 1. Networks of the same number have the same random "
    "numbers at every c, scaled, and the same batches, so that they are compared in pairs. The training loss is the "
    "mean over the images since the snapshot before, each before its step. Errors are standard errors."
)


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
    page = experiment_page(
        f"The variance of initial weights, {design.base.networks} networks each on {design.base.dataset}",
        "Initial weights that training keeps.",
        headline=paragraphs(Headline.template, Headline.of(tables)),
        answer=answer,
        explained=_EXPLAINED,
        findings=[(record, figures.get(record.template, [])) for record in initial_variance_records(tables, verdicts)],
        tables=tables,
        captions=CAPTIONS,
        settings={"Study": design.rows()},
        paper="arXiv:2508.12834",
    )
    return page, [answer, *(figure for own in figures.values() for figure in own)]
