"""The best nested models of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import ClassVar

import pandas as pd

from ....analysis.layers.tests import LAW_DRAWS
from ....analysis.selection import at_last_epoch, where
from ....notation.p_values import p_text
from ....notation.symbols import group_html, layer_name


@dataclass(frozen=True)
class LayerModels:
    """The best of the nested models of one layer.

    Args:
        layer: its index.
        by_bic, by_aic: symmetry of the model with the smallest criterion; empty if none was fitted.
        p_likelihood_ratio, p_wald: of independent entries of one law.
    """

    layer: int
    by_bic: str
    by_aic: str
    p_likelihood_ratio: float
    p_wald: float


@dataclass(frozen=True)
class NestedModels:
    """The best nested models of each layer at the last epoch."""

    heading: ClassVar[str] = "Which of the nested models?"
    template: ClassVar[str] = "nested_models"

    epoch: float
    layers: tuple[LayerModels, ...]

    @classmethod
    def of(cls, nested: pd.DataFrame) -> NestedModels:
        """Read the table of nested models.

        Args:
            nested: of `analyse`.

        Returns:
            The record.

        >>> row = {"layer": 1, "epoch": 2.0, "p_bootstrap": 0.5, "p_wald": 0.4}
        >>> values = ({"symmetry": "iid", "aic": 3.0, "bic": 4.0}, {"symmetry": "S_N", "aic": 2.0, "bic": 5.0})
        >>> NestedModels.of(pd.DataFrame([row | v for v in values])).layers[0].by_bic
        'iid'
        """
        last = at_last_epoch(nested)
        layers = []
        for layer, own in last.groupby("layer"):
            known = own.dropna(subset="bic").set_index("symmetry")
            best = [str(known[criterion].idxmin()) if len(known) else "" for criterion in ("bic", "aic")]
            iid = where(known.reset_index(), symmetry="iid")
            p = [float(iid[test].iloc[0]) if len(iid) else nan for test in ("p_bootstrap", "p_wald")]
            layers.append(LayerModels(int(str(layer)), best[0], best[1], p[0], p[1]))
        return cls(float(last.epoch.iloc[0]), tuple(layers))

    def rows(self) -> list[dict[str, str]]:
        """A row a layer."""
        return [
            {
                "layer": layer_name(own.layer),
                "best by BIC": group_html(own.by_bic) if own.by_bic else "–",
                "best by AIC": group_html(own.by_aic) if own.by_aic else "–",
                "p of iid: likelihood ratio": p_text(own.p_likelihood_ratio, 1 / (LAW_DRAWS + 1)),
                "Wald": p_text(own.p_wald),
            }
            for own in self.layers
        ]
