"""The distance of each layer from its law at initialisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from .....training import EnsembleConfig
from ....analysis.layers.initial_law import InitialLaw
from ....analysis.layers.tests import LAW_DRAWS
from ....analysis.network_subsets import ALL
from ....analysis.selection import where
from ....notation.number_format import number
from ....notation.p_values import p_text
from ....notation.symbols import layer_name


@dataclass(frozen=True)
class LayerDistance:
    """Wasserstein distances of one layer to its law at initialisation.

    Args:
        layer: its index.
        first, last: at the first and the last epoch.
        by_chance: band of the distance of as many networks of that law, at the last epoch.
        p_first, p_last: of a distance as large by chance.
        norm: root mean square norm of the matrices at initialisation.
    """

    layer: int
    first: float
    last: float
    by_chance: tuple[float, float]
    p_first: float
    p_last: float
    norm: float


@dataclass(frozen=True)
class Distance:
    """Wasserstein distance to initialisation at the first and the last epoch, layer by layer, and its scale."""

    heading: ClassVar[str] = "Distance to initialisation"
    template: ClassVar[str] = "distance"

    first: float
    last: float
    layers: tuple[LayerDistance, ...]

    @classmethod
    def of(cls, distances: pd.DataFrame, config: EnsembleConfig) -> Distance:
        """Read the table of distances.

        Args:
            distances: of `analyse`.
            config: of the ensemble.

        Returns:
            The record.
        """
        everyone = where(distances, subset=ALL).sort_values("epoch", kind="stable")
        layers = []
        for layer, own in everyone.groupby("layer"):
            index = int(str(layer))
            start, end = own.iloc[0], own.iloc[-1]
            layers.append(
                LayerDistance(
                    index,
                    start.wasserstein,
                    end.wasserstein,
                    (end.null_lower, end.null_upper),
                    start.p_value,
                    end.p_value,
                    InitialLaw.of_layer(config, index).norm(config.shapes[index]),
                )
            )
        return cls(everyone.epoch.min(), everyone.epoch.max(), tuple(layers))

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        smallest = 1 / (LAW_DRAWS + 1)
        return [
            {
                "layer": layer_name(own.layer),
                f"distance at epoch {self.first:g}": number(own.first, ".3g"),
                f"at epoch {self.last:g}": number(own.last, ".3g"),
                "by chance": " to ".join(number(end, ".3g") for end in own.by_chance),
                f"p at epoch {self.first:g}": p_text(own.p_first, smallest),
                f"p at epoch {self.last:g}": p_text(own.p_last, smallest),
                "norm at initialisation": number(own.norm, ".3g"),
            }
            for own in self.layers
        ]
