"""Finding of the paper: departures grow in very wide layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from ...paper.size import differing_fields
from ...report.claims import Agreement
from ..runs import FinishedRun
from .claim import Line
from .last_median import last_median
from .missing import Missing


@dataclass(frozen=True)
class Wide:
    """One layer of one run: its width, its networks and the median deviation of the 39 invariants at the last epoch."""

    width: int
    networks: int
    median: float


@dataclass(frozen=True)
class Width:
    """Runs that differ only in the width of their layers. Agrees if the widest depart most, and by more than chance.

    Args:
        runs: from the narrowest on.
    """

    title: ClassVar[str] = "departures grow in very wide layers"
    template: ClassVar[str] = "width"

    runs: tuple[Wide, ...]

    @property
    def noise(self) -> float:
        """The size of deviations of the widest that are sampling errors.

        >>> Width((Wide(10, 400, 0.05), Wide(20, 400, 0.2))).noise
        0.1
        """
        return 2 / sqrt(self.runs[-1].networks)

    @property
    def widest_departs_most(self) -> bool:
        """Whether the median deviation of the widest is the largest."""
        return self.runs[-1].median >= max(run.median for run in self.runs)

    @property
    def verdict(self) -> Agreement:
        """Not decided where the deviations of the widest are sampling errors."""
        if not self.widest_departs_most:
            return Agreement.DIFFERS
        return Agreement.OPEN if self.runs[-1].median < self.noise else Agreement.AGREES


def width(runs: Sequence[FinishedRun]) -> list[Line]:
    """Compare runs that differ only in the width of their layers.

    Args:
        runs: those of one page.

    Returns:
        A line a family of runs and common layer of different widths, or one that says what is needed.

    >>> width([])[0].row()["reason"]
    'needs runs that differ only in the width, given together'
    """
    return list(_families(runs)) or [Missing(Width.title, "runs that differ only in the width").line()]


def _families(runs: Sequence[FinishedRun]) -> Iterator[Line]:
    for family in _families_of_widths(runs):
        common = set.intersection(*({*run.square_layers} for run in family))
        # of several square layers the hidden ones: the output layer has one width only
        for layer in sorted(layer for layer in common if _sizes_differ(family, layer)):
            found = tuple(
                Wide(run.config.shapes[layer][0], run.config.networks, last_median(run, layer)) for run in family
            )
            yield Line(" / ".join(run.label for run in family), layer, Width(found), min(own.networks for own in found))


def _families_of_widths(runs: Sequence[FinishedRun]) -> list[list[FinishedRun]]:
    """Runs of equal depth that differ only in their widths, from the narrowest on, two or more."""
    families: list[list[FinishedRun]] = []
    for run in sorted(runs, key=lambda run: run.config.hidden):
        for family in families:
            other = family[-1].config
            if len(other.hidden) == len(run.config.hidden) and differing_fields(other, run.config) == {"hidden"}:
                family.append(run)
                break
        else:
            families.append([run])
    return [family for family in families if len(family) > 1]


def _sizes_differ(family: Sequence[FinishedRun], layer: int) -> bool:
    return len({run.config.shapes[layer] for run in family}) > 1
