"""The first screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.selection import at_last_epoch, where
from ..design import STATIONARY
from ..questions import Tables, best_scale
from .ensemble import Ensemble


@dataclass(frozen=True)
class Headline:
    """The three sentences of the first screen.

    Args:
        scales: of the stationary variances by layer, in units of He-normal.
        loss, accuracy: of the stationary ensemble.
        best_loss, best_accuracy: scale of the sweep with the lowest training loss, and with the highest accuracy.
    """

    template: ClassVar[str] = "initial_variance/headline"

    scales: tuple[float, ...]
    loss: Ensemble
    accuracy: Ensemble
    best_loss: float
    best_accuracy: float

    @classmethod
    def of(cls, tables: Tables) -> Headline:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The numbers of the sentences.
        """
        performance, ratios = tables["performance"], tables["ratios"]
        return cls(
            tuple(at_last_epoch(where(ratios, name=STATIONARY)).sort_values("layer").scale),
            Ensemble.of(performance, "train_loss", STATIONARY),
            Ensemble.of(performance, "test_accuracy", STATIONARY),
            best_scale(performance, "train_loss")["scale"],
            best_scale(performance, "test_accuracy")["scale"],
        )
