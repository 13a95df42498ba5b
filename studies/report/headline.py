"""The sentences at the top of a report: the effect of training, the symmetry that is left, Gaussian or not."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ...training import EnsembleConfig
from ..analysis.layers.initial_law import InitialLaw
from ..analysis.layers.layer import Tables
from ..analysis.network_subsets import ALL
from ..analysis.questions import GAUSSIAN, SYMMETRY, judge_study
from ..analysis.selection import at_last_epoch, records, where
from ..analysis.verdicts import Verdict, Verdicts, subjects
from .prose import paragraphs


@dataclass(frozen=True)
class Moved:
    """The distance of a layer from its law at initialisation.

    Args:
        layer: its index.
        share: the distance as a part of the initial size, the root mean square norm.
        by_chance: the distance that as many networks of that law seldom exceed.
    """

    layer: int
    share: float
    by_chance: float


@dataclass(frozen=True)
class Answer:
    """The layers on which a question has each verdict."""

    departs: tuple[int, ...]
    agrees: tuple[int, ...]
    open: tuple[int, ...]

    @classmethod
    def of(cls, verdicts: Verdicts, question: str) -> Answer | None:
        """Read the verdicts of a page.

        Args:
            verdicts: of `judge_study`.
            question: one of theirs.

        Returns:
            None if the page does not judge it.

        >>> Answer.of({("Gaussian", 1): Verdict.DEPARTS, ("Gaussian", 2): Verdict.OPEN}, "Gaussian")
        Answer(departs=(1,), agrees=(), open=(2,))
        """
        order = (Verdict.DEPARTS, Verdict.NO_DEPARTURE, Verdict.OPEN)
        found = [tuple(int(str(layer)) for layer in subjects(verdicts, question, verdict)) for verdict in order]
        return cls(found[0], found[1], found[2]) if any(found) else None


@dataclass(frozen=True)
class Headline:
    """The main results of a study at the last epoch.

    Args:
        moved: by training, of each layer.
        symmetry: whether rows and columns can be exchanged independently.
        gaussian: whether the weights are Gaussian.
        typical_deviation: the largest over the layers of the median deviation of the cubic and quartic invariants from
            the fitted model, in standard deviations from network to network.
    """

    moved: tuple[Moved, ...]
    symmetry: Answer | None
    gaussian: Answer | None
    typical_deviation: float

    @classmethod
    def of(cls, tables: Tables, config: EnsembleConfig) -> Headline:
        """Read the tables of a study.

        Args:
            tables: as `analyse` returns them.
            config: of the ensemble.

        Returns:
            The record.
        """
        verdicts = judge_study(tables)
        moved = []
        if "distances" in tables:
            for row in records(at_last_epoch(where(tables["distances"], subset=ALL))):
                layer = int(row["layer"])
                shape = config.shapes[layer]
                norm = InitialLaw.of_layer(config, layer).norm(shape)
                moved.append(Moved(layer, row["wasserstein"] / norm, row["null_upper"] / norm))
        deviation = float("nan")
        if "comparison" in tables:
            last = at_last_epoch(where(tables["comparison"], subset=ALL))
            deviation = float(last.groupby("layer").deviation.median().max())
        return cls(tuple(moved), Answer.of(verdicts, SYMMETRY), Answer.of(verdicts, GAUSSIAN), deviation)

    @property
    def chance(self) -> float:
        """The distance that chance alone seldom exceeds, if that is a third or more of what a layer moved; else 0."""
        near = [own.by_chance for own in self.moved if own.by_chance >= own.share / 3]
        return max(near, default=0.0)


def headline(tables: Tables, config: EnsembleConfig) -> list[Markup]:
    """Write the main results in three sentences at most.

    Args:
        tables: as `analyse` returns them.
        config: of the ensemble.

    Returns:
        The sentences.

    >>> distances = {"layer": 1, "epoch": [0.0, 2.0], "subset": "all", "wasserstein": [0.1, 0.84], "null_upper": 0.1}
    >>> import pandas as pd
    >>> print(headline({"distances": pd.DataFrame(distances)}, EnsembleConfig(hidden=(4, 4)))[0])
    Training moved layer 1 by 42% of its initial size.
    """
    return paragraphs("headline", Headline.of(tables, config))
