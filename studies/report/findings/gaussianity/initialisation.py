"""Agreement of the weights before training with the law of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ....analysis.layers.layer import Tables
from ....analysis.network_subsets import ALL
from ....analysis.questions import INITIALISATION
from ....analysis.selection import where
from ....analysis.verdicts import Verdict, Verdicts, too_few


@dataclass(frozen=True)
class Worst:
    """The largest deviation of one kind of quantity from its exact value.

    Args:
        quantity: "parameter" or "invariant".
        count: how many were compared.
        name: of the quantity with the largest deviation.
        layer: its layer.
        z: its deviation, in standard errors.
    """

    quantity: str
    count: int
    name: str
    layer: int
    z: float


@dataclass(frozen=True)
class Initialisation:
    """Parameters and invariants before training, beside their exact values.

    Args:
        worst: of each kind that was compared.
        verdict: None if there are too few networks for one.
        few: why there is none.
    """

    heading: ClassVar[str] = "Initialisation"
    template: ClassVar[str] = "initialisation"

    worst: tuple[Worst, ...]
    verdict: Verdict | None
    few: str

    @classmethod
    def of(cls, tables: Tables, verdicts: Verdicts) -> Initialisation:
        """Read the tables of parameters and of linear and quadratic invariants.

        Args:
            tables: `parameters` and `initialisation`.
            verdicts: of the page.

        Returns:
            The record.

        >>> row = {"epoch": 0.0, "subset": "all", "layer": 1, "networks": 500}
        >>> tables = {"parameters": pd.DataFrame([{**row, "parameter": "mu_1", "z_from_initial": -1.5}])}
        >>> Initialisation.of(tables, {}).worst
        (Worst(quantity='parameter', count=1, name='mu_1', layer=1, z=1.5),)
        """
        worst, networks = [], 0
        for name, quantity, z, what in (
            ("parameters", "parameter", "z_from_initial", "parameter"),
            ("initialisation", "invariant", "z", "formula"),
        ):
            rows = where(tables[name], epoch=0, subset=ALL) if name in tables else pd.DataFrame()
            rows = rows.dropna(subset=z) if len(rows) else rows
            if len(rows):
                top = rows.iloc[int(rows[z].abs().argmax())]
                worst.append(Worst(quantity, len(rows), top[what], int(top.layer), abs(float(top[z]))))
                networks = int(rows.networks.iloc[0])
        return cls(tuple(worst), verdicts.get((INITIALISATION, None)), too_few(networks, "network"))

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
