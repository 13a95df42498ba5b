"""Whether the matrices of each layer are Gaussian, by the calibrated global test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.questions import GAUSSIAN
from ....analysis.selection import records
from ....analysis.verdicts import Verdict, Verdicts
from ....notation.p_values import p_text
from ....notation.symbols import layer_name


@dataclass(frozen=True)
class GlobalTest:
    """The global test of one layer at one epoch.

    Args:
        layer: its index.
        epoch: of the test.
        replicates: of the bootstrap.
        p: of the test: that of the smaller of the next two.
        p_largest: of the largest |z|.
        p_mean_square: of the mean z².
    """

    layer: int
    epoch: float
    replicates: int
    p: float
    p_largest: float
    p_mean_square: float

    @property
    def smallest(self) -> float:
        """The smallest p-value that so many replicates can give."""
        return 1 / (self.replicates + 1)


@dataclass(frozen=True)
class Gaussianity:
    """Whether the matrices are Gaussian at the first and the last epoch.

    Args:
        tests: of every layer, at each epoch that has them.
        verdicts: on each layer at the last epoch.
    """

    heading: ClassVar[str] = "Gaussian or not"
    template: ClassVar[str] = "gaussianity"

    tests: tuple[GlobalTest, ...]
    verdicts: dict[int, Verdict]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Gaussianity:
        """Read the table of the global tests.

        Args:
            table: `gaussianity` of `analyse`.
            verdicts: of the page.

        Returns:
            The record.
        """
        tests = tuple(
            GlobalTest(
                int(row["layer"]),
                row["epoch"],
                int(row["replicates"]),
                row["global_p_value"],
                row["largest_p_value"],
                row["mean_square_p_value"],
            )
            for row in records(table)
        )
        found = {test.layer: verdicts.get((GAUSSIAN, test.layer), Verdict.OPEN) for test in tests}
        return cls(tests, found)

    @property
    def epochs(self) -> list[float]:
        """The epochs of the tests."""
        return sorted({test.epoch for test in self.tests})

    @property
    def last(self) -> list[GlobalTest]:
        """The tests at the last epoch."""
        return [test for test in self.tests if test.epoch == self.epochs[-1]]

    @property
    def departing(self) -> list[int]:
        """The layers that depart."""
        return [layer for layer, verdict in self.verdicts.items() if verdict is Verdict.DEPARTS]

    @property
    def open(self) -> list[int]:
        """The layers on which there is no verdict."""
        return [layer for layer, verdict in self.verdicts.items() if verdict is Verdict.OPEN]

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        lines: dict[int, dict[str, str]] = {}
        for test in sorted(self.tests, key=lambda test: (test.layer, test.epoch)):
            line = lines.setdefault(test.layer, {"layer": layer_name(test.layer)})
            line[f"p at epoch {test.epoch:g}"] = p_text(test.p, test.smallest)
            if test in self.last:
                line[f"of the largest |z| at epoch {test.epoch:g}"] = p_text(test.p_largest, test.smallest)
                line[f"of the mean z² at epoch {test.epoch:g}"] = p_text(test.p_mean_square, test.smallest)
                line["verdict"] = self.verdicts[test.layer].value
        return [*lines.values()]
