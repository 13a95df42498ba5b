"""Outliers of batch Hessians as functions of the batch size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number, with_error
from ...notation.p_values import p_text
from ..questions import LINEAR, SLOPE, spike


@dataclass(frozen=True)
class Outliers:
    """Outliers of batch Hessians as functions of the batch size."""

    heading: ClassVar[str] = "Outliers"
    template: ClassVar[str] = "loss_surface/outliers"

    fits: tuple[dict[str, float], ...]
    verdicts: tuple[dict[str, Verdict], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> Outliers:
        """From the table `outliers`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        fits = tuple(records(table))
        found = [
            {q: verdicts[q, spike(int(fit["network"]), int(fit["place"]))] for q in (LINEAR, SLOPE)} for fit in fits
        ]
        return cls(fits, tuple(found))

    @property
    def linear(self) -> int:
        """Outliers that show no departure from a line."""
        return sum(own[LINEAR] is Verdict.NO_DEPARTURE for own in self.verdicts)

    @property
    def other_slope(self) -> int:
        """Outliers whose slope is not that of a semicircle."""
        return sum(own[SLOPE] is Verdict.DEPARTS for own in self.verdicts)

    @property
    def times(self) -> float:
        """Median of slope over that of a semicircle."""
        return float(np.median([fit["slope"] / fit["semicircle_slope"] for fit in self.fits]))

    @property
    def coupled(self) -> float:
        """Median of slope over that of the measured couplings."""
        return float(np.median([fit["slope"] / fit["coupled_slope"] for fit in self.fits]))

    @property
    def along(self) -> float:
        """Median of the noise along an outlier, in units of that along a random direction."""
        return float(np.median([fit["noise_along_spike"] for fit in self.fits]))

    def rows(self) -> list[dict[str, str]]:
        """A row an outlier."""
        return [
            {
                "network": number(fit["network"], ".0f"),
                "outlier": number(-fit["place"], ".0f"),
                "θ, fitted": f"{number(fit['theta'], '.4g')} ({number(fit['theta_low'], '.4g')} to "
                f"{number(fit['theta_high'], '.4g')})",
                "θ of A": number(fit["whole"]),
                "slope": with_error(fit["slope"], fit["slope_error"]),
                "slope of a semicircle": number(fit["semicircle_slope"], ".3g"),
                "slope by the couplings": number(fit["coupled_slope"], ".3g"),
                "noise along it": number(fit["noise_along_spike"], ".3g"),
                "linear": f"p {p_text(fit['p_value'])}: {own[LINEAR].value}",
                "slope, semicircle": own[SLOPE].value,
            }
            for fit, own in zip(self.fits, self.verdicts, strict=True)
        ]
