"""The first screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..claims import PAPERS_SHARE
from ..measures.descent import FLOW
from ..questions import Tables
from ..settings import Settings


@dataclass(frozen=True)
class Headline:
    """The three sentences of the first screen.

    Args:
        share: of the trace in the four groups; exact_share for infinite width, papers_share by the paper's values.
        approximate_off: the largest relative error of the paper's eigenvalues.
        rates: the measured decay rates of gradient flow, of F_0, F_l and the mean of F_ab and F_gg.
        rates_off: largest relative difference to the eigenvalues.
        error: largest squared error of the function of an approximate eigenvector, in parts of E[F^2].
        leak: the same of eigenvectors.
        hidden: m.
    """

    template: ClassVar[str] = "function_forms/headline"

    share: float
    exact_share: float
    papers_share: float
    approximate_off: float
    rates: tuple[float, float, float]
    rates_off: float
    error: float
    leak: float
    hidden: int

    @classmethod
    def of(cls, tables: Tables, settings: Settings) -> Headline:
        """Read the tables.

        Args:
            tables: of the study.
            settings: of the study.

        Returns:
            The record.
        """
        values, rates = tables["eigenvalues"], tables["rates"]
        flow = rates[rates.method == FLOW].set_index("group")
        agreement = tables["agreement"].set_index("quantity").measured
        measured = flow.measured
        return cls(
            values.share.sum(),
            values.exact_share.sum(),
            PAPERS_SHARE,
            (values.approximate / values.exact - 1).abs().max(),
            (measured["F_0"], measured["F_l"], (measured["F_ab"] + measured["F_gg"]) / 2),
            (flow.measured / flow.exact - 1).abs().max(),
            agreement["function_error"].max(),
            agreement["function_leak"].max(),
            settings.hidden,
        )
