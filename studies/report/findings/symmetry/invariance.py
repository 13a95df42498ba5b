"""Whether mean and covariance of each layer are permutation invariant at all."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import pandas as pd
from markupsafe import Markup

from ....analysis.questions import INVARIANT
from ....analysis.selection import at_last_epoch, where
from ....analysis.verdicts import Verdict, Verdicts
from ....notation.p_values import p_text
from ....notation.symbols import group_html, layer_name


@dataclass(frozen=True)
class LayerInvariance:
    """The tests of one layer.

    Args:
        layer: its index.
        p_gaussian: of the mean, for Gaussian matrices.
        part, p_part: the irreducible representation of smallest p-value, and that.
        permuted: p by permutation, of mean and covariance; NaN if it was not done.
        smallest: the smallest that so many permutations can give.
        verdicts: of mean and covariance.
    """

    layer: int
    p_gaussian: float
    part: str
    p_part: float
    permuted: dict[str, float]
    smallest: float
    verdicts: dict[str, Verdict | None]


@dataclass(frozen=True)
class Invariance:
    """Whether mean and covariance are permutation invariant at the last epoch, layer by layer."""

    heading: ClassVar[str] = "Permutation invariance"
    template: ClassVar[str] = "invariance"

    epoch: float
    layers: tuple[LayerInvariance, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Invariance:
        """Read the table of invariance.

        Args:
            table: `invariance` of `analyse`.
            verdicts: of the page.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 2.0, "p_gaussian": 0.5, "p_permutation": 0.01, "replicates": 99}
        >>> parts = (("mean", "V_H"), ("mean", "all"), ("covariance", "all"))
        >>> rows = [row | {"moment": moment, "irreps": irreps} for moment, irreps in parts]
        >>> Invariance.of(pd.DataFrame(rows), {}).layers[0].permuted
        {'mean': 0.01, 'covariance': 0.01}
        """
        last = at_last_epoch(table)
        layers = []
        for layer, own in last.groupby("layer"):
            mean = where(own, moment="mean").set_index("irreps")
            parts = mean.p_gaussian.drop(index="all").dropna()
            together = where(own, irreps="all").set_index("moment")
            permuted = together.p_permutation.to_dict() if "p_permutation" in own else {}
            replicates: pd.Series[float] = own.replicates.dropna() if "replicates" in own else pd.Series(dtype=float)
            layers.append(
                LayerInvariance(
                    int(str(layer)),
                    mean.p_gaussian["all"],
                    str(parts.idxmin()) if len(parts) else "",
                    parts.min(),
                    {moment: permuted.get(moment, nan) for moment in INVARIANT},
                    1 / (float(replicates.iloc[0]) + 1) if len(replicates) else 0.0,
                    {moment: verdicts.get((question, layer)) for moment, question in INVARIANT.items()},
                )
            )
        return cls(float(last.epoch.iloc[0]), tuple(layers))

    @property
    def departing(self) -> list[str]:
        """The moments that depart, in words."""
        return [
            f"{layer_name(own.layer)} ({moment})"
            for own in self.layers
            for moment, verdict in own.verdicts.items()
            if verdict is Verdict.DEPARTS
        ]

    @property
    def judged(self) -> bool:
        """Whether there is a verdict on any layer."""
        return any(verdict for own in self.layers for verdict in own.verdicts.values())

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        return [
            {
                "layer": layer_name(own.layer),
                "mean, if Gaussian": p_text(own.p_gaussian),
                "smallest": Markup("{} in {}").format(p_text(own.p_part), group_html(own.part)) if own.part else "–",
                **{f"{moment}, by permutation": p_text(p, own.smallest) for moment, p in own.permuted.items()},
            }
            for own in self.layers
        ]
