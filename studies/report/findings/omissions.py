"""The layers and epochs to which no model could be fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd


@dataclass(frozen=True)
class Omission:
    """Layers that were left out for one reason.

    Args:
        layers: their indices.
        subsets: of networks.
        first, last: epochs.
        epochs: how many.
        reason: the first that was given; messages may hold numbers that change from epoch to epoch.
    """

    layers: tuple[int, ...]
    subsets: tuple[str, ...]
    first: float
    last: float
    epochs: int
    reason: str


@dataclass(frozen=True)
class Omissions:
    """The snapshots that no model could be fitted to; layers of one reason together."""

    heading: ClassVar[str] = "Left out"
    template: ClassVar[str] = "omissions"

    omissions: tuple[Omission, ...]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Omissions:
        """Read the table of omissions.

        Args:
            table: `omissions` of `analyse`.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 0.0, "subset": "all", "networks": 2, "reason": "too few"}
        >>> rows = [row, {**row, "epoch": 1.0}, {**row, "layer": 2}, {**row, "layer": 2, "epoch": 1.0}]
        >>> [omission] = Omissions.of(pd.DataFrame(rows)).omissions
        >>> omission.layers, omission.epochs, omission.reason
        ((1, 2), 2, 'too few')
        """
        # (epochs, reason) -> layer -> subsets
        alike: dict[tuple[float, float, int, str], dict[int, list[str]]] = {}
        for (layer, subset), rows in table.groupby(["layer", "subset"], sort=False):
            key = (rows.epoch.min(), rows.epoch.max(), len(rows), str(rows.reason.iloc[0]))
            alike.setdefault(key, {}).setdefault(int(str(layer)), []).append(str(subset))
        found = []
        for (first, last, epochs, reason), subsets_of in alike.items():
            layers_of: dict[tuple[str, ...], list[int]] = {}
            for layer, subsets in subsets_of.items():
                layers_of.setdefault(tuple(subsets), []).append(layer)
            found += [
                Omission(tuple(layers), subsets, first, last, epochs, reason) for subsets, layers in layers_of.items()
            ]
        return cls(tuple(found))

    def rows(self) -> list[dict[str, str]]:
        """None."""
        return []
