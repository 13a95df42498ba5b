"""The findings of a loss surface, in their order, and its first screen."""

from __future__ import annotations

from dataclasses import dataclass

from ...analysis.verdicts import Verdicts
from ...report.findings.finding import Record
from ..questions import Tables
from .delocalisation import Delocalisation
from .descent import Descent
from .local_statistics import LocalStatistics
from .noise_law import NoiseLaw
from .number_variance import NumberVariance
from .outliers import Outliers


@dataclass(frozen=True)
class Headline:
    """What stands on the first screen."""

    local: LocalStatistics
    noise: NoiseLaw
    outliers: Outliers | None
    descent: Descent | None


def records_of(tables: Tables, verdicts: Verdicts) -> list[Record]:
    """Make the findings of a page, in their order.

    Args:
        tables: as `measured_tables` returns them.
        verdicts: of the page.

    Returns:
        The records; those of outliers and of the number variance only where there are any.
    """
    found: list[Record] = [LocalStatistics.of(tables["local"], verdicts)]
    if len(tables["number_variance"]):
        found.append(NumberVariance.of(tables["number_variance"], verdicts))
    found.append(NoiseLaw.of(tables["noise_fit"], verdicts))
    if "outliers" in tables:
        found.append(Outliers.of(tables["outliers"], verdicts))
    found.append(Delocalisation.of(tables["delocalisation"], verdicts))
    if "descent" in tables:
        found.append(Descent.of(tables["descent"], verdicts))
    return found


def headline_of(found: list[Record]) -> Headline:
    """Collect what the first screen says.

    Args:
        found: the records of the page.

    Returns:
        The headline.
    """
    by_kind = {type(record): record for record in found}
    local, noise = by_kind[LocalStatistics], by_kind[NoiseLaw]
    assert isinstance(local, LocalStatistics)
    assert isinstance(noise, NoiseLaw)
    outliers, descent = by_kind.get(Outliers), by_kind.get(Descent)
    return Headline(
        local,
        noise,
        outliers if isinstance(outliers, Outliers) else None,
        descent if isinstance(descent, Descent) else None,
    )
