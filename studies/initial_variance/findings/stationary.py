"""The variances that training keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...analysis.selection import at_last_epoch, where
from ...notation.number_format import number
from ...notation.symbols import layer_name
from ..design import STATIONARY
from ..questions import Tables


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
