"""The findings of a study of function forms, in their order."""

from __future__ import annotations

from collections.abc import Iterator

from ...analysis.verdicts import Verdicts
from ...report.findings.finding import Record
from ..questions import Tables
from ..settings import Settings
from .agreement import Agreement
from .decay import Decay
from .fisher_model import FisherModel
from .orthogonality import Orthogonality
from .spectrum import Spectrum
from .widths import Widths


def function_form_records(tables: Tables, verdicts: Verdicts, settings: Settings) -> Iterator[Record]:
    """Collect the findings in the order of the page.

    Args:
        tables: of the study.
        verdicts: on `function_form_tests`.
        settings: of the study.

    Yields:
        A record a finding.
    """
    yield Spectrum.of(tables, verdicts)
    yield Agreement.of(tables, settings)
    yield Orthogonality.of(tables, verdicts)
    yield Decay.of(tables, verdicts)
    yield Widths.of(tables, settings)
    yield FisherModel.of(tables, verdicts)
