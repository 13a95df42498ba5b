"""The noise of batch Hessians as a function of the batch size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from ...analysis.selection import records
from ...analysis.verdicts import Verdict, Verdicts
from ...notation.number_format import number
from ...notation.p_values import p_text
from ..questions import HALF, POWER_LAW, SEMICIRCLE


@dataclass(frozen=True)
class NoiseLaw:
    """The noise of batch Hessians as a function of the batch size."""

    heading: ClassVar[str] = "The noise of a batch"
    template: ClassVar[str] = "loss_surface/noise_law"

    fits: tuple[dict[str, float], ...]
    verdicts: tuple[dict[str, Verdict], ...]

    @classmethod
    def of(cls, table: pd.DataFrame, verdicts: Verdicts) -> NoiseLaw:
        """From the table `noise_fit`.

        Args:
            table: as `batch_size_tables` returns it.
            verdicts: of the page.

        Returns:
            The record.
        """
        fits = tuple(records(table))
        asked = (POWER_LAW, HALF, SEMICIRCLE)
        return cls(fits, tuple({q: verdicts[q, f"network {int(fit['network'])}"] for q in asked} for fit in fits))

    def count(self, question: str, verdict: Verdict = Verdict.DEPARTS) -> int:
        """For how many networks a question has a verdict.

        Args:
            question: one of those above.
            verdict: the one counted.

        Returns:
            The number of networks.
        """
        return sum(own[question] is verdict for own in self.verdicts)

    @property
    def exponents(self) -> list[str]:
        """With their intervals."""
        return [
            f"{number(fit['exponent'], '.2f')} ({number(fit['exponent_low'], '.2f')} to "
            f"{number(fit['exponent_high'], '.2f')})"
            for fit in self.fits
        ]

    @property
    def fourth_moment(self) -> float:
        """Median over the networks; 2 for a semicircle."""
        return float(np.median([fit["fourth_moment"] for fit in self.fits]))

    @property
    def not_half(self) -> int:
        """Networks whose power is not -1/2."""
        return self.count(HALF)

    @property
    def no_semicircle(self) -> int:
        """Networks whose noise is no semicircle."""
        return self.count(SEMICIRCLE)

    @property
    def undecided(self) -> int:
        """Networks whose noise is not decided to be a semicircle or none."""
        return self.count(SEMICIRCLE, Verdict.OPEN)

    def rows(self) -> list[dict[str, str]]:
        """A row a network."""
        return [
            {
                "network": number(fit["network"], ".0f"),
                "exponent": exponent,
                "power law": f"p {p_text(fit['p_power_law'])}: {own[POWER_LAW].value}",
                "−1/2": own[HALF].value,
                "fourth moment (semicircle: 2)": number(fit["fourth_moment"], ".3g"),
                "distance from the semicircle": number(fit["semicircle_distance"], ".2f"),
                "semicircle": own[SEMICIRCLE].value,
            }
            for fit, own, exponent in zip(self.fits, self.verdicts, self.exponents, strict=True)
        ]
