"""The page of a loss surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ...training import EnsembleConfig
from ..analysis.verdicts import verdict_table
from ..notation.number_format import counted
from ..plots.style import Illustration
from ..report.experiment import experiment_page
from ..report.page import configuration_rows
from ..report.prose import paragraphs
from .findings.descent import Descent
from .findings.local_statistics import LocalStatistics
from .findings.noise_law import NoiseLaw
from .findings.outliers import Outliers
from .findings.surface import headline_of, records_of
from .plan import Plan
from .questions import Tables, judged, tests_of

CAPTIONS = {
    "verdicts": "Every test that this page judges, all of them together by Holm’s procedure at 5%.",
    "local": "Ratios of spacings against GOE, GUE and independent levels.",
    "number_variance": "The variance of the number of eigenvalues in intervals of some mean spacings.",
    "noise": "The scale of the noise at each batch size.",
    "noise_fit": "Its power law, and its distance from a semicircle.",
    "outlier_means": "Outliers at each batch size, the first order of the noise taken off.",
    "outliers": "Their lines in 1/b.",
    "delocalisation": "Eigenvectors of the noise against fixed directions.",
    "descent": "Steps of preconditioned descent along the outliers.",
    "eigenvalues": "Every eigenvalue of the batch Hessians of the first two figures.",
}
_BESIDE = {
    "mean_ratios": LocalStatistics.heading,
    "batch_sizes": NoiseLaw.heading,
    "outliers": Outliers.heading,
    "descent": Descent.heading,
}
_EXPLAINED = (
    "A batch Hessian is that of the mean cross-entropy of a batch, in float64. The model of arXiv:2205.08601 is "
    "H = s(b) X + A, with noise X whose eigenvectors prefer no direction, and A of few large eigenvalues. "
)


def surface_page(tables: Tables, figures: Sequence[Illustration], config: EnsembleConfig, plan: Plan, side: int) -> str:
    """Write the page report.html of a loss surface.

    Args:
        tables: as `measured_tables` returns them.
        figures: as `draw_all` returns them.
        config: of the ensemble.
        plan: what was measured.
        side: of the squares of pixels on which first-layer weights are taken as equal.

    Returns:
        The page.
    """
    found = records_of(tables, judged(tables))
    pooled = (
        f"The spectra are those along weights of the first layer that are equal on squares of {side} x {side} pixels, "
        "the other parameters free: a compression of the whole Hessian that makes it dense and small."
    )
    beside: dict[str, list[Illustration]] = {record.heading: [] for record in found}
    for figure in figures[1:]:
        beside[_BESIDE[figure.name]].append(figure)
    dataset = config.dataset if isinstance(config.dataset, str) else "own data"
    measurement = [(name.replace("_", " "), value) for name, value in asdict(plan).items()]
    return experiment_page(
        f"The loss surface of {counted(plan.networks, 'network')} {'-'.join(map(str, config.widths))} on {dataset}",
        "Random-matrix statistics of batch Hessians (arXiv:2102.06740, arXiv:2205.08601).",
        headline=paragraphs("loss_surface/headline", headline_of(found)),
        answer=figures[0],
        explained=_EXPLAINED + (pooled if side > 1 else ""),
        findings=[(record, beside[record.heading]) for record in found],
        tables={**tables, "verdicts": verdict_table(tests_of(tables), "subject")},
        captions=CAPTIONS,
        settings={"Ensemble": configuration_rows(config), "Measurement": measurement},
    )
