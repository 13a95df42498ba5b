"""What a study of the initial variance found, as data; the sentences are in the report's templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from scipy.stats import spearmanr

from ..analysis.selection import at_last_epoch, records, where
from ..analysis.verdicts import Verdicts
from ..notation.number_format import number, percent, with_error
from ..notation.symbols import layer_name
from ..report.findings.finding import Record
from .design import HE_NORMAL, STATIONARY
from .questions import QUESTIONS, best_scale

Tables = Mapping[str, pd.DataFrame]


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


@dataclass(frozen=True)
class Ensemble:
    """How the networks of one variance learnt, and how they differ from those from He-normal."""

    name: str
    networks: int
    mean: float
    error: float
    difference: float
    difference_error: float
    better: float

    @classmethod
    def of(cls, performance: pd.DataFrame, metric: str, name: str) -> Ensemble:
        """Read the row of an ensemble at the last epoch.

        Args:
            performance: of `performance_table`.
            metric: of its metrics.
            name: of the ensemble.

        Returns:
            The numbers.
        """
        (row,) = records(at_last_epoch(where(performance, metric=metric, name=name)))
        return cls(
            str(row["name"]),
            int(row["networks"]),
            row["mean"],
            row["standard_error"],
            row["difference"],
            row["difference_standard_error"],
            row["better"],
        )


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


@dataclass(frozen=True)
class Crossing:
    """c* of a layer: at the first snapshot after the start and at the last."""

    layer: int
    first: float
    last: float
    low: float
    high: float
    stationary: float
    at_largest: float


@dataclass(frozen=True)
class Stationary:
    """The variance that training keeps, by layer.

    Args:
        layers: c* of each.
        first, last: epochs.
        largest: scale of the sweep.
    """

    heading: ClassVar[str] = "The variance that training keeps"
    template: ClassVar[str] = "initial_variance/stationary"

    layers: tuple[Crossing, ...]
    first: float
    last: float
    largest: float

    @classmethod
    def of(cls, tables: Tables) -> Stationary:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The finding.
        """
        crossings, ratios = tables["crossings"], at_last_epoch(tables["ratios"])
        largest = float(ratios[ratios.name != STATIONARY].scale.max())
        layers = []
        for layer in sorted(crossings.layer.unique()):
            own = where(crossings, layer=layer).sort_values("epoch")
            start, end = own.iloc[0], own.iloc[-1]
            pilot = where(ratios, layer=layer, name=STATIONARY).iloc[0]
            swept = where(ratios[ratios.name != STATIONARY], layer=layer, scale=largest).iloc[0]
            numbers = start.c_star, end.c_star, end.low, end.high, pilot.scale, swept.ratio
            layers.append(Crossing(int(layer), *map(float, numbers)))
        return cls(tuple(layers), float(crossings.epoch.min()), float(crossings.epoch.max()), largest)

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        return [
            {
                "layer": layer_name(own.layer),
                f"c* at epoch {self.first:g}": number(own.first, ".3g"),
                f"c* at epoch {self.last:g}": number(own.last, ".3g"),
                "95% interval": f"{number(own.low, '.3g')} to {number(own.high, '.3g')}" if own.low == own.low else "–",
                "c of the pilot run": number(own.stationary, ".3g"),
                f"r at c = {self.largest:g}": number(own.at_largest, ".4g"),
            }
            for own in self.layers
        ]


@dataclass(frozen=True)
class OneCondition:
    """Whether the squared norms of all layers grow by the same amount, as gradient flow says.

    Args:
        growths: name -> (growth, standard error) of each layer.
    """

    heading: ClassVar[str] = "One condition, not one for each layer"
    template: ClassVar[str] = "initial_variance/one_condition"

    growths: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]

    @classmethod
    def of(cls, tables: Tables) -> OneCondition:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The finding.
        """
        last = at_last_epoch(tables["ratios"]).sort_values("layer", kind="stable")
        found = [
            (str(name), tuple(own[["growth", "growth_standard_error"]].itertuples(index=False, name=None)))
            for name, own in last.groupby("name", sort=False)
        ]
        order = list(dict.fromkeys(tables["ratios"].name))
        return cls(tuple(sorted(found, key=lambda one: order.index(one[0]))))

    def rows(self) -> list[dict[str, str]]:
        """A row a variance."""
        return [
            {"initial variance": name.replace("c-", "c = ")}
            | {layer_name(k): with_error(*growth) for k, growth in enumerate(growths)}
            for name, growths in self.growths
        ]


@dataclass(frozen=True)
class Bound:
    """The order of the ensembles by the bound, and by what they learnt.

    Args:
        loss: rank correlation of the excess of the bound and the training loss over the scales; 1 if the bound tells.
        accuracy: the same with the error on the test images.
        count: of the scales.
    """

    heading: ClassVar[str] = "The bound and the networks"
    template: ClassVar[str] = "initial_variance/bound"

    loss: float
    accuracy: float
    count: int

    @classmethod
    def of(cls, tables: Tables) -> Bound:
        """Read the tables.

        Args:
            tables: of the study.

        Returns:
            The finding.
        """
        ratios, performance = (at_last_epoch(tables[name]) for name in ("ratios", "performance"))
        excess = ratios[ratios.name != STATIONARY].groupby("name").excess.sum()
        found = []
        for metric in QUESTIONS:
            mean = where(performance, metric=metric).set_index("name")["mean"].reindex(excess.index)
            known = excess.notna() & mean.notna()
            found.append(float(spearmanr(excess[known], mean[known]).statistic))
        return cls(found[0], -found[1], len(excess))

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
