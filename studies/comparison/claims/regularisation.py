"""Finding of the paper: robust under regularisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

from ...analysis.selection import at_last_epoch
from ...paper.size import differing_fields
from ...report.claims import Agreement
from ..runs import FinishedRun
from .claim import Line
from .last_median import last_median
from .missing import Missing


@dataclass(frozen=True)
class WeightDecay:
    """One layer of one run of a pair.

    Args:
        weight_decay: of the run.
        median: deviation of the 39 invariants at the last epoch, in standard deviations of one network's value.
        distance: to initialisation at the last epoch, in units of the initial norm.
    """

    weight_decay: float
    median: float
    distance: float

    @classmethod
    def of(cls, run: FinishedRun, layer: int) -> WeightDecay:
        """Measure one layer of a run.

        Args:
            run: which has the layer.
            layer: its index.

        Returns:
            The record.
        """
        distance = float(at_last_epoch(run.table("distances", layer)).wasserstein.iloc[0])
        return cls(run.config.weight_decay, last_median(run, layer), distance / run.initial_norm(layer))


@dataclass(frozen=True)
class Regularisation:
    """Two runs that differ only in the weight decay. Agrees if all verdicts about the layer are the same.

    Args:
        runs: from the smaller weight decay on.
        changed: claims with other verdicts.
    """

    title: ClassVar[str] = "robust under regularisation"
    template: ClassVar[str] = "regularisation"

    runs: tuple[WeightDecay, WeightDecay]
    changed: tuple[str, ...]

    @property
    def verdict(self) -> Agreement:
        """Agrees if nothing changed."""
        return Agreement.PARTLY if self.changed else Agreement.AGREES


def regularisation(runs: Sequence[FinishedRun], single: Mapping[str, Sequence[Line]]) -> list[Line]:
    """Compare pairs of runs that differ only in the weight decay.

    Args:
        runs: those of one page.
        single: the claims about each of them, by label.

    Returns:
        A line a pair and common square layer, or one that says what is needed.

    >>> regularisation([], {})[0].verdict.value
    'not decided'
    """
    found = list(_pairs(runs, single))
    return found or [Missing(Regularisation.title, "runs that differ only in the weight decay").line()]


def _pairs(runs: Sequence[FinishedRun], single: Mapping[str, Sequence[Line]]) -> Iterator[Line]:
    for first, second in combinations(sorted(runs, key=lambda run: run.config.weight_decay), 2):
        if differing_fields(first.config, second.config) != {"weight_decay"}:
            continue
        networks = min(first.config.networks, second.config.networks)
        for layer in sorted({*first.square_layers} & {*second.square_layers}):
            one, other = (
                {line.claim.title: line.verdict for line in single[run.label] if line.layer == layer}
                for run in (first, second)
            )
            changed = tuple(claim for claim, verdict in one.items() if verdict != other[claim])
            pair = (WeightDecay.of(first, layer), WeightDecay.of(second, layer))
            yield Line(f"{first.label} / {second.label}", layer, Regularisation(pair, changed), networks)
