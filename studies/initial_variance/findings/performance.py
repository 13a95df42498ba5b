"""How networks of every initial variance learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.verdicts import Verdicts
from ...notation.number_format import percent, with_error
from ..design import HE_NORMAL
from ..questions import QUESTIONS, Tables
from .ensemble import Ensemble


@dataclass(frozen=True)
class Performance:
    """Every variance against He-normal.

    Args:
        ensembles: (name, training loss, verdict on it, test accuracy, verdict on it), in order of the scales.
        networks: of each.
    """

    heading: ClassVar[str] = "Loss and accuracy against He-normal"
    template: ClassVar[str] = "initial_variance/performance"

    ensembles: tuple[tuple[str, Ensemble, str, Ensemble, str], ...]
    networks: int

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Performance:
        """Read the tables.

        Args:
            tables: of the study.
            verdicts: on `initial_variance_tests`.

        Returns:
            The finding.
        """
        performance = tables["performance"]
        found = []
        for name in dict.fromkeys(performance.name):
            loss, accuracy = (Ensemble.of(performance, metric, name) for metric in QUESTIONS)
            said = ["–" if name == HE_NORMAL else verdicts[question, name].value for question in QUESTIONS.values()]
            found.append((str(name), loss, said[0], accuracy, said[1]))
        return cls(tuple(found), max(loss.networks for _, loss, *_ in found))

    def rows(self) -> list[dict[str, str]]:
        """A row a variance."""
        return [
            {
                "initial variance": name.replace("c-", "c = "),
                "training loss": with_error(loss.mean, loss.error),
                "minus He-normal": with_error(loss.difference, loss.difference_error),
                "lower in": percent(loss.better),
                "loss": loss_verdict,
                "test accuracy": with_error(accuracy.mean, accuracy.error),
                "minus He-normal’s": with_error(accuracy.difference, accuracy.difference_error),
                "higher in": percent(accuracy.better),
                "accuracy": accuracy_verdict,
            }
            for name, loss, loss_verdict, accuracy, accuracy_verdict in self.ensembles
        ]
