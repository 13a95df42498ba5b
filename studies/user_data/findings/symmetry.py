"""The nested models of an ensemble, with all their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from ...analysis.layers.tests import LAW_DRAWS
from ...analysis.selection import records
from ...notation.number_format import number
from ...notation.p_values import p_text
from ...notation.symbols import group_html


@dataclass(frozen=True)
class NestedModel:
    """A model and its tests.

    Args:
        symmetry: its name.
        parameters: how many it has.
        aic, bic: above those of the best.
        against: the larger model of the likelihood ratio.
        p_chi2, p_bootstrap: of the likelihood ratio.
        p_wald: against the full model.
        p_randomisation: by permuting rows and columns of each matrix.
        left_out: why it was not fitted; empty if it was.
    """

    symmetry: str
    parameters: int
    aic: float
    bic: float
    against: str
    p_chi2: float
    p_bootstrap: float
    p_wald: float
    p_randomisation: float
    left_out: str


@dataclass(frozen=True)
class Symmetry:
    """All nested models of an ensemble, and the best."""

    heading: ClassVar[str] = "Which symmetry do they have?"
    template: ClassVar[str] = "fit/symmetry"

    by_aic: str
    by_bic: str
    models: tuple[NestedModel, ...]

    @classmethod
    def of(cls, nested: pd.DataFrame) -> Symmetry:
        """Read the nested models of one ensemble.

        Args:
            nested: the table, a row a model.

        Returns:
            The record.

        >>> row = {"parameters": 2, "against": "", "left_out": ""}
        >>> row |= dict.fromkeys(("p_chi2", "p_bootstrap", "p_wald", "p_randomisation"), 0.5)
        >>> models = ({"symmetry": "iid", "aic": 3.0, "bic": 4.0}, {"symmetry": "S_N", "aic": 2.0, "bic": 5.0})
        >>> found = Symmetry.of(pd.DataFrame([row | model for model in models]))
        >>> found.by_aic, found.by_bic, float(found.models[0].aic)
        ('S_N', 'iid', 1.0)
        """
        known = nested.dropna(subset="bic").set_index("symmetry")
        models = tuple(
            NestedModel(
                symmetry=row["symmetry"],
                parameters=row["parameters"],
                aic=row["aic"] - nested.aic.min(),
                bic=row["bic"] - nested.bic.min(),
                against=row["against"],
                p_chi2=row["p_chi2"],
                p_bootstrap=row["p_bootstrap"],
                p_wald=row["p_wald"],
                p_randomisation=row["p_randomisation"],
                left_out=row["left_out"],
            )
            for row in records(nested)
        )
        return cls(str(known.aic.idxmin()), str(known.bic.idxmin()), models)

    @property
    def left_out(self) -> list[NestedModel]:
        """The models that were not fitted."""
        return [model for model in self.models if model.left_out]

    def rows(self) -> list[dict[str, str]]:
        """A row a model."""
        smallest = 1 / (LAW_DRAWS + 1)
        return [
            {
                "model": group_html(own.symmetry),
                "parameters": str(own.parameters),
                "AIC": number(own.aic, "+.1f"),
                "BIC": number(own.bic, "+.1f"),
                "against": group_html(own.against),
                "p: χ²": p_text(own.p_chi2),
                "p: bootstrap": p_text(own.p_bootstrap, smallest),
                "p: Wald": p_text(own.p_wald),
                "p: randomisation": p_text(own.p_randomisation, smallest),
            }
            for own in self.models
        ]
