"""The findings of a study of the initial variance, in their order."""

from __future__ import annotations

from collections.abc import Iterator

from ...analysis.verdicts import Verdicts
from ...report.findings.finding import Record
from ..questions import Tables
from .bound import Bound
from .one_condition import OneCondition
from .performance import Performance
from .stationary import Stationary


def initial_variance_records(tables: Tables, verdicts: Verdicts) -> Iterator[Record]:
    """The findings in the order of the page.

    Args:
        tables: of the study.
        verdicts: on `initial_variance_tests`.

    Yields:
        The findings.
    """
    yield Performance.of(tables, verdicts)
    yield Stationary.of(tables)
    yield OneCondition.of(tables)
    yield Bound.of(tables)
