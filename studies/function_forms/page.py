"""The page of a study of function forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from ..analysis.verdicts import Verdicts
from ..plots.style import Illustration
from ..report.experiment import experiment_page
from ..report.prose import paragraphs
from .figures import draw_figures, draw_modes
from .findings.headline import Headline
from .findings.study import function_form_records
from .measures.descent import FLOW
from .settings import Settings

CAPTIONS = {
    "claims": "What arXiv:2505.17907 says, what this study measures, and whether they agree.",
    "verdicts": "Every test that this page judges, all of them together by Holm’s procedure at 5%.",
    "eigenvalues": "Eigenvalues of each group: measured, exact, at this width, and the paper’s.",
    "spectrum": "The largest eigenvalues by rank.",
    "trace": "The trace of the Fisher matrix.",
    "agreement": "Eigenvectors and functions against the four groups.",
    "networks": "The same of every network.",
    "inner_products": "Inner products of all pairs of functions of one network, by the Fisher matrix and Monte Carlo.",
    "orthogonality": "Cosines by pairs of groups.",
    "rates": "Decay rates of gradient flow and gradient descent.",
    "modes": "What is left to learn, by time.",
    "widths": "What a finite width changes, at several widths.",
    "moments": "Linear and quadratic invariants of small Fisher matrices, measured and exact.",
    "parameters": "The fitted Gaussian model of small Fisher matrices, and its exact parameters.",
    "comparison": "Cubic and quartic invariants of small Fisher matrices: predicted by the model, and measured.",
    "gaussianity": "Whether small Fisher matrices are Gaussian, and permutation invariant.",
    "functions": "Values of the functions of the pictures.",
}
_EXPLAINED = (
    "A network has d inputs x ~ N(0, 1), m hidden ReLU units with fixed weights w ~ N(0, 1/m), and output weights v "
    "that are learnt. Its Fisher matrix is the mean of X Xᵀ over the inputs, X the values of the hidden units."
)


def function_forms_page(
    tables: Mapping[str, pd.DataFrame], verdicts: Verdicts, settings: Settings
) -> tuple[str, list[Illustration]]:
    """Write the page.

    Args:
        tables: of the study, by the names of `CAPTIONS`.
        verdicts: on `function_form_tests`.
        settings: of the study.

    Returns:
        The page as HTML, and its figures.
    """
    figures = draw_figures(tables)
    answer = replace(draw_modes(tables["modes"], FLOW, "answer"), title="What is learnt first", caption="")
    page = experiment_page(
        f"Function forms of ReLU networks with {settings.dimension} inputs and {settings.hidden} hidden units",
        "What wide ReLU networks learn first.",
        headline=paragraphs(Headline.template, Headline.of(tables, settings)),
        answer=answer,
        explained=_EXPLAINED,
        findings=[(record, figures[record.template]) for record in function_form_records(tables, verdicts, settings)],
        tables=tables,
        captions=CAPTIONS,
        settings={"Study": settings.rows()},
        paper="arXiv:2505.17907",
    )
    return page, [answer, *(figure for own in figures.values() for figure in own)]
