"""Whether the classes, the rows of the output layer, differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.layers.layer import Tables
from ....analysis.network_subsets import ALL
from ....analysis.questions import EQUAL_MEANS, EQUAL_VARIANCES
from ....analysis.selection import at_last_epoch, records, where
from ....analysis.verdicts import LEVEL, Verdict, Verdicts, too_few
from ....notation.number_format import with_error


@dataclass(frozen=True)
class OneClass:
    """The weights of one class: mean and variance over networks and units, with standard errors."""

    number: int
    mean: float
    mean_error: float
    variance: float
    variance_error: float


@dataclass(frozen=True)
class OutputClasses:
    """The classes at the last epoch.

    Args:
        epoch: the last.
        layer: the output layer.
        classes: one by one.
        f_means, p_means: Hotelling's test of equal means; NaN if there are too few networks for it.
        p_variances: of equal variances.
        low_from: from which epoch on p_means is at most 5%; None if there is none.
        share, share_error: of the spread of the class means in the variance of the row sums.
        means, variances: the verdicts; None if there are too few networks.
        few: why there is none.
    """

    heading: ClassVar[str] = "The classes of the output layer"
    template: ClassVar[str] = "output_classes"

    epoch: float
    layer: int
    classes: tuple[OneClass, ...]
    f_means: float
    p_means: float
    p_variances: float
    low_from: float | None
    share: float
    share_error: float
    means: Verdict | None
    variances: Verdict | None
    few: str

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> OutputClasses:
        """Read the tables of classes and of their tests.

        Args:
            tables: `output_classes` and `class_tests` of `analyse`.
            verdicts: of the page.

        Returns:
            The record.
        """
        everything = where(tables["class_tests"], subset=ALL)
        last, test = at_last_epoch(where(tables["output_classes"], subset=ALL)), at_last_epoch(everything).iloc[0]
        classes = tuple(
            OneClass(int(row["class"]), row["mean"], row["standard_error"], row["variance"], row["variance_error"])
            for row in records(last)
        )
        return cls(
            float(test.epoch),
            int(test.layer),
            classes,
            test.f_means,
            test.p_means,
            test.p_variances,
            low_from(everything, "p_means"),
            test.share,
            test.share_error,
            verdicts.get((EQUAL_MEANS, test.layer)),
            verdicts.get((EQUAL_VARIANCES, test.layer)),
            too_few(int(test.networks), "network"),
        )

    @property
    def ends(self) -> tuple[OneClass, OneClass]:
        """The classes of smallest and of largest mean."""
        ordered = sorted(self.classes, key=lambda own: own.mean)
        return ordered[0], ordered[-1]

    def rows(self) -> list[dict[str, str]]:
        """A row a class."""
        return [
            {
                "class": str(own.number),
                "mean weight": with_error(own.mean, own.mean_error),
                "variance of the weights": with_error(own.variance, own.variance_error),
            }
            for own in self.classes
        ]


def low_from(table: pd.DataFrame, column: str, level: float = LEVEL) -> float | None:
    """Find the epoch from which on all p-values are at most the level.

    Args:
        table: with the columns epoch and `column`.
        column: of p-values.
        level: not to be exceeded.

    Returns:
        The epoch; None if the last p-value is above the level.

    >>> rows = pd.DataFrame({"epoch": [0.0, 1.0, 2.0, 3.0], "p": [0.01, 0.5, 0.01, 0.01]})
    >>> low_from(rows, "p"), low_from(rows[:2], "p")
    (2.0, None)
    """
    ordered = table.dropna(subset=column).sort_values("epoch")
    others = ordered[ordered[column] > level]
    after = ordered[ordered.epoch > others.epoch.max()] if len(others) else ordered
    return float(after.epoch.iloc[0]) if len(after) else None
