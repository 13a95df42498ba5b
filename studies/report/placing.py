"""The figure that stands beside each finding."""

from __future__ import annotations

from collections.abc import Sequence

from ..plots.style import Illustration
from .findings.finding import Finding
from .findings.gaussianity.changes import Changes
from .findings.gaussianity.departures import Departures
from .findings.gaussianity.distance import Distance
from .findings.gaussianity.initialisation import Initialisation
from .findings.gaussianity.symmetrised import Symmetrised
from .findings.networks.accuracy import Accuracy
from .findings.networks.dead_units import DeadUnits
from .findings.networks.output_classes import OutputClasses
from .findings.symmetry.constraints import Constraints
from .findings.symmetry.interior_parameters import InteriorParameters
from .findings.symmetry.nested_models import NestedModels

#: The heading of the finding beside which a figure stands, by the beginning of the figure's name.
BESIDE = {
    "learning": Accuracy.heading,
    "dead_units": DeadUnits.heading,
    "initialisation_": Initialisation.heading,
    "distances": Distance.heading,
    "path_": Distance.heading,
    "nested_models": NestedModels.heading,
    "constraints": Constraints.heading,
    "interior_parameters_": InteriorParameters.heading,
    "output_classes": OutputClasses.heading,
    "departures_by_epoch": Departures.heading,
    "z_score_overview": Departures.heading,
    "symmetrised_comparison": Symmetrised.heading,
    "changes": Changes.heading,
}


def placed(
    findings: Sequence[Finding], figures: Sequence[Illustration]
) -> tuple[list[tuple[Finding, list[Illustration]]], list[Illustration]]:
    """Put figures beside the findings that they show.

    Args:
        findings: of a report.
        figures: of the same report.

    Returns:
        Each finding with its figures, and the figures that stand by themselves.

    Raises:
        LookupError: the finding of a figure is not among them.

    >>> from matplotlib.figure import Figure
    >>> found, alone = placed([Finding("Accuracy", "")], [Illustration(Figure(), "learning", "", "", "")])
    >>> [figure.name for figure in found[0][1]], alone
    (['learning'], [])
    """
    headings = [_heading(figure) for figure in figures]
    known = {finding.heading for finding in findings}
    for figure, heading in zip(figures, headings, strict=True):
        if heading is not None and heading not in known:
            raise LookupError(f"the figure {figure.name} stands beside the finding {heading!r}, which is not there")
    own = [
        (finding, [figure for figure, heading in zip(figures, headings, strict=True) if heading == finding.heading])
        for finding in findings
    ]
    return own, [figure for figure, heading in zip(figures, headings, strict=True) if heading is None]


def _heading(figure: Illustration) -> str | None:
    return next((heading for start, heading in BESIDE.items() if figure.name.startswith(start)), None)
