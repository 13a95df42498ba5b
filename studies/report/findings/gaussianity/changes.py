"""Quantity (3) of arXiv:2510.05218: the relative change of the deviations through training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.network_subsets import ALL
from ....analysis.selection import where
from ....notation.number_format import number
from ....notation.symbols import layer_name


@dataclass(frozen=True)
class Change:
    """Relative changes of some invariants: the median (NaN if there are none), how many exceed 0, and their count."""

    median: float
    above: int
    count: int

    @classmethod
    def of(cls, changes: pd.Series[float]) -> Change:
        """Summarise the changes of several invariants.

        Args:
            changes: (invariants,).

        Returns:
            The record.

        >>> Change.of(pd.Series([0.5, -0.1]))
        Change(median=0.2, above=1, count=2)
        """
        return cls(float(changes.median()), int((changes > 0).sum()), len(changes))


@dataclass(frozen=True)
class Changes:
    """The changes by layer: of the paper's 39 invariants, and of all."""

    heading: ClassVar[str] = "Change of the deviations"
    template: ClassVar[str] = "changes"

    layers: dict[int, tuple[Change, Change]]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Changes:
        """Read the table of changes.

        Args:
            table: `change` of `analyse`.

        Returns:
            The record.

        >>> row = {"layer": 1, "subset": "all", "change": 0.5, "in_paper": True}
        >>> Changes.of(pd.DataFrame([row, row | {"change": -0.1, "in_paper": False}])).layers[1][0]
        Change(median=0.5, above=1, count=1)
        """
        everyone = where(table, subset=ALL).dropna(subset="change")
        return cls(
            {
                int(str(layer)): (Change.of(own.change[own.in_paper]), Change.of(own.change))
                for layer, own in everyone.groupby("layer")
            }
        )

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        rows = []
        for layer, pair in self.layers.items():
            line = {"layer": layer_name(layer)}
            for name, own in zip(("the paper’s 39", "all"), pair, strict=True):
                line[f"median, {name}"] = number(own.median, "+.2f")
                line[f"above 0, {name}"] = f"{own.above} of {own.count}" if own.count else "–"
            rows.append(line)
        return rows
