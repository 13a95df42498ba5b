"""Claims of a paper beside what is measured: the outcomes, and lines of a table with their rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd


class Agreement(StrEnum):
    """The outcome of the measurement of a claim."""

    AGREES = "agrees"
    PARTLY = "agrees in part"
    DIFFERS = "differs"
    OPEN = "not decided"

    @classmethod
    def graded(cls, whole: bool, part: bool) -> Agreement:
        """Grade a decided claim.

        Args:
            whole: whether it holds.
            part: whether a weaker form of it holds.

        Returns:
            AGREES, PARTLY or DIFFERS.

        >>> Agreement.graded(False, True).value
        'agrees in part'
        """
        return cls.AGREES if whole else cls.PARTLY if part else cls.DIFFERS


@dataclass(frozen=True)
class JudgedClaim:
    """One line of a table of claims.

    Args:
        claim: of the paper.
        measurement: ours, with its numbers.
        verdict: the outcome.
        rule: by which it is given.
    """

    claim: str
    measurement: str
    verdict: Agreement
    rule: str


def judged_claims(claims: Iterable[JudgedClaim]) -> pd.DataFrame:
    """Set claims of a paper beside their measurements.

    Args:
        claims: the lines.

    Returns:
        Columns claim, measurement, verdict, rule, all text.

    >>> judged_claims([JudgedClaim("c* is 1", "c* = 3", Agreement.DIFFERS, "agrees within 10%")]).verdict.tolist()
    ['differs']
    """
    return pd.DataFrame([{**vars(claim), "verdict": claim.verdict.value} for claim in claims])
